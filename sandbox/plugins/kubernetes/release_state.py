"""What the engine keeps of a Helm release: every input, what Helm says of it, and the inputs as they came.

Owns the layout of that state (`__inputs`, secret as a whole, as the real plugin writes it) and the inputs' defaults.
Pure but for values files, which it reads.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pulumi
import yaml
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from sandbox.plugins.kubernetes.errors import OperationError, Properties
from sandbox.plugins.kubernetes.manifest import resource_names
from sandbox.plugins.kubernetes.values import Object, mark_secrets, plain_map, prop, prop_map

_INPUTS = "__inputs"
_DEFAULTS: Object = {
    **dict.fromkeys(
        (
            "allowNullValues",
            "atomic",
            "cleanupOnFail",
            "createNamespace",
            "dependencyUpdate",
            "devel",
            "disableCRDHooks",
            "disableOpenapiValidation",
            "disableWebhooks",
            "forceUpdate",
            "lint",
            "recreatePods",
            "renderSubchartNotes",
            "replace",
            "resetValues",
            "reuseValues",
            "skipAwait",
            "skipCrds",
            "verify",
            "waitForJobs",
        ),
        False,
    ),
    **dict.fromkeys(("chart", "description", "keyring", "name", "namespace", "postrender", "version"), ""),
    "timeout": 0,
    "values": {},
}
_REPOSITORY: Object = dict.fromkeys(("caFile", "certFile", "keyFile", "password", "repo", "username"), "")
_OPTIONAL = ("maxHistory", "repositoryOpts")


def decode(properties: Properties) -> Object:
    """All inputs of a release as plain data, what is not given at its default, values files merged into values."""
    given = {key: value for key, value in properties.items() if key in _DEFAULTS or key in _OPTIONAL}
    release = {**_DEFAULTS, **{key: value for key, value in plain_map(given).items() if value is not None}}
    if isinstance(release.get("repositoryOpts"), dict):
        release["repositoryOpts"] = {**_REPOSITORY, **release["repositoryOpts"]}
    values: Object = {}
    for file in _sequence(properties.get("valueYamlFiles")):
        values = _merge(values, _read_values(file))
    if isinstance(release["values"], dict):
        release["values"] = _merge(values, release["values"])
    return release


def _sequence(value: PropertyValue | None) -> Sequence[PropertyValue]:
    return value.value if value is not None and isinstance(value.value, Sequence) else ()  # type: ignore[return-value]


def _read_values(file: PropertyValue) -> Object:
    asset = file.value
    if isinstance(asset, pulumi.StringAsset):
        text = asset.text
    elif isinstance(asset, pulumi.FileAsset):
        text = Path(asset.path).read_text()
    else:
        raise OperationError(f"unsupported type for 'valueYamlFiles' arg: {type(asset).__name__}; use a file or text")
    return yaml.safe_load(text) or {}


def _merge(base: Any, over: Any) -> Any:
    """Maps merged key by key, everything else taken from `over`."""
    if not isinstance(base, Mapping) or not isinstance(over, Mapping):
        return over
    return {**base, **{key: _merge(base.get(key), value) for key, value in over.items()}}


def recorded_inputs(state: Properties) -> Properties:
    recorded = state.get(_INPUTS)
    return dict(recorded.value) if recorded is not None and isinstance(recorded.value, Mapping) else {}


def without_inputs(state: Properties) -> Properties:
    return {key: value for key, value in state.items() if key != _INPUTS}


def checkpoint(inputs: Properties, release: Object, live: Object | None, *, preview: bool = False) -> Properties:
    """The state of a release: every input, what Helm says of it, and the inputs as they were, all secret."""
    outputs = dict(release)
    if preview:
        outputs |= {"resourceNames": UNKNOWN, "status": UNKNOWN}
    elif live is not None:
        metadata = live["metadata"]
        outputs |= {
            "values": _merge(release["values"], live.get("config") or {}),
            "version": metadata["version"],
            "resourceNames": resource_names(live.get("manifest") or ""),
            "status": {
                "appVersion": metadata.get("appVersion", ""),
                "chart": metadata["chart"],
                "name": live["name"],
                "namespace": live["namespace"],
                "revision": live["version"],
                "status": live["info"]["status"],
                "version": metadata["version"],
            },
        }
    recorded = prop({}).with_value(without_inputs(inputs)).with_secret(True)
    return {**mark_secrets(prop_map(outputs), inputs), _INPUTS: recorded}


def visible(state: Any, old_inputs: Any, new: Any) -> Any:
    """The part of the state that somebody asked for: by the old inputs, which may now be gone, or by the new."""
    if not isinstance(state, dict):
        return state
    old_inputs = old_inputs if isinstance(old_inputs, dict) else {}
    new = new if isinstance(new, dict) else {}
    return {
        key: visible(value, old_inputs.get(key), new.get(key))
        for key, value in state.items()
        if key in old_inputs or key in new
    }
