"""Whom else the operator could impersonate: roles in the cluster that this stack does not declare.

Owns the reading of RBAC objects for it: the verb `impersonate`, the verbs of constrained impersonation (KEP-5284, from
Kubernetes 1.35 on), `*`, and every way in which a binding may name the operator. Pure: objects in the API's own form go
in, sentences come out. What the stack declares itself is brought back to its manifest by every update
(providers/tailnet/cluster_repair.py), so it is no matter of this module. Authorizers other than RBAC are not seen.
"""

from __future__ import annotations

import shlex
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from components.naming import NAMESPACE
from components.settings.escalation import covers

Object = Mapping[str, Any]

_AUTHENTICATION = "authentication.k8s.io"
_ASKED: Final = (
    ("impersonate", "", ("users", "groups", "serviceaccounts")),
    ("impersonate", _AUTHENTICATION, ("uids", "userextras")),
    ("impersonate:user-info", _AUTHENTICATION, ("users", "groups", "uids", "userextras")),
    ("impersonate:serviceaccount", _AUTHENTICATION, ("serviceaccounts",)),
    ("impersonate:arbitrary-node", _AUTHENTICATION, ("nodes",)),
    ("impersonate:associated-node", _AUTHENTICATION, ("nodes",)),
)
"""What the API server asks RBAC before it lets somebody act as somebody else: verb, API group, kinds. The second
question of the constrained modes, `impersonate-on:MODE:VERB`, narrows the first; alone it gives nothing."""

_GROUPS = frozenset(
    {"system:authenticated", "system:unauthenticated", "system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}"}
)
"""Every group that the operator is in, and the one of callers without a token: it can leave its token out."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Declared:
    """Whom the settings let the operator impersonate; any_user: every user, by a named exception."""

    groups: frozenset[str]
    users: frozenset[str]
    any_user: bool = False

    def allows(self, kind: str, name: str | None) -> bool:
        """kind: users, groups or another; name: None for all of them."""
        if kind == "users":
            return self.any_user or name in self.users
        return kind == "groups" and name in self.groups


class Wider(NamedTuple):
    """A binding through which the operator may impersonate more. binding, role: `KIND NAME`; namespace: the binding's,
    if it has one; whom: in words."""

    binding: str
    namespace: str | None
    role: str
    whom: tuple[str, ...]


def wider(
    bindings: Iterable[Object], roles: Iterable[Object], declared: Declared, own: Collection[tuple[str, str, str]] = ()
) -> list[Wider]:
    """bindings: RoleBindings and ClusterRoleBindings; roles: Roles and ClusterRoles, each with its `kind`. own: kind,
    namespace (empty for none) and name of what the stack declares itself.

    A role that is bound and not there gives nothing. Any ServiceAccount of the operator's namespace counts: the
    operator may start pods there that run as it.
    """
    by_name = {key: role for role in roles if (key := identity(role)) not in own}
    found: list[Wider] = []
    for binding in bindings:
        if identity(binding) in own or not any(_is_the_operator(subject) for subject in binding.get("subjects") or ()):
            continue
        named, place = binding["roleRef"], _place(binding)
        role = by_name.get((named["kind"], (place or "") if named["kind"] == "Role" else "", named["name"]))
        if role is None:
            continue
        whom = [
            f"{'any of the' if name is None else name + ' of the'} {kind}"
            for kind, name in _impersonates(role.get("rules") or (), place)
            if not declared.allows(kind, name)
        ]
        if whom:
            found.append(
                Wider(
                    f"{binding['kind']} {binding['metadata']['name']}",
                    place,
                    f"{role['kind']} {role['metadata']['name']}",
                    tuple(dict.fromkeys(whom)),
                )
            )
    return found


def sentence(found: Wider, context: str) -> str:
    """What to say of it, with the command that mends it. The name is quoted: RBAC takes any, and the cluster is not
    ours."""
    kind, _, name = found.binding.partition(" ")
    place = f" --namespace {found.namespace}" if found.namespace else ""
    remove = f"kubectl --context {context}{place} delete {kind.lower()} {shlex.quote(name)}"
    return (
        f"{found.binding}{f' in namespace {found.namespace}' if found.namespace else ''} gives the operator"
        f" {found.role}, so it may impersonate {', '.join(found.whom)}: more than this stack declares. Whoever writes"
        " the tailnet's policy, or gets hold of the operator, would be that. Mend: take the operator out of it, or"
        f" `{remove}`; where a Helm release made it, first set"
        ' apiServerProxyConfig.mode to "" and allowImpersonation to "false" there.'
    )


def _impersonates(rules: Sequence[Object], namespace: str | None) -> Iterator[tuple[str, str | None]]:
    """Kind and name of whom these rules let somebody act as; None for all of a kind.

    namespace: of a RoleBinding; there only ServiceAccounts count, for the others are asked of the whole cluster.
    """
    for rule in rules:
        verbs, groups, resources = (rule.get(key) or () for key in ("verbs", "apiGroups", "resources"))
        for verb, group, kinds in _ASKED:
            if not {verb, "*"} & {*verbs} or not {group, "*"} & {*groups}:
                continue
            for kind in kinds:
                if namespace is not None and kind != "serviceaccounts":
                    continue
                # userextras has a subresource for each key.
                if any(
                    covers(resource if resource == "*" else resource.partition("/")[0], kind) for resource in resources
                ):
                    yield from ((kind, name) for name in rule.get("resourceNames") or (None,))


def _is_the_operator(subject: Object) -> bool:
    kind, name = subject.get("kind"), str(subject.get("name"))
    if kind == "ServiceAccount":
        return subject.get("namespace") == NAMESPACE
    if kind == "User":
        return name == "system:anonymous" or name.startswith(f"system:serviceaccount:{NAMESPACE}:")
    return kind == "Group" and name in _GROUPS


def identity(there: Object) -> tuple[str, str, str]:
    """Kind, namespace (empty for none) and name."""
    return str(there["kind"]), _place(there) or "", str(there["metadata"]["name"])


def _place(there: Object) -> str | None:
    return there["metadata"].get("namespace")
