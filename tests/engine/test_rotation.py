"""A higher generation is a new credential; the old one is worth nothing afterwards, and the device is the same."""

from __future__ import annotations

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine

ROTATED = "  support-access:credential:\n    generation: 2\n"


def test_a_rotation_leaves_one_new_credential_and_the_same_device(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    for stack in ("tailnet", "acme-prod"):
        example.write(stack)
        pulumi.up(stack)
    (before,) = tailnet.keys("tag:kube-acme-prod")
    (device,) = tailnet.devices("tag:kube-acme-prod")

    text = example.file("acme-prod").read_text()
    example.write("acme-prod", text.replace("config:\n", f"config:\n{ROTATED}"))
    pulumi.up("acme-prod")

    (after,) = tailnet.keys("tag:kube-acme-prod")
    assert after["id"] != before["id"]
    assert (after["scopes"], sorted(after["tags"])) == (before["scopes"], sorted(before["tags"]))
    assert [found["nodeId"] for found in tailnet.devices("tag:kube-acme-prod")] == [device["nodeId"]]
    held = [name for name in clusters["acme-prod"].names("secrets", "-n", "tailscale") if "oauth" in name]
    assert held == ["operator-oauth-2"]
    (deployment,) = clusters["acme-prod"].get("deployments", "-n", "tailscale")
    volumes = deployment["spec"]["template"]["spec"]["volumes"]
    assert [volume["secret"]["secretName"] for volume in volumes] == ["operator-oauth-2"]
    assert tailnet.grants_to("tag:kube-acme-prod")
    pulumi.preview("acme-prod", "--expect-no-changes")
    pulumi.destroy("acme-prod")
    assert not tailnet.keys("tag:kube-acme-prod")
