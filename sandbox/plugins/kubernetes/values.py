"""Property values as plain data and back, and which of them are secret.

Owns the conversion between Pulumi's property values and the JSON-like data that Kubernetes and Helm understand.
Unknown values keep the engine's own placeholder, the string UNKNOWN. Knows nothing of Kubernetes but one rule of the
real plugin: `data` and `stringData` of a Secret are secret wherever they appear.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from sandbox.plugins.kubernetes.errors import OperationError, Properties

Object = dict[str, Any]

# The SDKs spell these keys of a CustomResourceDefinition's schema with underscores.
_DASHED = {
    name.replace("-", "_"): name
    for name in (
        "x-kubernetes-embedded-resource",
        "x-kubernetes-int-or-string",
        "x-kubernetes-list-map-keys",
        "x-kubernetes-list-type",
        "x-kubernetes-map-type",
        "x-kubernetes-preserve-unknown-fields",
        "x-kubernetes-validations",
    )
}
_UNDERSCORED = {dashed: name for name, dashed in _DASHED.items()}


def plain(value: PropertyValue) -> Any:
    """The JSON-like data in `value`, secrets laid open. Whole numbers become int, which Kubernetes insists on."""
    inner = value.value
    if isinstance(inner, float):
        return int(inner) if inner.is_integer() else inner
    if inner is None or isinstance(inner, (bool, str)):
        return inner
    if isinstance(inner, Sequence):
        return [plain(item) for item in inner]
    if isinstance(inner, Mapping):
        return {_DASHED.get(key, key): plain(item) for key, item in inner.items()}
    raise OperationError(f"a property holds a {type(inner).__name__}, which the kubernetes provider cannot take")


def plain_map(properties: Properties) -> Object:
    """`plain` of a whole property map."""
    return {_DASHED.get(key, key): plain(value) for key, value in properties.items()}


def prop(value: Any) -> PropertyValue:
    """JSON-like data as a property value, nothing in it secret."""
    if isinstance(value, bool) or value is None or isinstance(value, (str, float)):
        return PropertyValue(value)
    if isinstance(value, int):
        return PropertyValue(float(value))
    if isinstance(value, Mapping):
        return PropertyValue(prop_map(value))
    if isinstance(value, Sequence):
        return PropertyValue([prop(item) for item in value])
    raise TypeError(f"cannot make a property value of {type(value).__name__}")


def prop_map(value: Mapping[str, Any]) -> Properties:
    """`prop` of a whole object."""
    return {_UNDERSCORED.get(key, key): prop(item) for key, item in value.items()}


def has_unknown(value: Any) -> bool:
    """Whether plain data contains the placeholder of a value that is not known yet."""
    if isinstance(value, Mapping):
        return any(has_unknown(item) for item in value.values())
    if isinstance(value, list):
        return any(has_unknown(item) for item in value)
    return value == UNKNOWN


def mark_secrets(outputs: Properties, inputs: Properties) -> Properties:
    """`outputs` with every value secret that is, or contains, a secret at the same place in `inputs`.

    Maps are compared key by key; a list with one secret in it becomes secret as a whole. For an object of kind
    Secret, `data` and `stringData` are secret whatever the inputs say, and the rest is left alone.
    """
    kind = outputs.get("kind")
    if kind is not None and kind.value == "Secret":
        return {
            key: value.with_secret(True) if key in ("data", "stringData") else value for key, value in outputs.items()
        }
    marked = dict(outputs)
    for key, source in inputs.items():
        target = marked.get(key)
        if target is None:
            continue
        if isinstance(target.value, Mapping) and isinstance(source.value, Mapping) and not source.is_secret:
            marked[key] = target.with_value(mark_secrets(dict(target.value), dict(source.value)))
        elif source.contains_secret():
            marked[key] = target.with_secret(True)
    return marked
