"""What each impersonated group or person may do in the customer's cluster.

Owns one binding per subject of the access entries, and the ClusterRole that role `read-only` stands for. Does not own
who may be impersonated (ceiling.py) nor Kubernetes' own role `view`, which it only binds. Dies with the ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.rules import read_only_rules
from components.cluster.timeouts import SHORT_DELETE
from components.naming import READ_ONLY_ROLE, group_binding, user_binding
from components.settings.access import Access, Role, Subject

RBAC_GROUP = "rbac.authorization.k8s.io"


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesArgs:
    """access: entries of the stack; no subject has two roles. labels: put on every object. after: what must be there
    first."""

    access: tuple[Access, ...]
    labels: dict[str, str]
    after: list[pulumi.Resource]


class Roles(pulumi.ComponentResource):
    """ClusterRoles and bindings of the groups and users that engineers act as."""

    bound: dict[str, str]
    """Kubernetes group, or user, to the ClusterRole that it is bound to. A user has an `@`, and no group does."""

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
        # Two entries may act as one group: two tailnet groups, or one from two kinds of device.
        for subject, role in {entry.subject: entry.role for entry in args.access}.items():
            cluster_role = READ_ONLY_ROLE if role is Role.READ_ONLY else role.value
            kubernetes.rbac.v1.ClusterRoleBinding(
                f"{name}-{subject.name}",
                metadata={"name": _binding(role, subject), "labels": args.labels},
                role_ref={"api_group": RBAC_GROUP, "kind": "ClusterRole", "name": cluster_role},
                subjects=[{"kind": subject.kind, "name": subject.name, "api_group": RBAC_GROUP}],
                opts=child,
            )
            self.bound[subject.name] = cluster_role
        self.register_outputs({"bound": self.bound})


def _binding(role: Role, subject: Subject) -> str:
    return (group_binding if subject.kind == "Group" else user_binding)(role, subject.name)
