"""What is read from a pod's spec is what a kubelet would give to the process."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.operator import pod as pods


def pod(**container: Any) -> dict[str, Any]:
    volumes = [
        {"name": "oauth", "secret": {"secretName": "operator-oauth-2"}},
        {"name": "extra", "secret": {"secretName": "extra", "optional": True}},
        {"name": "unused", "secret": {"secretName": "unused"}},
        {"name": "token", "projected": {}},
    ]
    return {
        "metadata": {"name": "operator-1", "namespace": "tailscale", "uid": "u-1"},
        "spec": {"volumes": volumes, "containers": [{"name": "operator", "image": "x"} | container]},
    }


def test_the_last_value_of_a_variable_wins_and_fields_and_references_are_resolved() -> None:
    env = [
        {"name": "OPERATOR_NAMESPACE", "valueFrom": {"fieldRef": {"fieldPath": "metadata.namespace"}}},
        {"name": "POD_NAME", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}},
        {"name": "TS_KUBE_SECRET", "value": "$(POD_NAME)"},
        {"name": "LATER", "value": "$(UNKNOWN)"},
        {"name": "APISERVER_PROXY"},
        {"name": "AUTH_PROXY", "value": "false"},
        {"name": "AUTH_PROXY", "value": "true"},
    ]
    assert pods.environment(pod(env=env), "operator") == {
        "OPERATOR_NAMESPACE": "tailscale",
        "POD_NAME": "operator-1",
        "TS_KUBE_SECRET": "operator-1",
        "LATER": "$(UNKNOWN)",
        "APISERVER_PROXY": "",
        "AUTH_PROXY": "true",
    }


@pytest.mark.parametrize(
    ("image", "version"),
    [
        ("tailscale/k8s-operator:v1.96.5", "1.96.5"),
        ("registry.example:5000/mirror/k8s-operator:v1.94.0", "1.94.0"),
        ("tailscale/k8s-operator:v1.96.4@sha256:" + "0" * 64, "1.96.4"),
        ("tailscale/k8s-operator@sha256:" + "0" * 64, pods.PLAYED_VERSION),
        ("registry.example:5000/k8s-operator", pods.PLAYED_VERSION),
    ],
)
def test_the_client_version_is_that_of_the_image(image: str, version: str) -> None:
    assert pods.version(pod(image=image), "operator") == version


def test_only_secrets_that_the_container_mounts_and_needs_are_waited_for() -> None:
    mounts = [
        {"name": "oauth", "mountPath": "/oauth/"},
        {"name": "extra", "mountPath": "/extra"},
        {"name": "token", "mountPath": "/var/run/secrets"},
    ]
    assert pods.secret_mounts(pod(volumeMounts=mounts), "operator") == [("oauth", "/oauth", "operator-oauth-2")]


def test_a_pod_that_merely_is_called_operator_is_not_played() -> None:
    assert not pods.is_operator(pod(env=[{"name": "HOSTNAME", "value": "x"}]))
    assert pods.is_operator(pod(env=[{"name": "OPERATOR_HOSTNAME", "value": "x"}]))


def test_a_token_for_somebody_else_than_the_api_server_is_projected_where_it_is_mounted() -> None:
    token = {"audience": "support-access/acme-prod", "expirationSeconds": 3600, "path": "token"}
    found = pod(volumeMounts=[{"name": "oidc-jwt", "mountPath": "/var/run/secrets/tailscale/serviceaccount"}])
    found["spec"]["volumes"] += [
        {"name": "oidc-jwt", "projected": {"sources": [{"serviceAccountToken": token}, {"configMap": {"name": "x"}}]}},
        {"name": "not-mounted", "projected": {"sources": [{"serviceAccountToken": token}]}},
    ]
    path = "/var/run/secrets/tailscale/serviceaccount/token"
    assert pods.token_mounts(found, "operator") == [(path, "support-access/acme-prod", 3600)]
    del token["audience"]  # then it is for the API server, which the process reaches by itself
    assert pods.token_mounts(found, "operator") == []
