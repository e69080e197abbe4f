"""What the cluster's roles would allow beside what the sentences say.

As document.py for the policy document: whatever a role or a binding gains that no sentence tells is untold, and so is
what a change of a component gives to a role that is called as before. Pure.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.naming import READ_ONLY_ROLE
from supportctl.ci.model import Rbac

Rule = Mapping[str, Any]
Outputs = Mapping[str, Any]
OF_ENTRIES = "support-access:"
"""How the roles of entries with rules of their own are called."""


def untold(roles: Iterable[Rbac], before: Outputs, after: Outputs, *, more_is_told: bool) -> list[str]:
    """Rules and bindings that allow more and that no sentence tells, as text. The arguments: as in document.py."""
    stood = before.get("access") or ()
    entries = [entry for entry in after.get("access") or () if entry not in stood]
    found: list[str] = []
    for role in roles:
        old, new = role.before or {}, role.after or {}
        for rule in new.get("rules") or ():
            within = any(_within(rule, former) for former in old.get("rules") or ())
            told = (role.before is None and more_is_told) or _declared(rule, entries, after)
            if not within and not told:
                found.append(f"{role.kind} {role.name}: {_shown(rule)}")
        bound = list(_bound(old))
        for subject, to in _bound(new):
            if (subject, to) not in bound and not _meant(subject, to, entries, more_is_told=more_is_told):
                found.append(f"{role.kind} {role.name}: {_shown(subject)} is {to}")
    return found


def _within(rule: Rule, former: Rule) -> bool:
    """Whether all that a rule allows another one did."""
    names, were = ({*(each.get("resourceNames") or ())} for each in (rule, former))
    return all(
        {*(rule.get(key) or ())} <= {*(former.get(key) or ())}
        for key in ("apiGroups", "resources", "verbs", "nonResourceURLs")
    ) and (not were or (bool(names) and names <= were))


def _declared(rule: Rule, entries: Iterable[Mapping[str, Any]], after: Outputs) -> bool:
    """Whether a rule is one of an entry's own, or lets the operator be whom the ceiling names."""
    if any(rule in (entry.get("rules") or ()) for entry in entries):
        return True
    if rule.get("verbs") != ["impersonate"]:
        return False
    ceiling, names = after.get("ceiling") or {}, {*(rule.get("resourceNames") or ())}
    if not names:
        return rule.get("resources") == ["users"] and bool(ceiling.get("anyUser"))
    return names <= {*(ceiling.get("groups") or ()), *(ceiling.get("users") or ())}


def _bound(binding: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], str]]:
    for subject in binding.get("subjects") or ():
        yield subject, str((binding.get("roleRef") or {}).get("name"))


def _meant(subject: Mapping[str, Any], to: str, entries: Iterable[Mapping[str, Any]], *, more_is_told: bool) -> bool:
    """Whether an entry says that this subject has this role. What the operator and its proxies have comes with it."""
    if subject.get("kind") == "ServiceAccount":
        return more_is_told
    return any(
        subject.get("name") in (entry.get("as") or {}).values()
        and (to in (entry.get("role"), entry.get("namespaceRole"), READ_ONLY_ROLE) or to.startswith(OF_ENTRIES))
        for entry in entries
    )


def _shown(value: Any) -> str:
    return json.dumps(value, sort_keys=True, ensure_ascii=False)
