import json
import re
import subprocess
import sys
import unittest
from pathlib import Path

HERE = Path(__file__).resolve().parent
SRC = HERE.parent / "src"
sys.path.insert(0, str(SRC))

from dream_plugins import ApplyPolicy, Plugin, Spec  # noqa: E402
from dream_plugins.__main__ import answer, describe  # noqa: E402


def question(**services):
    services = services or {"web": {"image": "a"}, "web-db": {"image": "b", "labels": {"x": "1"}}}
    return {"user": "alice", "project": "main", "spec": {"kind": "service", "id": "web", "manifest": {}, "services": services}}


def plugin(*policies):
    class Made(Plugin):
        def get_apply_policies(self):
            return list(policies)

    return Made()


def readme_example():
    text = (HERE.parent / "README.md").read_text(encoding="utf-8")
    names = {"__name__": "example_plugin"}
    exec(re.search(r"```python\n(.*?)```", text, re.S).group(1), names)
    return names["ExamplePlugin"]()


class Example(unittest.TestCase):
    """The example of the page, which is dstack's."""

    def test_tags_every_service(self):
        got = answer(readme_example(), "on_service_apply", question())
        self.assertIsNone(got["error"])
        self.assertEqual({"team": "my_team"}, got["spec"]["services"]["web"]["labels"])
        self.assertEqual({"x": "1", "team": "my_team"}, got["spec"]["services"]["web-db"]["labels"])
        self.assertEqual(["configuration.https has no equivalent here, and changes nothing"], got["warnings"])

    def test_accepts_what_it_has_made(self):
        once = answer(readme_example(), "on_service_apply", question())
        again = answer(readme_example(), "on_service_apply", {**question(), "spec": json.loads(json.dumps(once["spec"]))})
        self.assertEqual(once["spec"], again["spec"])

    def test_refuses_privileged(self):
        with self.assertLogs("dream.plugins.example_plugin", "WARNING"):
            got = answer(readme_example(), "on_run_apply", question(web={"image": "a"}, db={"image": "b", "privileged": True}))
        self.assertEqual("Running privileged containers is forbidden", got["error"])


class Policies(unittest.TestCase):
    def test_each_hook_has_its_spec(self):
        class All(ApplyPolicy):
            def on_fleet_apply(self, user, project, spec):
                spec.placement.devices[0]["count"] = 1
                return spec

            def on_volume_apply(self, user, project, spec):
                spec.volumes.data.labels = {"a": "b"}
                return spec

            def on_gateway_apply(self, user, project, spec):
                if spec.ports:
                    raise ValueError("no ports")
                return spec

        fleet = answer(plugin(All()), "on_fleet_apply", {"user": "", "project": "", "spec": {"placement": {"devices": [{"count": 2}]}}})
        self.assertEqual([{"count": 1}], fleet["spec"]["placement"]["devices"])
        volume = answer(plugin(All()), "on_volume_apply", {"user": "", "project": "", "spec": {"volumes": {"data": {}}}})
        self.assertEqual({"data": {"labels": {"a": "b"}}}, volume["spec"]["volumes"])
        gateway = answer(plugin(All()), "on_gateway_apply", {"user": "", "project": "", "spec": {"ports": [{}]}})
        self.assertEqual("no ports", gateway["error"])

    def test_each_policy_sees_what_the_one_before_has_left(self):
        class One(ApplyPolicy):
            def on_run_apply(self, user, project, spec):
                spec.services.web.image = "c"
                return spec

        class Two(ApplyPolicy):
            def on_run_apply(self, user, project, spec):
                if spec.configuration.image == "c":
                    raise ValueError("c is not for " + user)
                return spec

        self.assertEqual("c is not for alice", answer(plugin(One(), Two()), "on_service_apply", question())["error"])

    def test_a_rejection_without_a_reason_has_one(self):
        class Silent(ApplyPolicy):
            def on_run_apply(self, user, project, spec):
                raise ValueError()

        self.assertEqual("Silent gives no reason", answer(plugin(Silent()), "on_service_apply", question())["error"])

    def test_returning_nothing_is_a_mistake(self):
        class Forgets(ApplyPolicy):
            def on_run_apply(self, user, project, spec):
                spec.services.web.image = "c"

        with self.assertRaisesRegex(TypeError, "returned nothing"):
            answer(plugin(Forgets()), "on_service_apply", question())

    def test_tags(self):
        class Tags(ApplyPolicy):
            def on_run_apply(self, user, project, spec):
                assert spec.configuration.tags == {}, "only what all have is a tag"
                spec.configuration.tags = {"a": "1", "b": "2"}
                del spec.configuration.tags["b"]
                assert spec.configuration.tags == {"a": "1"}
                return spec

        got = answer(plugin(Tags()), "on_service_apply", question())
        self.assertEqual([{"a": "1"}, {"x": "1", "a": "1"}], [s["labels"] for s in got["spec"]["services"].values()])

    def test_specs_are_mappings(self):
        spec = Spec({"a": {"b": 1}})
        self.assertEqual((1, 1, None, None), (spec.a.b, spec["a"]["b"], spec.c, spec.get("c")))
        spec.a.c = {"d": [Spec({"e": 2})]}
        spec["f"] = 3
        del spec.nothing
        self.assertEqual({"a": {"b": 1, "c": {"d": [{"e": 2}]}}, "f": 3}, spec._values)
        self.assertEqual((["a", "f"], True, 2), (list(spec), "f" in spec, len(spec)))


