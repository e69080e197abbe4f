"""Every way to serve the cluster's API stands, and none lets the operator become anybody."""

from __future__ import annotations

import json
import subprocess
import tarfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import chart, tools
from sandbox.demo.access_review import operator
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine

STACK, KUBE, API = "acme-prod", "tag:kube-acme-prod", "tag:api-acme-prod"
ENGINEER = "ada@highflame.example"
NEWER = "1.96.6"
"""A release of the chart that nobody published: what an upgrade does is the same whatever its contents."""

HEAD = """config:
  support-access:customer: acme
  support-access:environment: prod
  support-access:cluster:
    context: acme-prod
  support-access:access:
    - from: group:highflame-sre
      role: {role}
"""
AVAILABLE = (
    HEAD.format(role="read-only")
    + """  support-access:operator:
    apiServerProxy:
      replicas: 2
  support-access:credential:
    acknowledge: [devices:core, services]
"""
)


@pytest.fixture(scope="module", autouse=True)
def shared(pulumi: Pulumi, example: Example) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")


@pytest.fixture(autouse=True)
def gone_afterwards(pulumi: Pulumi, example: Example) -> Iterator[None]:
    yield
    pulumi.destroy(STACK)


def unbounded(cluster: Cluster) -> list[str]:
    """ClusterRoles whose holder may impersonate users or groups that nobody named."""
    return [
        role["metadata"]["name"]
        for role in cluster.get("clusterroles")
        for rule in role["rules"] or []
        if "impersonate" in rule["verbs"]
        and {"users", "groups"} & {*rule["resources"]}
        and not rule.get("resourceNames")
    ]


def servers(cluster: Cluster) -> list[str]:
    """ServiceAccounts that the bounded role is bound to."""
    (bound,) = [one for one in cluster.get("clusterrolebindings") if "support-access-imp" in one["metadata"]["name"]]
    return [subject["name"] for subject in bound["subjects"]]


