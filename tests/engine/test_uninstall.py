"""The customer's own switch, `helm uninstall`: noticed, thrown until somebody agrees, and no way to end is lost."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest

from providers.cluster.helm_release import pending, records
from providers.cluster.look import ClusterLook
from sandbox import chart
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.world import World
from tests.engine.absence import CLUSTER, STATE, TAILNET, absence
from tests.engine.conftest import Example, wait_until_free
from tests.engine.slices import kill_session

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


def killed_while_it_installs(pulumi: Pulumi) -> None:
    """A first `up`, killed with its engine, plugins and Helm as soon as Helm has recorded that it begins."""
    look = ClusterLook(STACK, Path(pulumi.env["KUBECONFIG"]))
    words = ["pulumi", "up", "-s", STACK, "--yes", "--skip-preview", "--non-interactive"]
    with subprocess.Popen(
        words, cwd=pulumi.project, env=pulumi.env, stdout=subprocess.PIPE, text=True, start_new_session=True
    ) as process:
        while not records(look, "tailscale", "tailscale-operator"):
            if process.poll() is not None:
                raise AssertionError(process.communicate()[0])
            time.sleep(0.01)
        kill_session(process)
        process.communicate()
    pulumi.run("cancel", "-s", STACK, "--yes")


def killed_upgrade(pulumi: Pulumi) -> None:
    """As somebody with Helm on their machine leaves one behind."""
    look = ClusterLook(STACK, Path(pulumi.env["KUBECONFIG"]))
    helm = shutil.which("helm", path=pulumi.env["PATH"])
    packed = next(chart.repository(Path(str(helm))).glob("*.tgz"))
    words = [str(helm), "--kube-context", STACK, "upgrade", "tailscale-operator", str(packed), "-n", "tailscale"]
    with subprocess.Popen([*words, "--reuse-values"], env=pulumi.env, stdout=-1, stderr=-1, text=True) as process:
        while not pending(look, "tailscale", "tailscale-operator"):
            process.send_signal(signal.SIGCONT)
            time.sleep(0.005)
            assert process.poll() is None, process.communicate()
            process.send_signal(signal.SIGSTOP)
        process.kill()
        process.communicate()


def chart_objects(cluster: Cluster) -> list[str]:
    kinds = ("clusterroles", "clusterrolebindings", "ingressclasses", "customresourcedefinitions")
    return [f"{kind} {name}" for kind in kinds for name in cluster.names(kind) if "tailscale" in name]


def release(cluster: Cluster) -> dict[str, str]:
    return json.loads(cluster.helm("status", "tailscale-operator", "-n", "tailscale", "-o", "json"))["info"]


def test_an_installation_or_upgrade_that_was_killed_is_completed_by_the_next_update_or_removed_by_destroy(
    pulumi: Pulumi, example: Example, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write(STACK)
    killed_while_it_installs(pulumi)
    pulumi.destroy(STACK)
    assert "tailscale" not in cluster.names("namespaces")
    assert chart_objects(cluster) == []

    killed_while_it_installs(pulumi)
    pulumi.up(STACK)
    assert release(cluster)["status"] == "deployed"
    assert pulumi.outputs(STACK)["pending"] == []

    # The engine notes the killed runs until it is asked to forget them (docs/kill-switch.md).
    pulumi.run("refresh", "-s", STACK, "--yes", "--skip-preview", "--clear-pending-creates")

    killed_upgrade(pulumi)
    shown = pulumi.preview(STACK)
    assert "(pending-upgrade) of Helm release tailscale-operator" in " ".join(shown.output.split())
    pulumi.up(STACK)
    found = release(cluster)
    assert found["status"] == "deployed"
    assert found["description"].startswith("completes pending-upgrade of revision")
    pulumi.preview(STACK, "--expect-no-changes")
    pulumi.destroy(STACK)


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
    assert found == {
        "left": (TAILNET | STATE | CLUSTER) - NOTHING,
        "gone": NOTHING,
        "deleting": set(),
        "unknown": set(),
    }, said
    uninstall(pulumi, tailnet)

    cut = pulumi.destroy(STACK, check=False)
    assert cut.code != 0
    assert "release: not found" in cut.output
    assert "pulumi destroy -s globex-prod --refresh" in cut.output
    assert not tailnet.grants_to(TAG)
    assert not tailnet.keys(TAG)
    assert not tailnet.devices(TAG)
    code, found, said = absence(world, pulumi, STACK)
    # What is in the namespace goes with it: among it the Secret of a credential that no longer exists.
    assert (code, found["left"]) == (1, {"policy", "state", "namespace", "our objects"}), said

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
