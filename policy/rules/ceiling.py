"""Nobody in the customer's cluster may become anybody, and cluster-admin takes somebody's agreement with an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from policy.seen import NAMESPACE, Limits, Seen

ROLES = ("ClusterRole", "Role")
BINDINGS = ("ClusterRoleBinding", "RoleBinding")
ADMIN = ("cluster-admin", "admin", "edit")
"""The cluster's own roles that lead to everything: `edit` may become every ServiceAccount, a controller's too."""
ESCALATING = {"impersonate", "escalate", "bind"}
SIGNING = {"approve", "sign"}
READING = {"get", "list", "watch"}
PERSONS = {"users", "groups"}
"""What a role may let its holder become, by name. A ServiceAccount's name does not say whose it is."""
OPERATORS = "support-access-impersonation"
"""Whom the operator may become: whoever else is bound to it has the rights of all of them."""
TOKENS = ("serviceaccounts/token", "*/token")
CLUSTERS_OWN = "system:"
STACK = "pulumi:pulumi:Stack"
PEOPLE = ("Group", "User")


def bounded(seen: Seen, limits: Limits) -> Iterator[str]:
    """A role that lets its holder become more than it names, write its own rights, or widen somebody else's."""
    del limits
    if seen.kind not in ROLES:
        return
    if seen.props.get("aggregationRule"):
        yield "its rules are gathered from other roles (aggregationRule): nobody can say what it allows."
    if joined := [name for name in seen.metadata.get("labels") or {} if "/aggregate-to-" in name]:
        yield f"its label {', '.join(joined)} adds its rules to a role of the customer's."
    rules: Sequence[Mapping[str, Any]] = seen.props.get("rules") or ()
    for number, rule in enumerate(rules):
        for problem in _of_rule(rule):
            yield f"rule {number + 1} {problem}"


def _of_rule(rule: Mapping[str, Any]) -> Iterator[str]:
    verbs, names, resources = (
        [str(item) for item in rule.get(key) or []] for key in ("verbs", "resourceNames", "resources")
    )
    escalating = sorted(verb for verb in {*verbs} if verb in ESCALATING or verb.startswith("impersonate"))
    if "*" in verbs:
        yield "has every verb, impersonate and escalate among them."
    if escalating and not names:
        yield f"allows {', '.join(escalating)} without resourceNames: its holder becomes anybody."
    if "escalate" in verbs and names:
        yield "allows escalate: its holder writes any right into the role that it names."
    if any(verb.startswith("impersonate") for verb in verbs) and (others := {*resources} - PERSONS - {"*"}):
        yield f"allows impersonate on {', '.join(sorted(others))}: only users and groups can be named as people."
    if escalating and "*" in resources:
        yield f"allows {', '.join(escalating)} on every kind: name users or groups."
    own = [name for name in names if name.startswith(CLUSTERS_OWN) or ("bind" in verbs and name in ADMIN)]
    if escalating and own:
        yield f"lets its holder become {', '.join(own)}, which is the cluster's own."
    if "*" in resources and not {*verbs} <= READING:
        yield "writes every kind, roles and their bindings among them: that is cluster-admin in other words."
    if {*verbs} & SIGNING:
        yield "lets its holder make a client certificate, which is any user of the cluster."
    if "create" in verbs and not names and any(kind in TOKENS for kind in resources):
        yield "makes tokens of every ServiceAccount: its holder becomes any of them."


def agreed_admin(seen: Seen, limits: Limits) -> Iterator[str]:
    """A binding to cluster-admin that nobody agreed to, or no longer; or any for those whom the cluster itself names.

    limits: `admins`, a list of `{subject, reason, until (YYYY-MM-DD), approvedBy}`; subject is the group or the user.
    """
    if seen.kind not in BINDINGS:
        return
    role = str((seen.props.get("roleRef") or {}).get("name") or "")
    if not role or role.startswith(CLUSTERS_OWN):
        yield f"it binds to {role or 'a role that it does not name'}, which is the cluster's own business."
    for subject in seen.props.get("subjects") or ():
        yield from _of_subject(seen, role, subject, limits)


def _of_subject(seen: Seen, role: str, subject: Mapping[str, Any], limits: Limits) -> Iterator[str]:
    kind, name, place = subject.get("kind"), str(subject.get("name")), subject.get("namespace")
    if kind not in PEOPLE and role in ADMIN:
        yield f"{kind} {name} would be {role}: only a group or a person may be."
    elif kind not in PEOPLE and place not in (NAMESPACE, seen.namespace or NAMESPACE):
        yield f"{kind} {place}/{name} is somebody else's, and would have {role}."
    elif kind in PEOPLE and role == OPERATORS:
        yield f"{kind} {name} could become whomever the operator may: only what serves the API is bound to {role}."
    elif kind in PEOPLE and (role in ADMIN or name.startswith(CLUSTERS_OWN)):
        yield from _unagreed(name, role, limits)


def declared_admin(seen: Seen, limits: Limits) -> Iterator[str]:
    """The same of what the stack says of who gets in: where the customer installs, no binding is made here.

    limits: `admins`, as for `agreed_admin`.
    """
    if seen.type != STACK:
        return
    for entry in seen.props.get("access") or ():
        if entry.get("role") in ADMIN:
            for name in (entry.get("as") or {}).values():
                yield from _unagreed(str(name), str(entry["role"]), limits)


def _person(name: str) -> str:
    """A login in lower case, as the tailnet has it; a group, which has no @, as it is written."""
    return name.lower() if "@" in name and name.isascii() else name


def _unagreed(name: str, role: str, limits: Limits) -> Iterator[str]:
    agreed = {_person(str(entry.get("subject"))): entry for entry in limits.get("admins") or ()}
    problem = agreement(agreed.get(_person(name)))
    if name.startswith(CLUSTERS_OWN):
        yield f"{name} is a group or a user of the cluster's own: it is nobody's to be bound."
    elif problem:
        yield (
            f"{name} would be {role}: {problem}. In the pack's configuration, admins takes subject, reason, until and"
            " approvedBy."
        )


def agreement(entry: Mapping[str, Any] | None, today: date | None = None) -> str | None:
    """What is wrong with an agreement, or None."""
    if entry is None:
        return "nobody has agreed to it"
    missing = [key for key in ("reason", "until", "approvedBy") if not entry.get(key)]
    if missing:
        return f"the agreement lacks {', '.join(missing)}"
    try:
        until = date.fromisoformat(str(entry["until"]))
    except ValueError:
        return f"until is {entry['until']!r} and must be a date like 2026-12-31"
    return f"the agreement ended on {until}" if until < (today or datetime.now(UTC).date()) else None
