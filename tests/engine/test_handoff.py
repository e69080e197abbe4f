"""The customer installs alone, from what it is handed, and ends up with what a managed delivery would have made."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from components.settings.environment import EnvironmentSettings
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from supportctl.handoff.bundle import bundle
from supportctl.handoff.folder import write_folder
from tests.engine.conftest import Example
from tests.engine.customer import apply, script, supportctl
from tests.sandbox.operator.conftest import eventually

pytestmark = pytest.mark.engine

STACK = "globex-prod"
SETTINGS = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
    - from: Lin@Highflame.Example  # counts in lower case
      role: view
"""
WIDER = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:credential: {acknowledge: ["devices:core"]}
  support-access:access:
    - from: group:highflame-sre
      role: cluster-admin
      reason: on-call engineers repair things
    - from: lin@highflame.example
      role: namespaces
      namespaces: [shop]
    - from: group:platform
      role: custom
      rules: [{apiGroups: [apps], resources: [deployments/scale], verbs: [get, patch]}]
  support-access:expose:
    - {name: db, kind: service, namespace: shop, service: db, ports: [5432], from: "group:highflame-sre"}
    - {name: net, kind: connector, routes: [10.20.0.0/24], ports: [22], from: "group:highflame-sre"}
"""
CUSTOMERS = """
apiVersion: v1
kind: Namespace
metadata: {name: shop}
---
apiVersion: v1
kind: Service
metadata: {name: db, namespace: shop, annotations: {team: data}}
spec: {ports: [{port: 5432}]}
"""
MANAGED = """  support-access:cluster:
    context: globex-prod
