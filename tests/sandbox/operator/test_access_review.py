"""The answers about an engineer's access come from the cluster's RBAC, and both ways of asking agree."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from sandbox import tools
from sandbox.demo.access_review import Question, may_impersonate, review, review_with_kubectl
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


def test_both_ways_of_asking_give_the_answers_of_the_groups_role(
    bounded: Kubernetes, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", f"{tools.locate()['kubectl'].parent}{os.pathsep}{os.environ['PATH']}")
    questions = [Question.parse(text) for text in ALLOWED + REFUSED]
    for ask in (review, review_with_kubectl):
        answers = ask(
            folder / "kubeconfig",
            bounded.context,
            user=ENGINEER,
            group=GROUP,
            questions=questions,
            namespace=bounded.namespace,
        )
        assert [answer.question for answer in answers] == questions
        assert [answer.allowed for answer in answers] == [True] * len(ALLOWED) + [False] * len(REFUSED)
    assert list(folder.glob("operator-*.kubeconfig")) == []


def test_whom_the_operator_may_not_impersonate_is_refused_everything(bounded: Kubernetes, folder: Path) -> None:
    for user, group in (("mallory@highflame.example", GROUP), (ENGINEER, "system:masters")):
        (answer,) = review(
            folder / "kubeconfig",
            bounded.context,
            user=user,
            group=group,
            questions=[Question.parse("get pods")],
            namespace=bounded.namespace,
        )
        assert not answer.allowed
        assert "cannot impersonate" in answer.reason


def test_whom_the_operator_may_impersonate_is_what_the_ceiling_names(bounded: Kubernetes, folder: Path) -> None:
    found = {
        (kind, who): may_impersonate(
            folder / "kubeconfig", bounded.context, kind=kind, who=who, namespace=bounded.namespace
        )
        for kind, who in (
            ("groups", GROUP),
            ("users", ENGINEER),
            ("groups", "system:masters"),
            ("users", "system:kube-controller-manager"),
        )
    }
    assert [named for named, allowed in found.items() if allowed] == [("groups", GROUP), ("users", ENGINEER)]
