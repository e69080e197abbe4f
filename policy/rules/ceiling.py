"""Nobody in the customer's cluster may become anybody, and cluster-admin takes somebody's agreement with an end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from typing import Any

from policy.seen import Limits, Seen

ROLES = ("ClusterRole", "Role")
BINDINGS = ("ClusterRoleBinding", "RoleBinding")
ESCALATING = {"impersonate", "escalate", "bind"}
CLUSTERS_OWN = "system:"


def bounded(seen: Seen, limits: Limits) -> Iterator[str]:
    """A role that lets its holder become more than it names, or write its own rights."""
    del limits
    if seen.kind not in ROLES:
        return
    rules: Sequence[Mapping[str, Any]] = seen.props.get("rules") or ()
    for number, rule in enumerate(rules):
        verbs, names, resources = (
            [str(item) for item in rule.get(key) or []] for key in ("verbs", "resourceNames", "resources")
        )
        where = f"rule {number + 1}"
        if "*" in verbs:
            yield f"{where} has every verb, impersonate and escalate among them."
        escalating = sorted(verb for verb in {*verbs} if verb in ESCALATING or verb.startswith("impersonate"))
        if escalating and not names:
            yield f"{where} allows {', '.join(escalating)} without resourceNames: its holder becomes anybody."
        if escalating and "*" in resources:
            yield f"{where} allows {', '.join(escalating)} on every kind: name users or groups."
        own = [name for name in names if name.startswith(CLUSTERS_OWN)]
        if escalating and own:
            yield f"{where} lets its holder become {', '.join(own)}, which is the cluster's own."


def agreed_admin(seen: Seen, limits: Limits) -> Iterator[str]:
    """A binding to cluster-admin that nobody agreed to, or no longer.

    limits: `admins`, a list of `{subject, reason, until (YYYY-MM-DD), approvedBy}`; subject is the group or the user.
    """
    if seen.kind not in BINDINGS or (seen.props.get("roleRef") or {}).get("name") not in ("cluster-admin", "admin"):
        return
    agreed = {str(entry.get("subject")): entry for entry in limits.get("admins") or ()}
    for subject in seen.props.get("subjects") or ():
        name = str(subject.get("name"))
        problem = _agreement(agreed.get(name))
        if name.startswith(CLUSTERS_OWN):
            yield f"{name} is a group of the cluster's own: it is nobody's to be bound."
        elif problem:
            yield (
                f"{name} would be {seen.props['roleRef']['name']}: {problem}. In the pack's configuration, admins "
                "takes subject, reason, until and approvedBy."
            )


def _agreement(entry: Mapping[str, Any] | None, today: date | None = None) -> str | None:
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
