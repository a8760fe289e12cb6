"""dream-plugin NAME HOOK: the question on standard input, the answer on standard output. HOOK may be "describe"."""

from __future__ import annotations

import importlib
import json
import logging
import sys
from importlib.metadata import entry_points
from typing import Any, Dict, List

from . import ApplyPolicy, FleetSpec, GatewaySpec, Plugin, RunSpec, VolumeSpec, unwrap

GROUP = "dream.plugins"

HOOKS = {
    "on_service_apply": ("on_run_apply", RunSpec),
    "on_run_apply": ("on_run_apply", RunSpec),
    "on_fleet_apply": ("on_fleet_apply", FleetSpec),
    "on_volume_apply": ("on_volume_apply", VolumeSpec),
    "on_gateway_apply": ("on_gateway_apply", GatewaySpec),
}


def find(name: str) -> Plugin:
    """The plugin of an entry point, or of module:Class."""
    if ":" in name:
        module, _, attribute = name.partition(":")
        cls = getattr(importlib.import_module(module), attribute)
    else:
        found = entry_points()
        group = found.select(group=GROUP) if hasattr(found, "select") else found.get(GROUP, [])
        matches = [e for e in group if e.name == name]
        if not matches:
            raise LookupError("no entry point of the group %s is called %r" % (GROUP, name))
        cls = matches[0].load()
    if not (isinstance(cls, type) and issubclass(cls, Plugin)):
        raise TypeError("%s is not a subclass of Plugin" % name)
    return cls()


def answer(plugin: Plugin, hook: str, question: Dict[str, Any]) -> Dict[str, Any]:
    """What the plugin says: {"spec", "error", "warnings"}."""
    method, kind = HOOKS[hook]
    values = question["spec"]
    warnings: List[str] = []
    for policy in plugin.get_apply_policies():
        spec = kind(values)
        try:
            returned = getattr(policy, method)(question["user"], question["project"], spec)
        except ValueError as rejection:
            reason = str(rejection) or "%s gives no reason" % type(policy).__name__
            return {"spec": values, "error": reason, "warnings": warnings}
        if returned is None:
            raise TypeError("%s.%s returned nothing: it has to return the spec" % (type(policy).__name__, method))
        values = unwrap(returned)
        if isinstance(returned, RunSpec):
            for key in returned.configuration.without_meaning():
                warnings.append("configuration.%s has no equivalent here, and changes nothing" % key)
    return {"spec": values, "error": None, "warnings": warnings}


def describe(plugin: Plugin) -> Dict[str, Any]:
    """What the host agent asks once: the hooks that a policy of the plugin has, and whether its answers may be kept."""
    policies = plugin.get_apply_policies()
    hooks = [
        hook
        for hook, (method, _) in HOOKS.items()
        if hook != "on_run_apply" and any(getattr(type(p), method) is not getattr(ApplyPolicy, method) for p in policies)
    ]
    about: Dict[str, Any] = {"api_versions": ["v1"], "hooks": hooks or ["on_service_apply"], "cache": bool(plugin.cache)}
    if plugin.version:
        about["version"] = str(plugin.version)
    return about


def main() -> int:
    logging.basicConfig(stream=sys.stderr, format="%(levelname)s %(name)s: %(message)s")
    if len(sys.argv) != 3 or sys.argv[2] not in HOOKS and sys.argv[2] != "describe":
        print("usage: dream-plugin NAME|module:Class HOOK|describe", file=sys.stderr)
        return 2
    if sys.argv[2] == "describe":
        json.dump(describe(find(sys.argv[1])), sys.stdout)
        return 0
    result = answer(find(sys.argv[1]), sys.argv[2], json.load(sys.stdin))
    json.dump(result, sys.stdout)
    return 0


if __name__ == "__main__":
    sys.exit(main())
