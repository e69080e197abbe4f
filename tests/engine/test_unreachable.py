"""The worst day: the customer's API server does not answer, and a plain destroy cuts all at Tailscale all the same."""

from __future__ import annotations

import signal
import subprocess

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.process import Process
from sandbox.world import World
from tests.engine.absence import CLUSTER, STATE, TAILNET, absence
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine


TWO_GROUPS = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
    - from: group:platform
      role: view
"""


def test_a_narrowed_access_is_gone_although_the_cluster_does_not_answer(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write("globex-prod", TWO_GROUPS)
    pulumi.up("globex-prod")
    assert {grant["src"][0] for grant in tailnet.grants_to("tag:kube-globex-prod")} == {
        "group:highflame-sre",
        "group:platform",
    }

    example.write("globex-prod", TWO_GROUPS[: TWO_GROUPS.index("    - from: group:platform")])
    server = Process(world.folder, "apiserver-globex-prod")
    server.signal_group(signal.SIGSTOP)
    try:
        failed = pulumi.up("globex-prod", check=False)
    finally:
        server.signal_group(signal.SIGCONT)
    assert failed.code != 0
    assert [grant["src"] for grant in tailnet.grants_to("tag:kube-globex-prod")] == [["group:highflame-sre"]]

    pulumi.up("globex-prod")
    assert [grant["src"] for grant in tailnet.grants_to("tag:kube-globex-prod")] == [["group:highflame-sre"]]
    pulumi.destroy("globex-prod")


def test_a_frozen_api_server_holds_up_helm_and_nothing_at_tailscale(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    for stack in ("tailnet", "acme-prod"):
        example.write(stack)
        pulumi.up(stack)
    server = Process(world.folder, "apiserver-acme-prod")
    server.signal_group(signal.SIGSTOP)
    try:
        failed = pulumi.destroy("acme-prod", check=False)
        code, found, said = absence(world, pulumi, "acme-prod")
    finally:
        server.signal_group(signal.SIGCONT)

    assert failed.code != 0
    assert "unreachable" in failed.output
    assert code == 1, said
    assert found == {"gone": TAILNET - {"policy"}, "left": {"policy", *STATE}, "unknown": CLUSTER}, said
    assert not tailnet.grants_to("tag:kube-acme-prod")
    assert not tailnet.keys("tag:kube-acme-prod")
    assert not tailnet.devices("tag:kube-acme-prod")
    left = {row["urn"].rpartition("::")[2] for row in pulumi.export("acme-prod")["deployment"]["resources"]}
    assert {"acme-prod-operator-release", "acme-prod-operator-namespace"} <= left
    assert not left & {"acme-prod-access", "acme-prod-enrolment", "acme-prod-client-1", "acme-prod-cleanup"}

    pulumi.destroy("acme-prod")
    assert "acme" not in tailnet.policy_text()
    assert not clusters["acme-prod"].releases()
    assert "tailscale" not in clusters["acme-prod"].names("namespaces")

    # What the engine dropped from its state while nobody answered stays in the cluster, worth nothing: documented.
    label = ("-l", "app.kubernetes.io/managed-by=support-access")
    stayed = {kind: clusters["acme-prod"].names(kind, *label) for kind in ("clusterroles", "clusterrolebindings")}
    assert stayed["clusterroles"] == ["highflame-sre", "support-access-impersonation"]

    # A new installation does not take it over, and says how to remove it.
    refused = pulumi.preview("acme-prod", check=False)
    assert refused.code != 0
    assert "ClusterRole support-access-impersonation is in the cluster acme-prod already" in refused.output
    assert "carries the labels of acme-prod" in refused.output
    command = next(line for line in refused.output.splitlines() if "kubectl --context acme-prod delete" in line)
    subprocess.run(command.split(), env=pulumi.env, check=True, capture_output=True)
    assert not any(clusters["acme-prod"].names(kind, *label) for kind in stayed)
    assert pulumi.preview("acme-prod").code == 0
