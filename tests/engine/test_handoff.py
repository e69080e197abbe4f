"""The customer installs alone, from what it is handed, and ends up with what a managed delivery would have made."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import ROOT, Pulumi
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine

SETTINGS = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
    - from: lin@highflame.example
      role: view
"""
MANAGED = """  support-access:cluster:
    context: globex-prod
"""
OURS = ("-l", "app.kubernetes.io/managed-by=support-access")
SERVERS_OWN = ("uid", "resourceVersion", "creationTimestamp", "generation", "managedFields", "annotations", "selfLink")


def objects(cluster: Cluster) -> dict[str, Any]:
    """What a delivery made, without what the server writes and without the credential's own value."""
    found: dict[str, Any] = {}
    kinds = ("namespaces", "clusterroles", "clusterrolebindings")
    for one in [item for kind in kinds for item in cluster.get(kind, *OURS)]:
        found[f"{one['kind']} {one['metadata']['name']}"] = one
    for kind in ("deployments", "serviceaccounts", "roles", "rolebindings"):
        for one in cluster.get(kind, "-n", "tailscale", "-l", "app.kubernetes.io/managed-by=Helm"):
            found[f"{one['kind']} {one['metadata']['name']}"] = one
    for one in cluster.get("secrets", "-n", "tailscale", *OURS):
        found[f"Secret {one['metadata']['name']}"] = {**one, "data": sorted(one["data"])}
    return {name: bare(one) for name, one in sorted(found.items())}


def bare(one: dict[str, Any]) -> dict[str, Any]:
    metadata = {key: value for key, value in one["metadata"].items() if key not in SERVERS_OWN}
    return {key: value for key, value in one.items() if key not in ("metadata", "status")} | {"metadata": metadata}


@pytest.fixture(scope="module")
def managed(pulumi: Pulumi, example: Example, clusters: dict[str, Cluster]) -> dict[str, Any]:
    """The objects of a managed delivery, which is gone again."""
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write("globex-prod", SETTINGS + MANAGED)
    pulumi.up("globex-prod")
    made = objects(clusters["globex-prod"])
    pulumi.destroy("globex-prod")
    return made


@pytest.fixture(scope="module")
def handed(
    managed: dict[str, Any],
    pulumi: Pulumi,
    example: Example,
    tailnet: Tailnet,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The folder, of a stack that the customer has not installed yet: nobody gets in, and nothing has failed."""
    example.write("globex-prod", SETTINGS)
    pulumi.up("globex-prod")
    assert not tailnet.grants_to("tag:kube-globex-prod")
    assert len(json.loads(pulumi.run("stack", "output", "pending", "-s", "globex-prod").output)) == 2
    return tmp_path_factory.mktemp("handoff") / "globex"


def supportctl(pulumi: Pulumi, *words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supportctl", *map(str, words)],
        cwd=pulumi.project,
        env={**pulumi.env, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=True,
    )


@pytest.fixture(scope="module")
def installed(handed: Path, pulumi: Pulumi, clusters: dict[str, Cluster]) -> Iterator[Path]:
    """What the README says, step by step."""
    given = supportctl(pulumi, "handoff", "globex-prod", "--out", handed, "--print-credential")
    assert "pending:" in given.stderr
    refused = script(handed / "install.sh", pulumi, check=False)
    assert refused.returncode != 0
    assert "The credential is missing" in refused.stderr
    secret = ["kubectl", "--context", "globex-prod", "apply", "--server-side", "-f", "-"]
    subprocess.run(secret, env=pulumi.env, input=given.stdout, text=True, check=True, capture_output=True)
    script(handed / "install.sh", pulumi)
    yield handed
    clusters["globex-prod"].kubectl("delete", "clusterroles,clusterrolebindings", *OURS)


def script(file: Path, pulumi: Pulumi, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    command = [str(file), "globex-prod"]
    return subprocess.run(
        command, env=pulumi.env, check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def test_its_own_scripts_give_the_objects_of_a_managed_delivery(
    installed: Path, managed: dict[str, Any], clusters: dict[str, Cluster]
) -> None:
    assert objects(clusters["globex-prod"]) == managed
    assert {
        "ClusterRole support-access-impersonation",
        "Deployment operator",
        "Secret operator-oauth-1",
    } <= managed.keys()


def test_the_customer_sees_every_claim_hold_and_a_widened_ceiling_is_seen(
    installed: Path, pulumi: Pulumi, clusters: dict[str, Cluster]
) -> None:
    held = script(installed / "verify.sh", pulumi)
    assert "WRONG" not in held.stdout
    assert held.stdout.count("ok  ") > 10
    cluster = clusters["globex-prod"]
    cluster.kubectl("create", "clusterrole", "wide", "--verb=impersonate", "--resource=groups")
    cluster.kubectl("create", "clusterrolebinding", "wide", "--clusterrole=wide", "--serviceaccount=tailscale:operator")
    try:
        widened = script(installed / "verify.sh", pulumi, check=False)
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", "wide")
    assert widened.returncode == 1
    assert "WRONG operator may not become system:masters" in widened.stdout


def test_the_next_up_sees_the_operator_and_lets_people_in(installed: Path, pulumi: Pulumi, tailnet: Tailnet) -> None:
    pulumi.up("globex-prod")
    assert {grant["src"][0] for grant in tailnet.grants_to("tag:kube-globex-prod")} == {
        "group:highflame-sre",
        "lin@highflame.example",
    }
    assert json.loads(pulumi.run("stack", "output", "pending", "-s", "globex-prod").output) == []


def test_a_second_run_gives_the_same_bytes(installed: Path, pulumi: Pulumi) -> None:
    before = {file.name: file.read_bytes() for file in installed.iterdir()}
    supportctl(pulumi, "handoff", "globex-prod", "--out", installed)
    assert {file.name: file.read_bytes() for file in installed.iterdir()} == before