"""
OURS = ("-l", "app.kubernetes.io/managed-by=support-access")
SERVERS_OWN = (
    "uid",
    "resourceVersion",
    "creationTimestamp",
    "generation",
    "managedFields",
    "annotations",
    "selfLink",
    "ownerReferences",
)


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
    if one["kind"] in ("ClusterRole", "ClusterRoleBinding"):  # what is in the namespace is deleted with it anyway
        metadata["owners"] = [(owner["kind"], owner["name"]) for owner in one["metadata"].get("ownerReferences", [])]
    return {key: value for key, value in one.items() if key not in ("metadata", "status")} | {"metadata": metadata}


@pytest.fixture(scope="module")
def managed(pulumi: Pulumi, example: Example, clusters: dict[str, Cluster]) -> dict[str, Any]:
    """The objects of a managed delivery, which is gone again."""
    example.write("tailnet")
    pulumi.up("tailnet")
    example.write(STACK, SETTINGS + MANAGED)
    pulumi.up(STACK)
    made = objects(clusters[STACK])
    pulumi.destroy(STACK)
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
    example.write(STACK, SETTINGS)
    pulumi.up(STACK)
    assert not tailnet.grants_to("tag:kube-globex-prod")
    assert len(json.loads(pulumi.run("stack", "output", "pending", "-s", STACK).output)) == 2
    return tmp_path_factory.mktemp("handoff") / "globex"


@pytest.fixture(scope="module")
def installed(handed: Path, pulumi: Pulumi, clusters: dict[str, Cluster], tailnet: Tailnet) -> Iterator[Path]:
    """What the README says, step by step."""
    given = supportctl(pulumi, "handoff", STACK, "--out", handed, "--print-credential")
    assert "pending:" in given.stderr
    refused = script(handed / "install.sh", pulumi, STACK, check=False)
    assert refused.returncode != 0
    assert "The credential is missing" in refused.stderr
    apply(given.stdout, pulumi, STACK)
    script(handed / "install.sh", pulumi, STACK)
    # Each test may be the first one.
    eventually(lambda: any(device["connectedToControl"] for device in tailnet.devices("tag:kube-globex-prod")), 60)
    yield handed
    clusters[STACK].kubectl("delete", "clusterroles,clusterrolebindings", *OURS)


def test_its_own_scripts_give_the_objects_of_a_managed_delivery(
    installed: Path, managed: dict[str, Any], clusters: dict[str, Cluster]
) -> None:
    assert objects(clusters[STACK]) == managed
    owners = {name: one["metadata"]["owners"] for name, one in managed.items() if name.startswith("ClusterRole")}
    assert set(map(tuple, owners.values())) == {(("Namespace", "tailscale"),)}
    assert {
        "ClusterRole support-access-impersonation",
        "Deployment operator",
        "Secret operator-oauth-1",
    } <= managed.keys()


def test_the_customer_sees_every_claim_hold_and_a_widened_ceiling_is_seen(
    installed: Path, pulumi: Pulumi, clusters: dict[str, Cluster]
) -> None:
    held = script(installed / "verify.sh", pulumi, STACK)
    assert "WRONG" not in held.stdout
    assert held.stdout.count("ok  ") > 10
    cluster = clusters[STACK]
    cluster.kubectl("create", "clusterrole", "wide", "--verb=impersonate", "--resource=groups")
    cluster.kubectl("create", "clusterrolebinding", "wide", "--clusterrole=wide", "--serviceaccount=tailscale:operator")
    try:
        widened = script(installed / "verify.sh", pulumi, STACK, check=False)
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", "wide")
    assert widened.returncode == 1
    assert "WRONG operator may not become system:masters" in widened.stdout


def test_a_cluster_with_another_operator_is_left_as_it_is(
    installed: Path, pulumi: Pulumi, clusters: dict[str, Cluster], tmp_path: Path
) -> None:
    """Helm would upgrade the one that stands into this one: its names are the same."""
    other = {"customer": "initech", "environment": "prod", "access": [{"from": "group:sre", "role": "read-only"}]}
    write_folder(tmp_path, bundle(EnvironmentSettings.model_validate(other), ["ada@highflame.example"]))
    before = objects(clusters[STACK])
    refused = script(tmp_path / "install.sh", pulumi, STACK, check=False)
    assert refused.returncode == 1
    assert "another Tailscale operator (tags: tag:k8s-operator-globex,tag:kube-globex-prod;" in refused.stderr
    assert refused.stdout == ""
    assert objects(clusters[STACK]) == before


def test_a_narrower_handoff_takes_away_what_an_earlier_one_gave(
    installed: Path,
    managed: dict[str, Any],
    pulumi: Pulumi,
    example: Example,
    clusters: dict[str, Cluster],
    tmp_path: Path,
) -> None:
    """Kubernetes adds roles up: with the old binding left behind the group would have both."""
    cluster, file = clusters[STACK], tmp_path / "services.yaml"
    file.write_text(CUSTOMERS)
    cluster.kubectl("apply", "-f", str(file))
    before = noted(cluster)
    example.write(STACK, WIDER)
    pulumi.up(STACK)
    supportctl(pulumi, "handoff", STACK, "--out", tmp_path / "wider")
    script(tmp_path / "wider" / "install.sh", pulumi, STACK)
    assert may(cluster, "get", "secrets")
    assert noted(cluster).keys() - before.keys() == {f"tailscale.com/{key}" for key in ("expose", "hostname", "tags")}
    assert cluster.names("connectors") == ["support-access-net"]
    seen = script(installed / "verify.sh", pulumi, STACK, check=False)
    assert seen.returncode == 1
    assert "WRONG highflame-sre reads no secrets" in seen.stdout
    assert "WRONG roles and bindings are those of rbac.yaml" in seen.stdout
    assert "ClusterRoleBinding//support-access:cluster-admin:highflame-sre" in seen.stdout
    assert "RoleBinding/shop/support-access:read-only:user:lin@highflame.example" in seen.stdout

    script(installed / "install.sh", pulumi, STACK)
    assert not may(cluster, "get", "secrets")
    assert objects(cluster) == managed
    assert cluster.names("rolebindings", "-n", "shop") == []
    assert noted(cluster) == before
    eventually(lambda: cluster.get("connectors") == [] and cluster.get("proxyclasses") == [], 60)
    assert "WRONG" not in script(installed / "verify.sh", pulumi, STACK).stdout
    eventually(lambda: not cluster.get("services", "-n", "shop")[0]["metadata"].get("finalizers"), 60)
    cluster.kubectl("delete", "namespace", "shop", "--wait=false")
    # Last, since the operator took its proxies back by the wider scopes.
    example.write(STACK, SETTINGS)
    pulumi.up(STACK)


def noted(cluster: Cluster) -> dict[str, str]:
    """Of the customer's Service, without kubectl's own note of it."""
    found = cluster.get("services", "-n", "shop")[0]["metadata"]["annotations"]
    return {key: value for key, value in found.items() if not key.startswith("kubectl.kubernetes.io/")}


def may(cluster: Cluster, *words: str) -> bool:
    """Whether somebody who acts as the engineers' group may do this anywhere."""
    who = ("-A", "--as=nobody@invalid", "--as-group=highflame-sre")
    command = ["kubectl", "--context", cluster.context, "auth", "can-i", *words, *who]
    answer = subprocess.run(command, env=cluster.env, check=False, capture_output=True, text=True).stdout.strip()
    assert answer in ("yes", "no")
    return answer == "yes"


