"""A plugin for the tests."""

from dream_plugins import ApplyPolicy, Plugin


class SamplePolicy(ApplyPolicy):
    def on_run_apply(self, user, project, spec):
        spec.services.web.hostname = "sampled"
        return spec


class SamplePlugin(Plugin):
    def get_apply_policies(self):
        return [SamplePolicy()]


def helper():
    return SamplePlugin()
