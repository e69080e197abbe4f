"""The ceiling: whom the operator may impersonate in the customer's cluster.

Owns one ClusterRole and its binding to the ServiceAccounts that serve the API. What the vendor writes in its tailnet
policy cannot exceed it: the proxy asks the API server to act as a user and groups, and the API server looks here. Does
not own what those groups may do (roles.py), nor the ServiceAccounts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from components.manifests import Manifest
from components.manifests.rbac import binding, cluster_role
from components.naming import IMPERSONATION_ROLE, NAMESPACE, OPERATOR_SERVICE_ACCOUNT


def impersonation_rules(*, groups: Iterable[str], users: Iterable[str], any_user: bool = False) -> list[Any]:
    """PolicyRules that let their holder impersonate exactly these groups and users; with any_user every user.

    An empty list gives no rule at all: in Kubernetes a rule with empty `resourceNames` would mean everybody. That is
    asked for by any_user alone, and only for users: no group is ever open.
    """
    wanted = {"groups": sorted(set(groups)), "users": [] if any_user else sorted(set(users))}
    rules: list[Any] = [
        {"apiGroups": [""], "resources": [kind], "verbs": ["impersonate"], "resourceNames": names}
        for kind, names in wanted.items()
        if names
    ]
    return [*rules, {"apiGroups": [""], "resources": ["users"], "verbs": ["impersonate"]}] if any_user else rules


def ceiling(
    *,
    groups: Iterable[str],
    users: Iterable[str],
    labels: Mapping[str, str],
    service_accounts: Sequence[str] = (OPERATOR_SERVICE_ACCOUNT,),
    any_user: bool = False,
) -> dict[str, Manifest]:
    """The role and its binding, by what each is called in the stack.

    groups: Kubernetes groups, each declared by an access entry. users: addresses of the engineers, and full names of
    the tagged nodes; the proxy always sends one of them. service_accounts: of the namespace, who serves the API: the
    operator, the highly available proxies, or nobody: then there is no ceiling. any_user: an exception that the
    settings name.
    """
    servers = [{"kind": "ServiceAccount", "name": name, "namespace": NAMESPACE} for name in service_accounts]
    if not servers:
        return {}
    rules = impersonation_rules(groups=groups, users=users, any_user=any_user)
    return {
        "role": cluster_role(IMPERSONATION_ROLE, rules, labels),
        "binding": binding(IMPERSONATION_ROLE, IMPERSONATION_ROLE, servers, labels),
    }