def test_the_highly_available_api_comes_and_goes_with_all_that_it_needs(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write(STACK, AVAILABLE)
    pulumi.up(STACK)

    proxies = tailnet.devices(API)
    suffix = proxies[0]["name"].partition(".")[2]
    assert sorted(device["name"].partition(".")[0] for device in proxies) == [
        "acme-prod-api-proxy-0",
        "acme-prod-api-proxy-1",
    ]
    assert all(device["connectedToControl"] for device in proxies)
    assert [service["name"] for service in tailnet.services()] == ["svc:acme-prod-api"]
    outputs = pulumi.outputs(STACK)
    assert outputs["apiUrl"] == f"https://acme-prod-api.{suffix}"
    assert outputs["kubeconfigCommand"] == f"tailscale configure kubeconfig acme-prod-api.{suffix}"
    assert json.loads(outputs["kubeconfig"])["clusters"][0]["cluster"] == {"server": outputs["apiUrl"]}
    assert outputs["credential"]["scopes"] == ["auth_keys", "devices:core", "services"]
    assert outputs["pending"] == []

    (grant,) = tailnet.grants_to(API)
    assert (grant["src"], sorted(grant["ip"])) == (["group:highflame-sre"], ["tcp:443", "tcp:80"])
    assert not tailnet.grants_to(KUBE)
    assert tailnet.policy()["autoApprovers"]["services"] == {API: [API]}

    assert servers(cluster) == ["kube-apiserver-auth-proxy"]
    assert unbounded(cluster) == []
    with operator(STACK, cluster.env, service_account="kube-apiserver-auth-proxy") as proxy:
        assert not proxy.may_impersonate("groups", "system:masters")
        assert proxy.can_i("list pods", user=ENGINEER, group="highflame-sre")
    with operator(STACK, cluster.env) as itself:
        assert not itself.may_impersonate("groups", "highflame-sre")
    (pod, *_) = cluster.get("pods", "-n", "tailscale", "-l", "tailscale.com/parent-resource=support-access-api")
    assert {"name": "TS_NO_LOGS_NO_SUPPORT", "value": "true"} in pod["spec"]["containers"][0]["env"]

    pulumi.preview(STACK, "--expect-no-changes")
    pulumi.destroy(STACK)
    assert not tailnet.devices(API)
    assert not tailnet.devices(KUBE)
    assert not tailnet.services()
    assert not tailnet.keys(KUBE)
    assert "support-access" not in " ".join(cluster.names("clusterroles"))


def test_an_upgrade_keeps_the_bounds_and_a_downgrade_is_refused(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster, least = clusters[STACK], HEAD.format(role="read-only")
    example.write(STACK, least)
    pulumi.up(STACK)
    bounded = rules(cluster)

    newer_chart(pulumi.project / "charts")
    pinned = f"  support-access:operator:\n    version: v{NEWER}\n    chart:\n      path: ./charts/{file_name()}\n"
    example.write(STACK, least + pinned)
    pulumi.up(STACK)
    eventually_reports(tailnet, NEWER)
    assert cluster.releases() == [f"tailscale-operator v{NEWER} r2"]
    assert rules(cluster) == bounded
    assert unbounded(cluster) == []
    with operator(STACK, cluster.env) as itself:
        assert not itself.may_impersonate("groups", "system:masters")
        assert not itself.may_impersonate("users", "system:kube-controller-manager")
        assert itself.can_i("list pods", user=ENGINEER, group="highflame-sre")

    example.write(STACK, least)
    refused = pulumi.up(STACK, check=False)
    assert refused.code != 0
    assert "that would be a downgrade" in refused.output
    assert f"pulumi config set --stack {STACK} --path support-access:operator.version v{NEWER}" in refused.output
    assert cluster.releases() == [f"tailscale-operator v{NEWER} r2"]
    assert tailnet.grants_to(KUBE)


def test_without_impersonation_there_is_nobody_to_bound_and_a_grant_opens_the_port_alone(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write(STACK, AVAILABLE)
    pulumi.up(STACK)
    noauth = """  support-access:operator:
    apiServerProxy:
      mode: noauth
  support-access:credential:
    acknowledge: [devices:core, services]
"""
    example.write(STACK, HEAD.format(role="own-credential") + noauth)
    changed = pulumi.up(STACK)
    assert "credential.acknowledge names devices:core and services, which nothing needs" in changed.output
    assert not tailnet.devices(API)
    assert not tailnet.services()
    (grant,) = tailnet.grants_to(KUBE)
    assert grant == {"src": ["group:highflame-sre"], "dst": [KUBE], "ip": ["tcp:443"]}
    assert not [name for name in cluster.names("clusterroles") if "support-access" in name]
    with operator(STACK, cluster.env) as itself:
        assert not itself.may_impersonate("groups", "highflame-sre")
    (deployment,) = cluster.get("deployments", "-n", "tailscale")
    env = {one["name"]: one.get("value") for one in deployment["spec"]["template"]["spec"]["containers"][0]["env"]}
    assert (env["APISERVER_PROXY"], "AUTH_PROXY" in env) == ("noauth", False)
    pulumi.preview(STACK, "--expect-no-changes")


def rules(cluster: Cluster) -> object:
    (role,) = [one for one in cluster.get("clusterroles") if one["metadata"]["name"] == "support-access-impersonation"]
    return role["rules"]


def eventually_reports(tailnet: Tailnet, version: str) -> None:
    """The new pod has come online: an update does not wait for it, because the device was online before."""
    for _ in range(60):
        if {device["clientVersion"] for device in tailnet.devices(KUBE)} == {version}:
            return
        time.sleep(0.5)
    raise AssertionError(f"no operator of version {version} came online")


def file_name() -> str:
    return f"{chart.NAME}-{NEWER}.tgz"


def newer_chart(folder: Path) -> None:
    """The sandbox's chart, packed once more under a newer version."""
    helm = tools.locate()["helm"]
    folder.mkdir()
    with tarfile.open(chart.repository(helm) / f"{chart.NAME}-{chart.version()}.tgz") as packed:
        packed.extractall(folder, filter="data")
    command = [helm, "package", folder / chart.NAME, "--version", NEWER, "--app-version", f"v{NEWER}"]
    subprocess.run([*command, "--destination", folder], check=True, capture_output=True)
