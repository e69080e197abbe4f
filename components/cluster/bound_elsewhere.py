"""What the cluster's own bindings give to whom engineers act as, beside what this stack declares.

To RBAC an impersonated group or person is a name and nothing else: a binding that names the same one, by the customer's
will or by chance, adds to the declared role. Owns the reading of bindings for it. Refuses nothing, since the customer's
RBAC is the customer's to say; but nobody shall learn of it from the audit log. Pure.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from components.cluster.impersonators import Declared
from components.manifests.roles import roles
from components.settings.environment import EnvironmentSettings

Object = Mapping[str, Any]


def bound_elsewhere(
    bindings: Iterable[Object], settings: EnvironmentSettings, declared: Declared, context: str
) -> Iterator[str]:
    """A sentence for each. bindings: RoleBindings and ClusterRoleBindings, each with its `kind`."""
    expected = {_identity(one) for one in roles(settings.access, settings.names.labels).values()}
    for binding in bindings:
        ours = settings.names.owns(binding["metadata"].get("labels") or {})
        named = [each for each in binding.get("subjects") or () if _may_be(each, declared)]
        if not named or (ours and _identity(binding) in expected):
            continue
        kind, place, name = _identity(binding)
        where = f" in namespace {place}" if place else ""
        whom = ", ".join(f"{each['kind'].lower()} {each['name']}" for each in named)
        gives = f"{kind} {name}{where} gives {whom} {binding['roleRef']['kind']} {binding['roleRef']['name']}"
        if ours:
            inside = f" -n {place}" if place else ""
            remove = f"kubectl --context {context}{inside} delete {kind.lower()} {shlex.quote(name)}"
            yield (
                f"{gives}, and this stack does not declare it. An update that narrows takes it away; what an earlier"
                f" life of the stack left behind stays until somebody does: `{remove}`"
            )
        else:
            yield (
                f"{gives}, and is not of this stack's making: whoever acts as that has it beside the declared role. If"
                " the name is the same by chance, choose another in support-access:access (impersonate), or have the"
                " customer take it out there."
            )


def _may_be(subject: Object, declared: Declared) -> bool:
    kind, name = subject.get("kind"), subject.get("name")
    return (kind == "Group" and name in declared.groups) or (kind == "User" and name in declared.users)


def _identity(one: Object) -> tuple[str, str | None, str]:
    return one["kind"], one["metadata"].get("namespace"), one["metadata"]["name"]