def test_a_name_that_somebody_adds_to_the_ceiling_is_seen(
    installed: Path, pulumi: Pulumi, clusters: dict[str, Cluster]
) -> None:
    cluster = clusters[STACK]
    added = '[{"op": "add", "path": "/rules/0/resourceNames/-", "value": "kubeadm-cluster-admins"}]'
    cluster.kubectl("patch", "clusterrole", "support-access-impersonation", "--type=json", "-p", added)
    try:
        seen = script(installed / "verify.sh", pulumi, STACK, check=False)
    finally:
        cluster.kubectl("delete", "clusterrole", "support-access-impersonation")
        script(installed / "install.sh", pulumi, STACK)
    assert seen.returncode == 1
    assert "WRONG roles and bindings are those of rbac.yaml" in seen.stdout


def test_a_name_that_a_role_of_another_adds_is_seen(
    installed: Path, pulumi: Pulumi, clusters: dict[str, Cluster]
) -> None:
    """It need not be system:masters, nor bear a label of ours."""
    cluster = clusters[STACK]
    named = ("--verb=impersonate", "--resource=groups", "--resource-name=kubeadm:cluster-admins")
    cluster.kubectl("create", "clusterrole", "named", *named)
    cluster.kubectl(
        "create", "clusterrolebinding", "named", "--clusterrole=named", "--serviceaccount=tailscale:operator"
    )
    try:
        seen = script(installed / "verify.sh", pulumi, STACK, check=False)
    finally:
        cluster.kubectl("delete", "clusterrole,clusterrolebinding", "named")
    assert seen.returncode == 1
    assert [line for line in seen.stdout.splitlines() if line.startswith("WRONG")] == [
        'WRONG operator may act as nobody else: ["impersonate"] ["groups"] ["kubeadm:cluster-admins"]'
    ]


def test_an_operator_that_is_not_approved_gets_no_grant_and_keeps_those_that_it_has(
    installed: Path, pulumi: Pulumi, tailnet: Tailnet
) -> None:
    (device,) = tailnet.devices("tag:kube-globex-prod")
    approval = f"{tailnet.url}/api/v2/device/{device['nodeId']}/authorized"
    before = tailnet.grants_to("tag:kube-globex-prod")
    httpx.post(approval, auth=(tailnet.key, ""), json={"authorized": False}).raise_for_status()
    pulumi.up(STACK)
    pending = json.loads(pulumi.run("stack", "output", "pending", "-s", STACK).output)
    assert "it is not approved" in pending[0]
    assert len(pending) == (1 if before else 2), "the second says that no grant is written"
    assert tailnet.grants_to("tag:kube-globex-prod") == before
    httpx.post(approval, auth=(tailnet.key, ""), json={"authorized": True}).raise_for_status()


def test_the_next_up_sees_the_operator_and_lets_people_in(installed: Path, pulumi: Pulumi, tailnet: Tailnet) -> None:
    pulumi.up(STACK)
    assert {grant["src"][0] for grant in tailnet.grants_to("tag:kube-globex-prod")} == {
        "group:highflame-sre",
        "lin@highflame.example",
    }
    assert json.loads(pulumi.run("stack", "output", "pending", "-s", STACK).output) == []


def test_a_second_run_gives_the_same_bytes(installed: Path, pulumi: Pulumi) -> None:
    before = {file.name: file.read_bytes() for file in installed.iterdir()}
    supportctl(pulumi, "handoff", STACK, "--out", installed)
    assert {file.name: file.read_bytes() for file in installed.iterdir()} == before
