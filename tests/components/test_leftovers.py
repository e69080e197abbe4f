"""What stands in the cluster already is never taken over: whose it is, and what to do, is said."""

from __future__ import annotations

import shlex
from collections.abc import Callable

import pytest

from components.cluster.leftovers import _Once, leftover, names_of, path_of
from components.manifests.ceiling import ceiling
from components.manifests.namespace import namespace
from components.manifests.roles import roles
from components.naming import Names
from components.settings.environment import EnvironmentSettings
from providers.cluster.look import Found
from providers.cluster.problems import ClusterUnknownError

ACME, GLOBEX = Names("acme", "prod"), Names("globex", "prod")
LABELS = (
    "app.kubernetes.io/managed-by=support-access,support-access.highflame.ai/customer=acme,"
    "support-access.highflame.ai/environment=prod"
)


def said(kind: str, labels: dict[str, str], *, stands: bool = True) -> str:
    return leftover(ACME, "acme-context", kind, {"name": "it", "labels": labels}, stands=stands)


def test_of_our_own_it_gives_the_command_that_removes_this_and_no_other() -> None:
    """A stack that stands may find one: a binding that was taken out while the cluster did not answer, and comes back.
    By their labels its ceiling would go too, and the role that owns all that is exposed."""
    text = said("ClusterRole", ACME.labels)
    assert text.startswith("ClusterRole it is in the cluster acme-context already and carries the labels of acme-prod")
    assert text.endswith("\nkubectl --context acme-context delete clusterrole it")


@pytest.mark.parametrize("kind", ["ClusterRole", "ClusterRoleBinding"])
def test_of_what_stayed_when_all_else_went_it_gives_one_command_for_all_of_it(kind: str) -> None:
    text = said(kind, ACME.labels, stands=False)
    assert text.endswith(f"\nkubectl --context acme-context delete clusterroles,clusterrolebindings -l {LABELS}")


def test_of_one_in_a_namespace_of_the_customers_it_says_where() -> None:
    there = {"name": "support-access:view:sre", "namespace": "shop", "labels": ACME.labels}
    text = leftover(ACME, "acme-context", "RoleBinding", there, stands=True)
    assert text.startswith("RoleBinding support-access:view:sre in namespace shop is in the cluster acme-context")
    assert text.endswith("\nkubectl --context acme-context delete rolebinding support-access:view:sre -n shop")
    foreign = leftover(ACME, "acme-context", "RoleBinding", {**there, "labels": {}}, stands=True)
    assert "get rolebinding support-access:view:sre -n shop -o yaml" in foreign


def test_a_name_with_an_apostrophe_is_one_word_of_every_command() -> None:
    name = "support-access:view:user:o'brien@example.com"
    for kind, labels in (("ClusterRole", ACME.labels), ("RoleBinding", {})):
        text = leftover(ACME, "acme-context", kind, {"name": name, "labels": labels}, stands=True)
        assert name in shlex.split(text[text.index("kubectl") :].partition("`")[0])


def test_every_kind_that_outlives_the_namespace_is_looked_for(environment: Callable[..., EnvironmentSettings]) -> None:
    """One that is not would be refused by the API server alone, without a way on."""
    access = environment(
        access=[
            {"from": "group:highflame-sre", "role": "read-only"},
            {"from": "group:platform", "role": "namespaces", "namespaces": ["shop"]},
        ]
    ).access
    made = [*roles(access, ACME.labels).values(), *ceiling(groups=["a"], users=["b"], labels={}).values()]
    paths = {path_of(it["kind"], it["metadata"]) for it in [*made, namespace({}, proxies=False)]}
    assert len(paths) == len(made) + 1
    assert any(path.startswith("/apis/rbac.authorization.k8s.io/v1/namespaces/shop/rolebindings/") for path in paths)


def test_of_an_exposure_it_removes_that_object_alone_and_another_name_is_a_way_out() -> None:
    """Others of the kind may be in use, and the operator's credential is a Secret too."""
    there = {"name": "cache", "namespace": "shop", "labels": ACME.labels}
    text = leftover(ACME, "acme-context", "Service", there, stands=True)
    assert text.endswith("\nkubectl --context acme-context delete service cache -n shop")
    assert "an exposure of another name still has it" in text
    assert "exposure" not in said("ClusterRole", ACME.labels)
    theirs = leftover(ACME, "acme-context", "Service", {**there, "labels": {}}, stands=True)
    assert "kubectl --context acme-context get service cache -n shop -o yaml" in theirs
    assert theirs.endswith("choose another name in `support-access:expose`")


def test_of_a_whole_installation_it_gives_every_command() -> None:
    commands = said("Namespace", ACME.labels).splitlines()[-3:]
    assert commands == [
        "helm --kube-context acme-context uninstall tailscale-operator -n tailscale --ignore-not-found",
        "kubectl --context acme-context delete namespace tailscale",
        f"kubectl --context acme-context delete clusterroles,clusterrolebindings -l {LABELS}",
    ]


def test_another_environments_is_never_to_be_deleted_by_hand() -> None:
    text = said("Namespace", GLOBEX.labels)
    assert "belongs to globex-prod" in text
    assert "pulumi destroy -s globex-prod" in text
    assert "delete" not in text


@pytest.mark.parametrize(
    "labels", [{}, {"app.kubernetes.io/managed-by": "Helm"}, {**ACME.labels, "app.kubernetes.io/managed-by": "me"}]
)
def test_what_is_not_of_our_making_is_the_customers_to_judge(labels: dict[str, str]) -> None:
    text = said("ClusterRole", labels)
    assert "not of this program's making" in text
    assert "delete" not in text


def test_labels_name_an_environment_only_when_all_of_them_are_ours() -> None:
    assert names_of(GLOBEX.labels) == GLOBEX
    assert names_of({}) is None
    assert names_of({**GLOBEX.labels, "support-access.highflame.ai/environment": "not-one"}) is None
    assert names_of({key: value for key, value in GLOBEX.labels.items() if "managed-by" not in key}) is None


def test_a_cluster_that_does_not_answer_holds_up_no_second_object() -> None:
    """Whether it is there, its own creation will say; a frozen API server takes its whole time for each question."""
    asked: list[str] = []

    class Silent:
        def one(self, path: str) -> Found | None:
            asked.append(path)
            raise ClusterUnknownError("frozen")

        def all(self, path: str, labels: str = "") -> list[Found]:
            raise AssertionError

    look = _Once(Silent)
    assert look.one("/a") is None
    assert look.may_have("/c")  # what may stand is not advised to be deleted
    assert look.one("/b") is None
    assert asked == ["/a"]
