"""What is exposed, from its first minute to its last: the customer's objects end as they began, and nothing is left
open, whether the operator lives or not.

The whole life of one environment is one test, since each step is the start of the next and the world is slow.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.demo.observe import Cluster, Tailnet, added_and_removed
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import OURS, Example
from tests.sandbox.operator.conftest import eventually

pytestmark = pytest.mark.engine

CUSTOMERS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, annotations: {team: data}, finalizers: [example.com/theirs]}
spec: {ports: [{port: 5432}]}
---
apiVersion: v1
kind: Service
metadata: {name: web, namespace: shop}
spec: {ports: [{port: 80}]}
"""
STACK = """config:
  support-access:customer: {customer}
  support-access:environment: prod
  support-access:cluster: {{context: {customer}-prod}}
  support-access:credential: {{acknowledge: ["devices:core"]}}
  support-access:access: [{{from: "group:highflame-sre", role: read-only}}]
  support-access:expose: {expose}
  {more}
"""
WHO = {"from": "group:highflame-sre"}
DB = {"name": "db", "kind": "service", "namespace": "shop", "service": "db", "ports": [5432], **WHO}
WEB = {"name": "web", "kind": "service", "namespace": "shop", "service": "web", "ports": [80], **WHO}
UI = {"name": "ui", "kind": "ingress", "namespace": "shop", "service": "web", "port": 80, **WHO}
NET = {"name": "net", "kind": "connector", "routes": ["10.20.0.0/24"], "ports": [22], **WHO}
OUT = {
    "name": "out",
    "kind": "egress",
    "namespace": "shop",
    "service": "cache",
    "fqdn": "cache.tail0000.ts.net",
    "ports": [6379],
    "to": "tag:ci",
}
BESIDE = {
    "name": "worker",
    "kind": "sidecar",
    "namespace": "shop",
    "workload": {"kind": "Deployment", "name": "worker", "pods": "one"},
    "ports": [9090],
    **WHO,
}
RECORDER = 'support-access:recorder: {storage: {kind: local, viewers: "group:platform"}}'


