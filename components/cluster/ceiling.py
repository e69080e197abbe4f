"""The ceiling: whom the operator may impersonate in the customer's cluster.

Owns one ClusterRole and its binding to the operator's ServiceAccount. What the vendor writes in its tailnet policy
cannot exceed it: the proxy asks the API server to act as a user and groups, and the API server looks here.
Does not own what those groups may do (roles.py). Dies after the grant and the devices are gone, before the
operator's credential; with the cluster unreachable it is dropped from state, cut off all the same.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.timeouts import SHORT_DELETE
from components.naming import IMPERSONATION_ROLE, NAMESPACE, OPERATOR_SERVICE_ACCOUNT

RBAC_GROUP = "rbac.authorization.k8s.io"


def impersonation_rules(*, groups: list[str], users: list[str]) -> list[Any]:
    """PolicyRules that let their holder impersonate exactly these groups and users.

    An empty list gives no rule at all: in Kubernetes a rule with empty `resourceNames` would mean everybody.
    """
    wanted = {"groups": sorted(set(groups)), "users": sorted(set(users))}
    return [
        {"apiGroups": [""], "resources": [kind], "verbs": ["impersonate"], "resourceNames": names}
        for kind, names in wanted.items()
        if names
    ]


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingArgs:
    """What bounds the operator.

    groups: Kubernetes groups it may impersonate, each declared by an access entry.
    users: addresses of the engineers, and full names of the tagged nodes, that it may impersonate; the proxy always
    sends one of them.
    labels: put on both objects. after: what must be there first.
    """

    groups: list[str]
    users: list[str]
    labels: dict[str, str]
    after: list[pulumi.Resource]


class Ceiling(pulumi.ComponentResource):
    """The bounded impersonation role, bound to the operator's ServiceAccount."""

    def __init__(self, name: str, args: CeilingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Ceiling", name, None, opts)
        child = pulumi.ResourceOptions(parent=self, depends_on=args.after, custom_timeouts=SHORT_DELETE)
        metadata = kubernetes.meta.v1.ObjectMetaArgs(name=IMPERSONATION_ROLE, labels=args.labels)
        kubernetes.rbac.v1.ClusterRole(
            f"{name}-role",
            metadata=metadata,
            rules=impersonation_rules(groups=args.groups, users=args.users),
            opts=child,
        )
        kubernetes.rbac.v1.ClusterRoleBinding(
            f"{name}-binding",
            metadata=metadata,
            role_ref={"api_group": RBAC_GROUP, "kind": "ClusterRole", "name": IMPERSONATION_ROLE},
            subjects=[{"kind": "ServiceAccount", "name": OPERATOR_SERVICE_ACCOUNT, "namespace": NAMESPACE}],
            opts=child,
        )
        self.register_outputs({"groups": args.groups, "users": args.users})
