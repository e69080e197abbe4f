"""What each impersonated group may do in the customer's cluster.

Owns one binding per access entry, and the ClusterRole that role `read-only` stands for. Does not own who
may be impersonated (ceiling.py) nor Kubernetes' own role `view`, which it only binds. Dies with the ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.rules import read_only_rules
from components.cluster.timeouts import SHORT_DELETE
from components.naming import READ_ONLY_ROLE, group_binding
from components.settings import Access, Role

RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesArgs:
    """access: entries of the stack, each a group and its role. labels: put on every object. after: what must be
    there first."""

    access: tuple[Access, ...]
    labels: dict[str, str]
    after: list[pulumi.Resource]


class Roles(pulumi.ComponentResource):
    """ClusterRoles and bindings of the groups that engineers act as."""

    bound: dict[str, str]
    """Kubernetes group to the ClusterRole that it is bound to."""

    def __init__(self, name: str, args: RolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Roles", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=args.after, custom_timeouts=SHORT_DELETE)
        if any(entry.role is Role.READ_ONLY for entry in args.access):
            kubernetes.rbac.v1.ClusterRole(
                f"{name}-read-only",
                metadata={"name": READ_ONLY_ROLE, "labels": args.labels},
                rules=read_only_rules(),
                opts=child,
            )
        self.bound = {}
        for entry in args.access:
            role = READ_ONLY_ROLE if entry.role is Role.READ_ONLY else entry.role.value
            kubernetes.rbac.v1.ClusterRoleBinding(
                f"{name}-{entry.impersonate}",
                metadata={"name": group_binding(entry.role, entry.impersonate), "labels": args.labels},
                role_ref={"api_group": RBAC_GROUP, "kind": "ClusterRole", "name": role},
                subjects=[{"kind": "Group", "name": entry.impersonate, "api_group": RBAC_GROUP}],
                opts=child,
            )
            self.bound[entry.impersonate] = role
        self.register_outputs({"bound": self.bound})
