"""A cluster that does not answer, refuses, or is another one: access is revoked all the same, and the state is kept."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Finished, Pulumi
from sandbox.world import World
from tests.engine import cluster_faults as faults
from tests.engine.absence import CLUSTER, STATE, TAILNET, absence
from tests.engine.conftest import OURS, Example
from tests.engine.customer import supportctl
from tests.sandbox.operator.conftest import eventually

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
SERVER = "apiserver-{}"


@pytest.fixture(scope="module", autouse=True)
def shared(pulumi: Pulumi, example: Example) -> None:
    example.write("tailnet")
    pulumi.up("tailnet")


def recorded(pulumi: Pulumi, stack: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Inputs and outputs of each resource of the state outside of the tailnet, and the stack's outputs."""
    rows = pulumi.export(stack)["deployment"]["resources"]
    kept = {
        row["urn"].rpartition("::")[2]: (row.get("id"), said(row.get("inputs")), said(row.get("outputs")))
        for row in rows
        if row.get("custom") and "tailnet:index:PolicySlice" not in row["type"]
    }
    return kept, pulumi.outputs(stack)


def said(value: Any) -> Any:
    """Without ciphertexts, which the engine makes anew whenever it writes, and without what is empty, which it leaves
    out now and then."""
    if isinstance(value, dict):
        if "ciphertext" in value:
            return "secret"
        return {key: kept for key, inner in value.items() if (kept := said(inner)) not in (None, {}, [])}
    return [said(inner) for inner in value] if isinstance(value, list) else value


def test_narrowed_access_is_removed_and_nothing_else_changes_although_the_cluster_does_not_answer(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    example.write("globex-prod", TWO_GROUPS)
    pulumi.up("globex-prod")
    assert {grant["src"][0] for grant in tailnet.grants_to("tag:kube-globex-prod")} == {
        "group:highflame-sre",
        "group:platform",
    }
    before = recorded(pulumi, "globex-prod")

    example.write("globex-prod", TWO_GROUPS[: TWO_GROUPS.index("    - from: group:platform")])
    with faults.frozen(world, SERVER.format("globex-prod")):
        narrowed = pulumi.up("globex-prod", check=False)
        refreshed = pulumi.run("refresh", "-s", "globex-prod", "--yes", "--skip-preview", check=False)
        updated = pulumi.up("globex-prod", "--refresh", check=False)
        drift = supportctl(pulumi, "ci", "drift", "globex-prod", check=False)
    assert (narrowed.code != 0, "was not reached" in narrowed.output) == (True, True), narrowed.output
    assert (refreshed.code != 0, "The state is kept" in refreshed.output) == (True, True), refreshed.output
    assert (updated.code != 0, "was not read" in updated.output) == (True, True), updated.output
    assert drift.returncode != 0
    assert "globex-prod: could not be asked" in drift.stdout, drift.stdout
    assert [grant["src"] for grant in tailnet.grants_to("tag:kube-globex-prod")] == [["group:highflame-sre"]]
    assert recorded(pulumi, "globex-prod") == before

    pulumi.up("globex-prod")
    assert [grant["src"] for grant in tailnet.grants_to("tag:kube-globex-prod")] == [["group:highflame-sre"]]
    pulumi.preview("globex-prod", "--expect-no-changes")


def test_another_cluster_behind_the_context_is_refused_by_every_command(
    pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster], tmp_path: Path
) -> None:
    """acme's cluster has the name of globex's."""
    example.write("globex-prod", TWO_GROUPS)
    example.write("acme-prod")
    pulumi.up("globex-prod")
    pulumi.up("acme-prod")
    standing = {kind: clusters["acme-prod"].names(kind, "-l", OURS) for kind in ("clusterroles", "namespaces")}
    releases = clusters["acme-prod"].releases()
    before = recorded(pulumi, "globex-prod")
    example.remove("acme-prod")  # a stack with a file for the same cluster is refused before the cluster is asked
    with faults.kubeconfig(pulumi, tmp_path, faults.leads_elsewhere("globex-prod", "acme-prod")):
        previewed = pulumi.preview("globex-prod", check=False)
        updated = pulumi.up("globex-prod", check=False)
        assert recorded(pulumi, "globex-prod") == before
        destroyed = pulumi.destroy("globex-prod", check=False)
    for refused in (previewed, updated):
        assert refused.code != 0
        assert "another cluster" in refused.output
    assert destroyed.code != 0
    assert "leads to another cluster" in destroyed.output
    assert not tailnet.keys("tag:kube-globex-prod")
    assert {kind: clusters["acme-prod"].names(kind, "-l", OURS) for kind in standing} == standing
    assert clusters["acme-prod"].releases() == releases

    pulumi.destroy("globex-prod")
    assert "tailscale" not in clusters["globex-prod"].names("namespaces")
    assert not clusters["globex-prod"].names("clusterroles,clusterrolebindings", "-l", OURS)


