"""Between the engine's property values and plain Python: what is unknown, and what is secret.

`plain` gives str, int, float, bool, None, list, dict, or UNKNOWN where a preview does not know yet; secrecy is not
in the plain value but kept beside it, by property, as bridged providers do. Assets, archives and resource
references do not occur in these packages.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime import rpc

Plain = Any  # None | bool | int | float | str | list[Plain] | dict[str, Plain] | UNKNOWN
Properties = dict[str, Plain]


class Unknown:
    """A value that exists only once a resource that is still to be created exists."""

    def __repr__(self) -> str:
        return "<unknown>"


UNKNOWN = Unknown()


def plain(value: PropertyValue) -> Plain:
    match value.value:
        case rpc.UNKNOWN:  # the SDK leaves the engine's mark for "unknown" a string, and cannot write its own Computed
            return UNKNOWN
        case Mapping() as entries:
            return {key: plain(entry) for key, entry in entries.items()}
        case tuple() as items:
            return [plain(item) for item in items]
        case float() as number if number.is_integer():
            return int(number)
        case other:
            return other


def wrapped(value: Plain, secret: bool = False) -> PropertyValue:
    """The reverse of `plain`; `secret` marks the whole value."""
    match value:
        case Unknown():
            inner = rpc.UNKNOWN
        case dict():
            inner = {key: wrapped(entry) for key, entry in value.items()}
        case list() | tuple():
            inner = [wrapped(item) for item in value]
        case bool() | None | str():
            inner = value
        case _:
            inner = float(value)
    return PropertyValue(inner, is_secret=secret)


def plain_properties(values: Mapping[str, PropertyValue]) -> Properties:
    """Plain properties, without those that are null: the engine treats null and absent alike."""
    found = {key: plain(value) for key, value in values.items()}
    return {key: value for key, value in found.items() if value is not None}


def wrapped_properties(values: Mapping[str, Plain], secrets: Collection[str]) -> dict[str, PropertyValue]:
    return {key: wrapped(value, key in secrets) for key, value in values.items() if value is not None}


def secret_names(*values: Mapping[str, PropertyValue]) -> set[str]:
    """The properties that contain a secret in any of `values`."""
    return {key for properties in values for key, value in properties.items() if value.contains_secret()}


def has_unknown(value: Plain) -> bool:
    match value:
        case Unknown():
            return True
        case dict():
            return any(map(has_unknown, value.values()))
        case list():
            return any(map(has_unknown, value))
    return False
