"""The answers about an engineer's access come from the cluster's RBAC."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import tools
from sandbox.demo.access_review import Operator, operator
from tests.sandbox.operator.conftest import Kubernetes

pytestmark = pytest.mark.engine

ENGINEER, GROUP = "ada@highflame.example", "highflame-sre"
ALLOWED = ["get pods", "list pods", "get pods/log", "watch deployments.apps"]
REFUSED = ["get secrets", "create pods/exec", "delete pods", "list rolebindings.rbac.authorization.k8s.io"]


@pytest.fixture
def bounded(acme: Kubernetes) -> Kubernetes:
    """A release whose operator may impersonate one user and one group, which may read pods and deployments."""
    acme.install()
    impersonate = [
        {"apiGroups": [""], "resources": [kind], "verbs": ["impersonate"], "resourceNames": [name]}
        for kind, name in (("users", ENGINEER), ("groups", GROUP))
    ]
    read = [
        {"apiGroups": ["", "apps"], "resources": ["pods", "pods/log", "deployments"], "verbs": ["get", "list", "watch"]}
    ]
    operator = {"kind": "ServiceAccount", "name": "operator", "namespace": acme.namespace}
    group = {"kind": "Group", "name": GROUP, "apiGroup": "rbac.authorization.k8s.io"}
    acme.bind("ceiling", impersonate, operator)
    acme.bind("reader", read, group)
    return acme


@pytest.fixture
def asked(bounded: Kubernetes, folder: Path) -> Iterator[Operator]:
    path = f"{tools.locate()['kubectl'].parent}{os.pathsep}{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "KUBECONFIG": str(folder / "kubeconfig")}
    with operator(bounded.context, env, bounded.namespace) as asked:
        yield asked


def test_the_answers_are_those_of_the_groups_role(asked: Operator) -> None:
    allowed = [question for question in ALLOWED + REFUSED if asked.can_i(question, user=ENGINEER, group=GROUP)]
    assert allowed == ALLOWED


@pytest.mark.parametrize(("user", "group"), [("mallory@highflame.example", GROUP), (ENGINEER, "system:masters")])
def test_whom_the_operator_may_not_impersonate_may_do_nothing(asked: Operator, user: str, group: str) -> None:
    assert not asked.can_i("get pods", user=user, group=group)


def test_whom_the_operator_may_impersonate_is_what_the_ceiling_names(asked: Operator) -> None:
    people = [
        ("groups", GROUP),
        ("users", ENGINEER),
        ("groups", "system:masters"),
        ("users", "system:kube-controller-manager"),
    ]
    assert [named for named in people if asked.may_impersonate(*named)] == [("groups", GROUP), ("users", ENGINEER)]


def test_no_answer_is_no_answer_and_not_a_no(asked: Operator) -> None:
    elsewhere = Operator((*asked.command, "--server=https://127.0.0.1:9"), asked.env)
    with pytest.raises(RuntimeError, match="gave no answer"):
        elsewhere.may_impersonate("groups", GROUP)