@pytest.fixture(scope="module", autouse=True)
def customers(clusters: dict[str, Cluster], tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Services of the customers' own, and at the end nothing with a finalizer that nobody would take off."""
    file = tmp_path_factory.mktemp("customers") / "services.yaml"
    file.write_text(CUSTOMERS)
    for cluster in clusters.values():
        cluster.kubectl("apply", "-f", str(file))
    yield
    for cluster in clusters.values():
        for kind in ("services", "ingresses.networking.k8s.io"):
            for name in cluster.names(kind, "-n", "shop"):
                patch = '[{"op": "add", "path": "/metadata/finalizers", "value": []}]'
                cluster.kubectl("patch", kind, name, "-n", "shop", "--type=json", "-p", patch)
        cluster.kubectl("delete", "namespace", "shop", "--wait=false")


def write(example: Example, customer: str, expose: list[dict[str, Any]], more: str = "") -> None:
    example.write(f"{customer}-prod", STACK.format(customer=customer, expose=json.dumps(expose), more=more))


def service(cluster: Cluster, name: str) -> dict[str, Any]:
    """All of it that is anybody's to say: not the server's own count of changes, nor who changed what."""
    found = next(one for one in cluster.get("services", "-n", "shop") if one["metadata"]["name"] == name)
    for key in ("resourceVersion", "managedFields"):
        found["metadata"].pop(key, None)
    return found


def proxies(tailnet: Tailnet, customer: str) -> dict[str, dict[str, Any]]:
    """Devices of exposures and the recorder that are online, by the part of their tag that is their own."""
    devices = httpx.get(
        f"{tailnet.url}/api/v2/tailnet/-/devices", params={"fields": "all"}, auth=(tailnet.key, ""), timeout=10
    ).json()["devices"]
    return {
        tag.removeprefix(f"tag:svc-{customer}-prod-"): device
        for device in devices
        for tag in device["tags"]
        if tag.startswith((f"tag:svc-{customer}-prod-", f"tag:rec-{customer}-prod")) and device["connectedToControl"]
    }


def auth_keys(tailnet: Tailnet, tag: str) -> list[dict[str, Any]]:
    """What the auth keys that mint devices with the tag may make; those that are still good."""
    url = f"{tailnet.url}/api/v2/tailnet/-/keys"
    rows = httpx.get(url, params={"all": "true"}, auth=(tailnet.key, ""), timeout=10).json()["keys"]
    made = [row["capabilities"]["devices"]["create"] for row in rows if row["keyType"] == "auth"]
    return [one for one in made if tag in one["tags"]]


def sidecars_key(cluster: Cluster) -> str:
    secrets = {one["metadata"]["name"]: one for one in cluster.get("secrets", "-n", "shop")}
    return base64.b64decode(secrets["support-access-worker"]["data"]["authkey"]).decode()


def delete_keys(tailnet: Tailnet, ids: list[str]) -> None:
    for each in ids:
        url = f"{tailnet.url}/api/v2/tailnet/-/keys/{each}"
        httpx.delete(url, auth=(tailnet.key, ""), timeout=10).raise_for_status()


def ready(cluster: Cluster, kind: str) -> list[str]:
    """Reasons of the conditions of all objects of a kind."""
    conditions = [one for item in cluster.get(kind) for one in item.get("status", {}).get("conditions") or []]
    return [one["reason"] for one in conditions if one["status"] == "True"]


def test_what_is_exposed_is_reached_by_its_own_tag_alone_and_goes_without_a_trace(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters["globex-prod"]
    example.write("tailnet")
    pulumi.up("tailnet")
    policy, before = tailnet.policy_text(), {name: service(cluster, name) for name in ("db", "web")}

    write(example, "globex", [DB, WEB, UI, OUT, NET], RECORDER)
    pulumi.up("globex-prod")
    found = eventually(lambda: len(seen := proxies(tailnet, "globex")) == 6 and seen, 60)
    assert {name: device["tags"] for name, device in found.items()} == {
        **{name: [f"tag:svc-globex-prod-{name}"] for name in ("db", "web", "ui", "out", "net")},
        "tag:rec-globex-prod": ["tag:rec-globex-prod"],
    }
    assert found["net"]["enabledRoutes"] == ["10.20.0.0/24"]
    assert found["db"]["hostname"] == "globex-prod-db"
    assert eventually(lambda: ready(cluster, "connectors")) == ["ConnectorCreated"]
    assert eventually(lambda: ready(cluster, "recorders")) == ["RecorderCreated"]
    ingress = eventually(lambda: cluster.get("ingresses", "-n", "shop")[0]["status"]["loadBalancer"].get("ingress"))
    assert ingress[0]["hostname"] == found["ui"]["name"]
    assert service(cluster, "cache")["spec"]["externalName"].endswith(".tailscale.svc.cluster.local")
    assert {tuple(grant["ip"]) for grant in tailnet.grants_to("tag:svc-globex-prod-db")} == {("tcp:5432",)}
    capability = tailnet.grants_to("tag:kube-globex-prod")[0]["app"]["tailscale.com/cap/kubernetes"][0]
    assert (capability["recorder"], capability["enforceRecorder"]) == (["tag:rec-globex-prod"], True)
    assert service(cluster, "db")["metadata"]["annotations"]["team"] == "data"

    pulumi.preview("globex-prod", "--expect-no-changes")
    pulumi.run("refresh", "-s", "globex-prod", "--preview-only", "--expect-no-changes")

    write(example, "globex", [{**DB, "name": "pg"}, WEB, UI, OUT, NET], RECORDER)
    said = pulumi.preview("globex-prod", check=False)
    assert (said.code != 0, "in an update of its own first" in said.output) == (True, True), said.output

    write(example, "globex", [WEB, UI, OUT], RECORDER)
    pulumi.up("globex-prod")
    eventually(lambda: service(cluster, "db") == before["db"], 30)
    assert cluster.get("connectors") == []
    assert eventually(lambda: proxies(tailnet, "globex").keys() == {"web", "ui", "out", "tag:rec-globex-prod"})
    assert "tag:svc-globex-prod-db" not in tailnet.policy_text()
    assert "10.20.0.0/24" not in tailnet.policy_text()

    ended = pulumi.destroy("globex-prod")
    # Not waited for: the finalizers were seen to while the operator still ran.
    assert service(cluster, "web") == before["web"], ended.output
    assert cluster.names("services", "-n", "shop") == ["db", "web"]
    assert cluster.get("ingresses", "-n", "shop") == []
    assert "still holds" not in ended.output
    came, went = added_and_removed(policy, tailnet.policy_text())
    assert went == []
    assert [line for line in came if "globex" in line or "10.20" in line] == []  # an emptied section may stay
    assert proxies(tailnet, "globex") == {}


def test_a_service_or_a_port_that_is_not_there_is_told_before_anything_is_made(
    pulumi: Pulumi, example: Example
) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")
    write(example, "acme", [{**DB, "service": "pg"}, {**WEB, "ports": [8080]}])
    said = pulumi.preview("acme-prod", check=False)
    assert said.code != 0
    assert 'has no Service "pg"; it has db, web' in said.output
    assert "has no port tcp:8080; it has tcp:80" in said.output


def test_with_the_credential_refused_everything_goes_all_the_same_and_no_finalizer_stays(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters["acme-prod"]
    example.write("tailnet")
    pulumi.up("tailnet")
    before = service(cluster, "web")
    write(example, "acme", [WEB, UI, BESIDE])
    pulumi.up("acme-prod")
    eventually(lambda: proxies(tailnet, "acme").keys() == {"web", "ui"}, 60)
    (minted,) = auth_keys(tailnet, "tag:svc-acme-prod-worker")
    assert minted == {"reusable": True, "ephemeral": True, "preauthorized": True, "tags": ["tag:svc-acme-prod-worker"]}
    assert cluster.names("secrets,roles,serviceaccounts", "-n", "shop", "-l", OURS) == [
        *["support-access-worker"] * 3,
        "support-access-worker-state",
    ]
    used = sidecars_key(cluster)
    delete_keys(tailnet, [used.split("-")[2]])  # over, as after 90 days
    pulumi.preview("acme-prod", "--refresh")
    pulumi.up("acme-prod", "--refresh")
    assert len(auth_keys(tailnet, "tag:svc-acme-prod-worker")) == 1
    assert sidecars_key(cluster) != used
    delete_keys(tailnet, [key["id"] for key in tailnet.keys("tag:kube-acme-prod")])

    ended = pulumi.destroy("acme-prod")
    assert "the operator still holds" in ended.output
    assert "the operator's finalizer on services web" in ended.output
    # Without its credential the operator never takes off the finalizer, nor what it wrote into the status.
    after = service(cluster, "web")
    assert [each["type"] for each in after["status"].pop("conditions", [])] in ([], ["TailscaleProxyReady"])
    assert after == before
    assert cluster.get("ingresses", "-n", "shop") == []
    assert proxies(tailnet, "acme") == {}
    assert tailnet.devices("tag:kube-acme-prod") == []
    assert tailnet.keys("tag:kube-acme-prod") == []
    assert auth_keys(tailnet, "tag:svc-acme-prod-worker") == []
    eventually(lambda: not cluster.names("secrets,roles,serviceaccounts", "-n", "shop", "-l", OURS), 60)
    assert "acme-prod" not in tailnet.policy_text()
    assert not [row for row in pulumi.stacks() if row["name"] == "acme-prod" and row["resourceCount"]]
