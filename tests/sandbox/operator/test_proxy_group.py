"""Highly available API proxies: what a ProxyGroup is given, what it waits for, and what holds it when it goes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.sandbox.operator.conftest import (
    CREDENTIAL,
    OPERATOR_TAGS,
    Kubernetes,
    StandIn,
    Tailnet,
    eventually,
)

pytestmark = pytest.mark.engine

GROUPS = "/apis/tailscale.com/v1alpha1/proxygroups"
CLASSES = "/apis/tailscale.com/v1alpha1/proxyclasses"
TAGS = ["tag:api-acme-prod", "tag:k8s-acme"]
ALL = ["auth_keys", "devices:core", "services"]
ACCOUNT = "kube-apiserver-auth-proxy"
FINALIZERS = ["tailscale.com/finalizer", "tailscale.com/kube-apiserver-finalizer"]


def start(cluster: Kubernetes, tailnet: Tailnet, scopes: list[str]) -> None:
    cluster.secret(CREDENTIAL, tailnet.client(scopes, OPERATOR_TAGS))
    cluster.install(extraEnv=[{"name": "K8S_PROXY_IMAGE", "value": "mirror.example.com/k8s-proxy:v1.94.1"}])
    eventually(tailnet.online)


def account(cluster: Kubernetes) -> None:
    cluster.call("POST", f"{cluster.core}/serviceaccounts", {"metadata": {"name": ACCOUNT}})


def group(cluster: Kubernetes, **spec: Any) -> str:
    """Makes a ProxyGroup and returns its path."""
    spec = {
        "type": "kube-apiserver",
        "tags": TAGS,
        "hostnamePrefix": "acme-prod-api-proxy",
        "kubeAPIServer": {"hostname": "acme-prod-api"},
        **spec,
    }
    return cluster.make(
        GROUPS,
        {
            "apiVersion": "tailscale.com/v1alpha1",
            "kind": "ProxyGroup",
            "metadata": {"name": f"{cluster.namespace}"},
            "spec": spec,
        },
    )


def condition(found: dict[str, Any], kind: str) -> dict[str, Any]:
    conditions = found.get("status", {}).get("conditions", [])
    return next((one for one in conditions if one["type"] == kind), {})


def ready(cluster: Kubernetes, path: str) -> dict[str, Any] | None:
    found = cluster.find(path)
    return found if condition(found, "ProxyGroupReady").get("status") == "True" else None


def proxies(tailnet: Tailnet) -> list[dict[str, Any]]:
    return [device for device in tailnet.devices() if TAGS[0] in device["tags"]]


def test_it_gets_devices_a_service_of_its_own_and_a_url(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> None:
    start(acme, tailnet, ALL)
    account(acme)
    path = group(acme)
    found = eventually(lambda: ready(acme, path))
    devices = sorted(proxies(tailnet), key=lambda device: device["hostname"])
    assert [device["hostname"] for device in devices] == ["acme-prod-api-proxy-0", "acme-prod-api-proxy-1"]
    assert {device["clientVersion"] for device in devices} == {"1.94.1"}, "as K8S_PROXY_IMAGE says"
    suffix = devices[0]["name"].partition(".")[2]
    assert found["status"]["url"] == f"https://acme-prod-api.{suffix}"
    (service,) = tailnet.services()
    assert (service["name"], service["tags"], service["ports"]) == ("svc:acme-prod-api", TAGS, ["tcp:443"])
    assert found["metadata"]["finalizers"] == FINALIZERS

    acme.call("PATCH", path, {"spec": {"replicas": 1}})
    eventually(lambda: len(proxies(tailnet)) == 1)
    acme.call("DELETE", path)
    eventually(lambda: acme.find(path) is None)
    assert not proxies(tailnet)
    assert not tailnet.services()


@pytest.mark.parametrize(("scopes", "left"), [(["auth_keys", "devices:core"], 1), (["auth_keys", "services"], 2)])
def test_a_credential_that_may_not_keeps_the_group_where_it_is(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn, scopes: list[str], left: int
) -> None:
    """Without `services` it never serves; without `devices:core` it never goes."""
    start(acme, tailnet, scopes)
    account(acme)
    path = group(acme)
    if "services" in scopes:
        eventually(lambda: ready(acme, path))
        acme.call("DELETE", path)
        eventually(lambda: not tailnet.services())
    else:
        eventually(lambda: "ProxyGroupCreationFailed" in events(acme))
        assert "url" not in acme.find(path)["status"]
        assert len(acme.find(path)["status"]["devices"]) == 2
    eventually(lambda: "ProxyGroupCreationFailed" in events(acme))
    assert len(proxies(tailnet)) == 2
    assert acme.find(path)["metadata"]["finalizers"] == FINALIZERS[: 3 - left]


def events(cluster: Kubernetes) -> str:
    """Warnings about this test's group; one in no namespace has its events in `default`."""
    found = cluster.find("/api/v1/namespaces/default/events?fieldSelector=involvedObject.kind%3DProxyGroup")["items"]
    return "\n".join(one["reason"] for one in found if one["involvedObject"]["name"] == cluster.namespace)


