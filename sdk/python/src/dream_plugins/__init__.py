"""Apply policies for Dream Server: see README.md. Standard library only."""

from __future__ import annotations

import logging
from typing import Any, Dict, Iterator, List

__all__ = [
    "ApplyPolicy",
    "FleetSpec",
    "GatewaySpec",
    "Plugin",
    "RunSpec",
    "Service",
    "Spec",
    "VolumeSpec",
    "get_plugin_logger",
]


def get_plugin_logger(name: str) -> logging.Logger:
    """A logger whose lines the host agent shows as the plugin's: they go to standard error."""
    logger = logging.getLogger("dream.plugins." + name)
    logger.setLevel(logging.INFO)
    return logger


class Spec:
    """A mapping of the model. Keys are attributes as well; one that is not there is None."""

    def __init__(self, values: Dict[str, Any]):
        object.__setattr__(self, "_values", values)

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return wrap(self._values.get(key))

    def __setattr__(self, key: str, value: Any) -> None:
        self._values[key] = unwrap(value)

    def __delattr__(self, key: str) -> None:
        self._values.pop(key, None)

    def __getitem__(self, key: str) -> Any:
        return wrap(self._values[key])

    def __setitem__(self, key: str, value: Any) -> None:
        self._values[key] = unwrap(value)

    def __delitem__(self, key: str) -> None:
        del self._values[key]

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __eq__(self, other: object) -> bool:
        return unwrap(self) == unwrap(other)

    __hash__ = None  # it can change

    def __repr__(self) -> str:
        return "%s(%r)" % (type(self).__name__, self._values)

    def get(self, key: str, default: Any = None) -> Any:
        return wrap(self._values.get(key, default))

    def keys(self):
        return self._values.keys()

    def values(self) -> List[Any]:
        return [wrap(v) for v in self._values.values()]

    def items(self):
        return [(k, wrap(v)) for k, v in self._values.items()]


def wrap(value: Any) -> Any:
    """value as a policy sees it: mappings are Specs of the same values, lists are the lists themselves."""
    if isinstance(value, dict):
        return Spec(value)
    return value


def unwrap(value: Any) -> Any:
    """value as JSON has it."""
    if isinstance(value, Spec):
        return value._values
    if isinstance(value, dict):
        return {k: unwrap(v) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [unwrap(v) for v in value]
    return value


class Tags(dict):
    """Labels that all services have. What is set here is set for each of them."""

    def __init__(self, services: List[Dict[str, Any]]):
        self._services = services
        common = None
        for service in services:
            items = set((service.get("labels") or {}).items())
            common = items if common is None else common & items
        super().__init__(common or ())

    def __setitem__(self, key: str, value: str) -> None:
        super().__setitem__(key, value)
        for service in self._services:
            service["labels"] = {**(service.get("labels") or {}), key: value}

    def __delitem__(self, key: str) -> None:
        super().__delitem__(key)
        for service in self._services:
            (service.get("labels") or {}).pop(key, None)

    def update(self, *args: Any, **more: str) -> None:
        for key, value in dict(*args, **more).items():
            self[key] = value

    def __ior__(self, other: Any) -> "Tags":
        self.update(other)
        return self


class Service:
    """An extension in dstack's words. What Compose has no word for is remembered and changes nothing."""

    type = "service"
    _own = ("name", "tags", "privileged", "image", "env", "volumes", "port")

    def __init__(self, values: Dict[str, Any]):
        services = values.get("services") or {}
        object.__setattr__(self, "_id", values.get("id"))
        object.__setattr__(self, "_services", list(services.values()))
        main = services.get(values.get("id")) or next(iter(services.values()), {})
        object.__setattr__(self, "_main", main)
        object.__setattr__(self, "_foreign", {})

    @property
    def name(self) -> str:
        return self._id

    @property
    def tags(self) -> Tags:
        return Tags(self._services)

    @property
    def privileged(self) -> bool:
        return any(s.get("privileged") for s in self._services)

    @property
    def image(self) -> Any:
        return self._main.get("image")

    @property
    def env(self) -> Any:
        return wrap(self._main.get("environment"))

    @property
    def volumes(self) -> Any:
        return self._main.get("volumes")

    @property
    def port(self) -> Any:
        ports = self._main.get("ports") or [{}]
        return ports[0].get("target")

    def __getattr__(self, key: str) -> Any:
        if key.startswith("__"):
            raise AttributeError(key)
        return self._foreign.get(key)

    def __setattr__(self, key: str, value: Any) -> None:
        if key == "tags":
            now = self.tags
            for gone in [k for k in now if k not in (value or {})]:
                del now[gone]
            now.update(value or {})
        elif key == "privileged":
            for service in self._services:
                service["privileged"] = bool(value)
        elif key == "image":
            self._main["image"] = value
        elif key == "env":
            self._main["environment"] = unwrap(value)
        elif key == "volumes":
            self._main["volumes"] = unwrap(value)
        elif key in self._own:
            raise ValueError("configuration.%s is not a policy's to change" % key)
        else:
            self._foreign[key] = value

    def without_meaning(self) -> List[str]:
        """What was set and has no equivalent in Compose."""
        return sorted(k for k, v in self._foreign.items() if v is not None)


class RunSpec(Spec):
    """What on_run_apply is asked about."""

    def __init__(self, values: Dict[str, Any]):
        super().__init__(values)
        object.__setattr__(self, "configuration", Service(values))


class FleetSpec(Spec):
    """What on_fleet_apply is asked about."""


class VolumeSpec(Spec):
    """What on_volume_apply is asked about."""


class GatewaySpec(Spec):
    """What on_gateway_apply is asked about."""


class ApplyPolicy:
    """Override the hooks that matter. A hook returns the spec, changed or not, or raises ValueError with the reason."""

    def on_run_apply(self, user: str, project: str, spec: RunSpec) -> RunSpec:
        return spec

    def on_fleet_apply(self, user: str, project: str, spec: FleetSpec) -> FleetSpec:
        return spec

    def on_volume_apply(self, user: str, project: str, spec: VolumeSpec) -> VolumeSpec:
        return spec

    def on_gateway_apply(self, user: str, project: str, spec: GatewaySpec) -> GatewaySpec:
        return spec


class Plugin:
    """What an entry point of the group dream.plugins names."""

    version = ""
    cache = True  # False where a policy looks at more than what it is asked: the time, a file, the network

    def get_apply_policies(self) -> List[ApplyPolicy]:
        raise NotImplementedError("get_apply_policies")
