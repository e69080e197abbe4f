"""The customer's own switch where proxies of their own serve the API: two lines, because they outlive the operator."""

from __future__ import annotations

import subprocess

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import Example
from tests.sandbox.operator.conftest import eventually

pytestmark = pytest.mark.engine

STACK = "globex-prod"
SETTINGS = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster: {context: globex-prod}
  support-access:operator: {apiServerProxy: {replicas: 2}}
  support-access:credential: {acknowledge: ["devices:core", services]}
  support-access:access: [{from: "group:highflame-sre", role: read-only}]
"""
OPERATOR, PROXIES = "tag:kube-globex-prod", "tag:api-globex-prod"


def online(tailnet: Tailnet, tag: str) -> int:
    return sum(device["connectedToControl"] for device in tailnet.devices(tag))


def test_the_uninstall_ends_the_operator_and_its_namespace_ends_the_proxies(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write(STACK, SETTINGS)
    pulumi.up(STACK)
    assert (online(tailnet, OPERATOR), online(tailnet, PROXIES)) == (1, 2)

    command = ["helm", "--kube-context", STACK, "uninstall", "tailscale-operator", "-n", "tailscale"]
    subprocess.run(command, env=pulumi.env, check=True, capture_output=True)
    eventually(lambda: online(tailnet, OPERATOR) == 0, 60)
    assert online(tailnet, PROXIES) == 2, "they know nothing of the release: the documents say so"

    cluster.kubectl("delete", "namespace", "tailscale", "--wait=false")
    eventually(lambda: online(tailnet, PROXIES) == 0, 60)

    # What README and documents say of the rest: a finalizer that nobody takes off any more.
    for kind, name in (("proxygroups", "support-access-api"), ("proxyclasses", "support-access")):
        if name in cluster.names(f"{kind}.tailscale.com"):
            cluster.kubectl("patch", kind, name, "--type=merge", "-p", '{"metadata": {"finalizers": null}}')
    pulumi.destroy(STACK, "--refresh")
    assert tailnet.devices(OPERATOR) + tailnet.devices(PROXIES) == []
    assert "globex" not in tailnet.policy_text()