def test_a_frozen_api_server_stops_helm_and_nothing_at_tailscale(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    example.write("acme-prod")
    pulumi.up("acme-prod")
    with faults.frozen(world, SERVER.format("acme-prod")):
        failed = pulumi.destroy("acme-prod", check=False)
        code, found, said = absence(world, pulumi, "acme-prod")
    revoked(failed, tailnet, pulumi)
    assert "unreachable" in failed.output
    assert code == 1, said
    left = {"policy", *STATE}
    assert found == {"gone": TAILNET - {"policy"}, "deleting": set(), "left": left, "unknown": CLUSTER}, said

    # The engine has taken the roles out of the state, and they are in the cluster: an update does not take them over.
    refused = pulumi.preview("acme-prod", check=False)
    assert refused.code != 0
    assert "ClusterRole support-access-impersonation is in the cluster acme-prod already" in refused.output
    assert "carries the labels of acme-prod" in refused.output

    pulumi.destroy("acme-prod")
    assert "acme" not in tailnet.policy_text()
    assert not clusters["acme-prod"].releases()
    assert "tailscale" not in clusters["acme-prod"].names("namespaces")
    # Kubernetes deletes what the namespace owned.
    eventually(lambda: not clusters["acme-prod"].names("clusterroles,clusterrolebindings", "-l", OURS), 30)


@pytest.mark.parametrize("fault", ["webhook", "finalizer", "login", "frozen midway", "store"])
def test_a_plain_destroy_removes_grant_devices_and_credential_whatever_the_cluster_does(
    fault: str,
    world: World,
    pulumi: Pulumi,
    example: Example,
    tailnet: Tailnet,
    clusters: dict[str, Cluster],
    tmp_path: Path,
) -> None:
    cluster = clusters["acme-prod"]
    example.write("acme-prod")
    pulumi.up("acme-prod")

    def no_grant() -> bool:
        return not tailnet.grants_to("tag:kube-acme-prod")

    def no_credential() -> bool:
        return no_grant() and not tailnet.keys("tag:kube-acme-prod") and not tailnet.devices("tag:kube-acme-prod")

    with ExitStack() as stack:
        match fault:
            case "webhook":
                stack.enter_context(faults.webhook_closed(cluster, tmp_path))
            case "finalizer":
                stack.enter_context(faults.finalizer_of_another_owner(cluster))
            case "login":
                stack.enter_context(faults.kubeconfig(pulumi, tmp_path, faults.login_hangs))
            case "frozen midway":
                stack.enter_context(faults.frozen_when(world, SERVER.format("acme-prod"), no_grant))
            case _:
                stack.enter_context(faults.frozen(world, "etcd"))
        if fault == "login":
            ended = faults.destroy_until(pulumi, "acme-prod", tmp_path, no_credential)
        else:
            ended = pulumi.destroy("acme-prod", check=False)
        assert no_credential(), ended.output
        if fault == "finalizer":
            assert "it is deleted when example.com/theirs is taken off" in ended.output
            assert ended.code == 0, ended.output
        elif fault != "login":
            assert ended.code != 0, ended.output
    if fault == "login":
        pulumi.run("cancel", "-s", "acme-prod", "--yes")
    eventually(lambda: faults.answers(cluster), 60)
    pulumi.destroy("acme-prod")
    assert "tailscale" not in cluster.names("namespaces")
    eventually(lambda: not cluster.names("clusterroles,clusterrolebindings", "-l", OURS), 30)


def revoked(ended: Finished, tailnet: Tailnet, pulumi: Pulumi) -> None:
    """Everything at Tailscale is gone, the release and the namespace are in the state, and the command says so."""
    assert ended.code != 0
    assert "access to acme-prod is revoked" in ended.output
    assert not tailnet.grants_to("tag:kube-acme-prod")
    assert not tailnet.keys("tag:kube-acme-prod")
    assert not tailnet.devices("tag:kube-acme-prod")
    left = {row["urn"].rpartition("::")[2] for row in pulumi.export("acme-prod")["deployment"]["resources"]}
    assert {"acme-prod-operator-release", "acme-prod-operator-namespace"} <= left
    assert not left & {"acme-prod-access", "acme-prod-enrolment", "acme-prod-client-1", "acme-prod-cleanup"}
