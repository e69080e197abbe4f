"""What a grant's Kubernetes capability makes of a caller: the groups that the API proxy impersonates.

Owns the reading of `tailscale.com/cap/kubernetes`, as the proxy does it (k8s-operator/api-proxy at v1.96.5): the union
of the groups of all matching grants; without any, a person is only their login name and a tagged node has its tags as
groups. JSON of another shape makes the proxy answer every request of the caller with 200 and an empty body. The
capability's old name gives groups too, to callers without the new one; here always, since who else a caller is may
change. Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from ..ownership import canonical
from .rules import Rule

KUBERNETES = "tailscale.com/cap/kubernetes"
OLD_KUBERNETES = f"https://{KUBERNETES}"
_FLAGS = ("enforceRecorder", "enableEvents")


@dataclass(frozen=True, slots=True)
class Impersonation:
    """One value of the capability. `recording` is what it asks for beside groups, as canonical JSON."""

    groups: tuple[str, ...]
    recording: str


def impersonates(rule: Rule) -> bool:
    """Whether the rule has the Kubernetes capability under either name."""
    return KUBERNETES in rule.app or OLD_KUBERNETES in rule.app


def impersonations(rule: Rule) -> list[Impersonation]:
    """The readable values of the rule's Kubernetes capability."""
    return [_read(value) for value in _values(rule) if problem_of(value) is None]


def groups(rule: Rule) -> frozenset[str]:
    """The groups that the rule has its sources impersonated as."""
    return frozenset(group for each in impersonations(rule) for group in each.groups)


def problems(rule: Rule) -> list[str]:
    """Why the proxy cannot read a value of the rule's Kubernetes capability, once per value."""
    return [problem for value in _values(rule) if (problem := problem_of(value))]


def problem_of(value: Any) -> str | None:
    """Why the proxy cannot read this value of the capability, or None when it can."""
    if not isinstance(value, Mapping):
        return "it is no object"
    fields = {key.lower(): inner for key, inner in value.items()}
    impersonate = fields.get("impersonate")
    if impersonate is not None and not isinstance(impersonate, Mapping):
        return "impersonate is no object"
    named = {key.lower(): inner for key, inner in (impersonate or {}).items()}.get("groups")
    if not _are_texts(named):
        return "impersonate.groups is no list of strings"
    if not _are_texts(fields.get("recorder")):
        return "recorder is no list of strings"
    if any(not isinstance(fields.get(flag.lower()), bool | None) for flag in _FLAGS):
        return f"{' or '.join(_FLAGS)} is neither true nor false"
    return None


def others(rule: Rule) -> Iterator[tuple[str, str]]:
    """The rule's other capabilities: name and, once for each of its values, the value as canonical JSON."""
    for name, value in rule.app.items():
        if name not in (KUBERNETES, OLD_KUBERNETES):
            for each in value if isinstance(value, list | tuple) and value else (value,):
                yield name, canonical(each)


def _values(rule: Rule) -> list[Any]:
    return [*_listed(rule, KUBERNETES), *_listed(rule, OLD_KUBERNETES)]


def _listed(rule: Rule, name: str) -> list[Any]:
    value = rule.app.get(name, [])
    return list(value) if isinstance(value, list | tuple) else [value]


def _are_texts(value: Any) -> bool:
    # The proxy is written in Go, where null leaves a list empty.
    return value is None or (isinstance(value, list | tuple) and all(isinstance(text, str) for text in value))


def _read(value: Mapping[str, Any]) -> Impersonation:
    fields = {key.lower(): inner for key, inner in value.items()}
    impersonate = {key.lower(): inner for key, inner in (fields.pop("impersonate", None) or {}).items()}
    return Impersonation(tuple(dict.fromkeys(impersonate.get("groups") or ())), canonical(fields))