class Description(unittest.TestCase):
    def test_has_the_hooks_of_all_policies(self):
        class Ports(ApplyPolicy):
            def on_gateway_apply(self, user, project, spec):
                return spec

        self.assertEqual({"api_versions": ["v1"], "hooks": ["on_service_apply"], "cache": True}, describe(readme_example()))
        self.assertEqual(["on_gateway_apply"], describe(plugin(Ports()))["hooks"])
        self.assertEqual(["on_service_apply"], describe(plugin(ApplyPolicy()))["hooks"])

    def test_says_what_the_plugin_says_of_itself(self):
        class Clock(Plugin):
            version = "1.2"
            cache = False

            def get_apply_policies(self):
                return []

        self.assertEqual({"version": "1.2", "api_versions": ["v1"], "hooks": ["on_service_apply"], "cache": False}, describe(Clock()))


class Program(unittest.TestCase):
    def run_it(self, *args, text):
        command = [sys.executable, "-c", "import sys; sys.path[:0] = [%r, %r]; from dream_plugins.__main__ import main; sys.exit(main())" % (str(SRC), str(HERE)), *args]
        return subprocess.run(command, input=text, capture_output=True, text=True, check=False)

    def test_answers_on_standard_output(self):
        got = self.run_it("sample:SamplePlugin", "on_service_apply", text=json.dumps(question()))
        self.assertEqual((0, "sampled"), (got.returncode, json.loads(got.stdout)["spec"]["services"]["web"]["hostname"]), got.stderr)

    def test_describes_itself(self):
        got = self.run_it("sample:SamplePlugin", "describe", text="")
        self.assertEqual((0, ["on_service_apply"]), (got.returncode, json.loads(got.stdout)["hooks"]), got.stderr)

    def test_says_what_is_wrong(self):
        for args, text, want in [
            (("sample:SamplePlugin",), "", "usage"),
            (("sample:SamplePlugin", "on_apply"), "", "usage"),
            (("nobody", "on_run_apply"), json.dumps(question()), "no entry point"),
            (("sample:helper", "on_run_apply"), json.dumps(question()), "not a subclass of Plugin"),
            (("sample:SamplePlugin", "on_run_apply"), "nonsense", "JSONDecodeError"),
        ]:
            got = self.run_it(*args, text=text)
            self.assertNotEqual(0, got.returncode)
            self.assertEqual("", got.stdout)
            self.assertIn(want, got.stderr)


if __name__ == "__main__":
    unittest.main()
