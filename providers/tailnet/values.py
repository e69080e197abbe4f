"""Property values of the engine as plain Python values and back. Owns the mark for what is not known at preview."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from pulumi.provider.experimental.property_value import Computed, PropertyValue
from pulumi.runtime import rpc


class _Unknown:
    def __repr__(self) -> str:
        return "UNKNOWN"


UNKNOWN: Final = _Unknown()
"""Stands for a value that the engine does not know yet."""


def plain(value: PropertyValue) -> Any:
    """The Python value: whole numbers as int, unknown parts as UNKNOWN."""
    inner = value.value
    # The SDK reads the engine's mark for an unknown value as a plain text, and cannot write its own Computed.
    if isinstance(inner, Computed) or inner == rpc.UNKNOWN:
        return UNKNOWN
    if isinstance(inner, float) and inner.is_integer():
        return int(inner)
    if isinstance(inner, Mapping):
        return {key: plain(item) for key, item in inner.items()}
    if isinstance(inner, Sequence) and not isinstance(inner, str):
        return [plain(item) for item in inner]
    if inner is None or isinstance(inner, bool | float | str):
        return inner
    raise TypeError(f"a value of type {type(inner).__name__} is not accepted here")


def plain_map(values: Mapping[str, PropertyValue]) -> dict[str, Any]:
    """The inputs or the state of a resource as Python values; members that are null are left out."""
    found = {key: plain(value) for key, value in values.items() if not key.startswith("__")}
    return {key: value for key, value in found.items() if value is not None}


def property_value(value: Any) -> PropertyValue:
    """The engine's form of a Python value."""
    if value is UNKNOWN:
        return PropertyValue(rpc.UNKNOWN)
    if isinstance(value, Mapping):
        return PropertyValue({key: property_value(item) for key, item in value.items()})
    if isinstance(value, list | tuple):
        return PropertyValue([property_value(item) for item in value])
    if isinstance(value, int) and not isinstance(value, bool):
        return PropertyValue(float(value))
    return PropertyValue(value)


def property_map(values: Mapping[str, Any]) -> dict[str, PropertyValue]:
    """The engine's form of a resource's properties."""
    return {key: property_value(value) for key, value in values.items()}


def is_known(value: Any) -> bool:
    """Whether nothing in a value is UNKNOWN."""
    if isinstance(value, Mapping):
        return all(is_known(item) for item in value.values())
    if isinstance(value, list | tuple):
        return all(is_known(item) for item in value)
    return value is not UNKNOWN