def test_without_its_service_account_it_is_invalid_and_makes_nothing(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ALL)
    path = group(acme)
    found = eventually(lambda: condition(acme.find(path), "ProxyGroupReady"))
    assert found["reason"] == "ProxyGroupInvalid"
    assert ACCOUNT in found["message"]
    assert not proxies(tailnet)


def test_with_one_tag_missing_in_the_policy_it_makes_no_device(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ALL)
    account(acme)
    path = group(acme, tags=[*TAGS, "tag:cust-acme"])
    eventually(lambda: "ProxyGroupCreationFailed" in events(acme))
    assert not proxies(tailnet)
    assert "url" not in acme.find(path).get("status", {})


def test_without_impersonation_it_has_an_account_of_its_own(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ALL)
    path = group(acme, replicas=1, kubeAPIServer={"mode": "noauth", "hostname": "acme-prod-api"})
    eventually(lambda: ready(acme, path))
    assert acme.find(f"{acme.core}/serviceaccounts/{acme.namespace}")
    assert acme.find(f"{acme.core}/serviceaccounts/{ACCOUNT}") is None


def test_a_service_of_somebody_elses_is_left_alone(acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn) -> None:
    start(acme, tailnet, ALL)
    account(acme)
    tailnet._call("PUT", "/api/v2/tailnet/-/vip-services/svc:acme-prod-api", {"tags": ["tag:elsewhere"], "ports": []})
    path = group(acme, replicas=1)
    eventually(lambda: condition(acme.find(path), "KubeAPIServerProxyValid").get("status") == "False")
    acme.call("DELETE", path)
    eventually(lambda: acme.find(path) is None)
    assert [service["tags"] for service in tailnet.services()] == [["tag:elsewhere"]]


def test_it_waits_for_its_class_and_its_pods_are_as_the_class_says(
    acme: Kubernetes, tailnet: Tailnet, stand_in: StandIn
) -> None:
    start(acme, tailnet, ALL)
    account(acme)
    path = group(acme, replicas=1, proxyClass=acme.namespace)
    waiting = eventually(lambda: condition(acme.find(path), "ProxyGroupReady"))
    assert "does not (yet) exist" in waiting["message"]
    assert not proxies(tailnet)
    container = {"env": [{"name": "TS_NO_LOGS_NO_SUPPORT", "value": "true"}], "resources": {"limits": {"cpu": "1"}}}
    pod = {"imagePullSecrets": [{"name": "mirror"}], "tailscaleContainer": container}
    wanted = acme.make(
        CLASSES,
        {
            "apiVersion": "tailscale.com/v1alpha1",
            "kind": "ProxyClass",
            "metadata": {"name": acme.namespace},
            "spec": {"statefulSet": {"pod": pod}},
        },
    )
    eventually(lambda: ready(acme, path))
    spec = acme.find(f"{acme.core}/pods/{acme.namespace}-0")["spec"]
    assert spec["imagePullSecrets"] == [{"name": "mirror"}]
    assert spec["containers"][0]["resources"] == {"limits": {"cpu": "1"}, "requests": {"cpu": "1"}}
    assert container["env"][0] in spec["containers"][0]["env"]
    assert acme.find(wanted)["metadata"]["finalizers"] == FINALIZERS[:1]
