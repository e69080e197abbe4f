"""The customer's own switch, `helm uninstall`: noticed, thrown until somebody agrees, and no way to end is lost."""

from __future__ import annotations

import subprocess
import time
from datetime import UTC, datetime

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.world import World
from tests.engine.absence import CLUSTER, STATE, TAILNET, absence
from tests.engine.conftest import Example, wait_until_free

pytestmark = pytest.mark.engine

STACK = "globex-prod"
TAG = "tag:kube-globex-prod"
RELEASE = "globex-prod-operator-release"
NOTHING = {"services", "cloud rules", "finalizers"}
"""What this stack has none of."""


def uninstall(pulumi: Pulumi, tailnet: Tailnet) -> None:
    """What the customer runs; the operator then goes offline as its pod ends."""
    command = ["helm", "--kube-context", STACK, "uninstall", "tailscale-operator", "-n", "tailscale"]
    subprocess.run(command, env=pulumi.env, check=True, capture_output=True)
    ends = time.monotonic() + 60
    while any(device["connectedToControl"] for device in tailnet.devices(TAG)):
        assert time.monotonic() < ends, "the operator goes on running"
        time.sleep(0.2)
    wait_until_free(pulumi.env)


def test_it_is_noticed_stays_thrown_until_somebody_agrees_and_all_can_end(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write(STACK)
    pulumi.up(STACK)
    settings = example.file(STACK).read_text()
    uninstall(pulumi, tailnet)

    noticed = pulumi.preview(STACK)
    assert "globex-prod-kube was online and is not" in noticed.output
    assert "pulumi refresh -s globex-prod --preview-only" in noticed.output
    assert RELEASE in pulumi.run("refresh", "-s", STACK, "--preview-only").output

    for nightly in (pulumi.up(STACK, "--refresh", check=False), pulumi.preview(STACK, check=False)):
        assert nightly.code != 0
        assert "somebody has uninstalled it" in nightly.output
        assert "support-access:operator.reinstall" in nightly.output
        assert not cluster.releases()

    agreed = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    example.write(
        STACK, settings.replace("config:\n", f"config:\n  support-access:operator:\n    reinstall: {agreed}\n")
    )
    pulumi.up(STACK)
    assert len(cluster.releases()) == 1
    assert [device["connectedToControl"] for device in tailnet.devices(TAG)] == [True]
    assert pulumi.outputs(STACK)["pending"] == []

    uninstall(pulumi, tailnet)
    again = pulumi.up(STACK, "--refresh", check=False)
    assert again.code != 0, "what was agreed before answers for no later uninstallation"
    assert not cluster.releases()


def test_destroy_cuts_everything_names_the_refresh_that_clears_the_state_and_what_is_gone_is_proved(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write(STACK)
    if not cluster.releases():  # the other test has left it without
        pulumi.destroy(STACK, "--refresh")
        pulumi.up(STACK)
    code, found, said = absence(world, pulumi, STACK)
    assert code == 1, said
    assert found == {"left": (TAILNET | STATE | CLUSTER) - NOTHING, "gone": NOTHING, "unknown": set()}, said
    uninstall(pulumi, tailnet)

    cut = pulumi.destroy(STACK, check=False)
    assert cut.code != 0
    assert "release: not found" in cut.output
    assert "pulumi destroy -s globex-prod --refresh" in cut.output
    assert not tailnet.grants_to(TAG)
    assert not tailnet.keys(TAG)
    assert not tailnet.devices(TAG)
    code, found, said = absence(world, pulumi, STACK)
    assert (code, found["left"]) == (1, {"policy", "state", "namespace"}), said

    pulumi.destroy(STACK, "--refresh")
    assert not pulumi.export(STACK)["deployment"].get("resources")
    assert "tailscale" not in cluster.names("namespaces"), "the Secret `operator`, which no chart knows, goes with it"
    assert not cluster.names("clusterroles", "-l", "app.kubernetes.io/managed-by=support-access")
    assert not [name for name in cluster.names("customresourcedefinitions") if name.endswith(".tailscale.com")]
    code, found, said = absence(world, pulumi, STACK)
    assert (code, found["gone"]) == (0, TAILNET | STATE | CLUSTER), said

    pulumi.run("stack", "rm", STACK, "--yes", "--preserve-config")
    code, found, said = absence(world, pulumi, STACK)
    assert (code, found["unknown"]) == (2, {"cloud rules"}), said
