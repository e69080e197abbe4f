"""The ceiling: whom the operator may impersonate in the customer's cluster.

Owns one ClusterRole and its binding to the operator's ServiceAccount. What the vendor writes in its tailnet policy
cannot exceed it: the proxy asks the API server to act as a user and groups, and the API server looks here. Does not own
what those groups may do (roles.py).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from components.manifests import Manifest
from components.manifests.rbac import binding, cluster_role
from components.naming import IMPERSONATION_ROLE, NAMESPACE, OPERATOR_SERVICE_ACCOUNT


def impersonation_rules(*, groups: Iterable[str], users: Iterable[str]) -> list[Any]:
    """PolicyRules that let their holder impersonate exactly these groups and users.

    An empty list gives no rule at all: in Kubernetes a rule with empty `resourceNames` would mean everybody.
    """
    wanted = {"groups": sorted(set(groups)), "users": sorted(set(users))}
    return [
        {"apiGroups": [""], "resources": [kind], "verbs": ["impersonate"], "resourceNames": names}
        for kind, names in wanted.items()
        if names
    ]


def ceiling(*, groups: Iterable[str], users: Iterable[str], labels: Mapping[str, str]) -> dict[str, Manifest]:
    """The role and its binding, by what each is called in the stack.

    groups: Kubernetes groups, each declared by an access entry. users: addresses of the engineers, and full names of
    the tagged nodes; the proxy always sends one of them.
    """
    operator = {"kind": "ServiceAccount", "name": OPERATOR_SERVICE_ACCOUNT, "namespace": NAMESPACE}
    return {
        "role": cluster_role(IMPERSONATION_ROLE, impersonation_rules(groups=groups, users=users), labels),
        "binding": binding(IMPERSONATION_ROLE, IMPERSONATION_ROLE, operator, labels),
    }
