"""A real API server answers the dry run of a proxy's pod in the words that the preview relies on."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from components.cluster import platform
from components.cluster.platform import BY_LABEL, NOT_ASKED, PODS, privileged_pod, privileged_pods
from components.manifests.namespace import ENFORCE
from components.settings.environment import EnvironmentSettings
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterRefusedError
from tests.components.conftest import LEAST
from tests.components.exposing import SERVICE
from tests.sandbox.kubernetes.conftest import CONTEXT

POLICIES = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"
BINDINGS = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings"
SETTINGS = EnvironmentSettings.model_validate({**LEAST, "expose": [SERVICE]})


@pytest.fixture
def look(environment: dict[str, str], namespace: str, monkeypatch: pytest.MonkeyPatch) -> ClusterLook:
    """Of a cluster in which the operator's namespace is a new one, and admits privileged pods."""
    monkeypatch.setattr(platform, "NAMESPACE", namespace)
    found = ClusterLook(CONTEXT, Path(environment["KUBECONFIG"]))
    label(found, namespace, "privileged")
    return found


def label(look: ClusterLook, namespace: str, level: str) -> None:
    look.patch(f"/api/v1/namespaces/{namespace}", {"metadata": {"labels": {ENFORCE: level}}})


@pytest.fixture
def policy(look: ClusterLook, namespace: str) -> Iterator[str]:
    """Refuses privileged pods there, as policies of customers do."""
    matching = {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
    expression = "object.spec.containers.all(c, !has(c.securityContext) || c.securityContext.privileged != true)"
    kind = {"apiVersion": "admissionregistration.k8s.io/v1"}
    look.create(
        POLICIES,
        {
            **kind,
            "kind": "ValidatingAdmissionPolicy",
            "metadata": {"name": namespace},
            "spec": {
                "matchConstraints": {"resourceRules": [matching]},
                "validations": [{"expression": expression, "message": "no privileged containers here"}],
            },
        },
    )
    selector = {"matchLabels": {"kubernetes.io/metadata.name": namespace}}
    look.create(
        BINDINGS,
        {
            **kind,
            "kind": "ValidatingAdmissionPolicyBinding",
            "metadata": {"name": namespace},
            "spec": {
                "policyName": namespace,
                "validationActions": ["Deny"],
                "matchResources": {"namespaceSelector": selector},
            },
        },
    )
    yield namespace
    look.delete(f"{BINDINGS}/{namespace}")
    look.delete(f"{POLICIES}/{namespace}")


def until(holds: Callable[[], bool], limit: float = 60.0) -> None:
    """Policies take effect a moment after they are made."""
    ends = time.monotonic() + limit
    while not holds():
        assert time.monotonic() < ends
        time.sleep(0.2)


def test_a_namespace_that_admits_privileged_pods_passes_and_keeps_none(look: ClusterLook, namespace: str) -> None:
    assert privileged_pods(look, SETTINGS, []) == ([], [])
    assert look.all(PODS.format(namespace=namespace)) == []


def test_an_admission_policy_of_the_customers_is_a_refusal_in_its_words(look: ClusterLook, policy: str) -> None:
    until(lambda: bool(privileged_pods(look, SETTINGS, [])[0]))
    [problem], notices = privileged_pods(look, SETTINGS, [])
    assert "no privileged containers here" in problem
    assert notices == []
    assert look.all(PODS.format(namespace=policy)) == []


def test_the_pod_security_label_refuses_in_the_words_that_are_looked_for(look: ClusterLook, namespace: str) -> None:
    label(look, namespace, "baseline")
    with pytest.raises(ClusterRefusedError) as caught:
        look.create(PODS.format(namespace=namespace), privileged_pod(SETTINGS, account=False), dry_run=True)
    assert BY_LABEL in caught.value.detail
    assert not any(words in caught.value.detail for words in NOT_ASKED)
