"""What the policy document would let in beside what the sentences say.

The sentences are made of what the program says of itself (its outputs), and a program may say less than it does. So
what it writes is read too: whatever does not provably narrow, and is not what a sentence tells, is untold. Owns that
comparison. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from supportctl.ci.model import Slice

Sections = Mapping[str, Any]
Outputs = Mapping[str, Any]
LISTS = ("grants", "acls", "ssh")
"""What lets in by itself."""
BESIDE = ("hosts", "ipsets", "nodeAttrs", "tagOwners", "autoApprovers")
"""What gives grants their meaning; it comes with what a sentence tells, or by itself."""
API_PORTS = {"tcp:443", "tcp:80"}
CAPABILITY = "tailscale.com/cap/kubernetes"


def untold(stack: str, slices: Iterable[Slice], before: Outputs, after: Outputs, *, more_is_told: bool) -> list[str]:
    """Entries of the document that let in more and that no sentence tells, as text.

    before, after: the outputs that the sentences are made of. more_is_told: whether a sentence tells of more access.
    """
    sides = [(each.before or {}, each.after or {}) for each in slices]
    old, new = _Side(side[0] for side in sides), _Side(side[1] for side in sides)
    found = [
        _shown(section, entry)
        for section in LISTS
        for entry in new.entries(section)
        if not any(_within(entry, former, old, new) for former in old.entries(section))
        and not (section == "grants" and _told(stack, entry, before, after))
    ]
    for name, conditions in new.named("postures"):
        former = dict(old.named("postures")).get(name)
        if former is not None and not {*former} <= {*conditions}:
            found.append(_shown("postures", {name: conditions}))
    for name, members in new.named("groups"):
        known = {*dict(old.named("groups")).get(name, ()), *(after.get("groups") or {}).get(name, ())}
        if more := [member for member in members if member not in known]:
            found.append(_shown("groups", {name: more}))
    if not more_is_told:
        for section in BESIDE:
            stood = {leaf for content in old.all(section) for leaf in _leaves(content)}
            come = [leaf for content in new.all(section) for leaf in _leaves(content) if leaf not in stood]
            found += [": ".join((section, *leaf)) for leaf in come]
    return found


class _Side:
    """The sections of all slices of one stack, before or after."""

    def __init__(self, slices: Iterable[Sections]) -> None:
        self._slices = list(slices)

    def all(self, section: str) -> list[Any]:
        return [each[section] for each in self._slices if each.get(section)]

    def entries(self, section: str) -> Iterator[Mapping[str, Any]]:
        for content in self.all(section):
            yield from content

    def named(self, section: str) -> Iterator[tuple[str, list[str]]]:
        for content in self.all(section):
            yield from content.items()

    def conditions(self, entry: Mapping[str, Any]) -> list[set[str]]:
        """One of these sets must hold for the device; a posture of another stack is itself. Empty: any device."""
        own = dict(self.named("postures"))
        return [{*own.get(name, [name])} for name in entry.get("srcPosture") or ()]


def _leaves(content: Any, *way: str) -> Iterator[tuple[str, ...]]:
    """Every item of a section's lists, with the names that lead to it."""
    if isinstance(content, Mapping):
        for name, item in content.items():
            yield from _leaves(item, *way, str(name))
    else:
        for item in content if isinstance(content, list) else [content]:
            yield (*way, item if isinstance(item, str) else json.dumps(item, sort_keys=True))


def _within(entry: Mapping[str, Any], former: Mapping[str, Any], old: _Side, new: _Side) -> bool:
    """Whether all that `entry` lets in `former` did, beyond doubt."""
    lists = ("src", "dst", "ip")
    rest = {*entry, *former} - {*lists, "srcPosture"}
    if any(entry.get(key) != former.get(key) for key in rest):
        return False
    if any(not {*_items(entry.get(key))} <= {*_items(former.get(key))} for key in lists):
        return False
    needed, was = new.conditions(entry), old.conditions(former)
    return not was or (bool(needed) and all(any(each <= now for each in was) for now in needed))


def _items(value: Any) -> list[Any]:
    """A list; a text in its place is a list of one."""
    return [value] if isinstance(value, str) else list(value or ())


def _told(stack: str, grant: Mapping[str, Any], before: Outputs, after: Outputs) -> bool:
    """Whether it is the grant of an access entry or of an exposure that is new or another one."""
    stood = before.get("exposures") or ()
    for exposure in after.get("exposures") or ():
        if exposure not in stood and grant in (exposure.get("grants") or ()):
            return True
    stood = before.get("access") or ()
    return any(entry not in stood and _is_of(stack, grant, entry) for entry in after.get("access") or ())


def _is_of(stack: str, grant: Mapping[str, Any], entry: Mapping[str, Any]) -> bool:
    """Whether a grant gives an access entry what its sentence says, and nothing else."""
    group = (entry.get("as") or {}).get("group")
    app = grant.get("app") or {}
    return (
        _items(grant.get("src")) == [entry.get("from")]
        and {*_items(grant.get("dst"))} <= {f"tag:kube-{stack}", f"tag:api-{stack}"}
        and {*_items(grant.get("ip"))} <= API_PORTS
        and bool(grant.get("srcPosture")) >= bool(entry.get("posture"))
        and {*app} <= {CAPABILITY}
        and all({*((one.get("impersonate") or {}).get("groups") or ())} <= {group} for one in app.get(CAPABILITY) or ())
    )


def _shown(section: str, content: Any) -> str:
    return f"{section}: {json.dumps(content, sort_keys=True, ensure_ascii=False)}"
