"""An operator without a secret, in both deliveries: from the identity that is made first, and back to a Secret.

The tokens are the real API servers', and the Tailscale API believes them by those servers' own keys.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import httpx
import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.world import World
from tests.engine.absence import absence
from tests.engine.conftest import Example
from tests.engine.customer import apply, script, supportctl
from tests.engine.levels import deletion_levels
from tests.sandbox.operator.conftest import eventually

pytestmark = pytest.mark.engine

STACK, TAG = "globex-prod", "tag:kube-globex-prod"
SECRET = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
"""
FEDERATED = """  support-access:credential:
    federation:
      issuer: {issuer}
"""
SETTINGS = SECRET + FEDERATED
ID = "      clientId: {id}\n"
WITH_ID = SETTINGS + ID

HANDED, HANDED_TAG, AUDIENCE = "acme-prod", "tag:kube-acme-prod", "acme.example/support"
HANDED_SECRET = """config:
  support-access:customer: acme
  support-access:environment: prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
"""
HANDED_FEDERATED = f"{HANDED_SECRET}{FEDERATED}      audience: {AUDIENCE}\n"


@pytest.fixture(scope="module")
def issuers(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> dict[str, str]:
    """Each cluster's issuer; the Tailscale API knows its keys. The tailnet's own stack is up."""
    example.write("tailnet")
    pulumi.up("tailnet")
    found = {name: world.facts["clusters"][name]["issuer"] for name in (STACK, HANDED)}
    keys = {
        issuer: json.loads(clusters[name].kubectl("get", "--raw", "/openid/v1/jwks")) for name, issuer in found.items()
    }
    put = f"{tailnet.url}/sandbox/issuers"
    httpx.put(put, json=keys, auth=(tailnet.key, ""), timeout=10).raise_for_status()
    return found


def credential(tailnet: Tailnet, tag: str = TAG) -> dict[str, Any]:
    """The environment's only one at Tailscale."""
    (found,) = tailnet.keys(tag)
    return found


def credentials_in(cluster: Cluster) -> list[str]:
    """Secrets of the operator's namespace that hold a client's secret or an auth key, by name."""
    return [
        secret["metadata"]["name"]
        for secret in cluster.get("secrets", "-n", "tailscale")
        if {"client_secret", "authkey"} & (secret.get("data") or {}).keys() or "oauth" in secret["metadata"]["name"]
    ]


def proof_of(cluster: Cluster) -> list[str]:
    """What the running operator proves itself with: `Secret NAME`, or `token for AUDIENCE`. Empty while none runs."""
    pods = cluster.get("pods", "-n", "tailscale", "-l", "app=operator")
    if [pod["status"].get("phase") for pod in pods] != ["Running"] or "deletionTimestamp" in pods[0]["metadata"]:
        return []
    volumes = pods[0]["spec"]["volumes"]
    tokens = [
        one.get("serviceAccountToken", {}) for each in volumes for one in each.get("projected", {}).get("sources", [])
    ]
    return [f"Secret {each['secret']['secretName']}" for each in volumes if "secret" in each] + [
        f"token for {token['audience']}" for token in tokens if "audience" in token
    ]


def online(tailnet: Tailnet, tag: str) -> str | None:
    """The node id of the environment's only device, while it is connected."""
    (device,) = tailnet.devices(tag) or [{}]
    return device["nodeId"] if device.get("connectedToControl") else None


def policy_writes(tailnet: Tailnet) -> list[int]:
    """Statuses of the calls that wrote the policy since this was asked last."""
    calls, mine = f"{tailnet.url}/sandbox/calls", (tailnet.key, "")
    made = httpx.get(calls, auth=mine, timeout=10).raise_for_status().json()
    httpx.delete(calls, auth=mine, timeout=10).raise_for_status()
    return [call["status"] for call in made if call["method"] == "POST" and call["path"].endswith("/acl")]


def client_in(cluster: Cluster, name: str) -> str:
    """The client's id that a Secret holds."""
    held = json.loads(cluster.kubectl("get", "secret", name, "-n", "tailscale", "-o", "json"))
    return base64.b64decode(held["data"]["client_id"]).decode()


def test_from_the_identity_to_an_operator_that_lets_people_in_and_back_to_a_secret(
    world: World,
    pulumi: Pulumi,
    example: Example,
    tailnet: Tailnet,
    clusters: dict[str, Cluster],
    issuers: dict[str, str],
) -> None:
    cluster, issuer = clusters[STACK], issuers[STACK]

    # First the identity alone: nothing is installed, and the stack says what to do with its id.
    example.write(STACK, SETTINGS.format(issuer=issuer))
    pulumi.up(STACK)
    made = credential(tailnet)
    assert (made["keyType"], made["issuer"], made["audience"]) == ("federated", issuer, "support-access/globex-prod")
    assert made["subject"] == "system:serviceaccount:tailscale:operator"
    command = f"pulumi config set --stack {STACK} --path support-access:credential.federation.clientId {made['id']}"
    assert command in pulumi.outputs(STACK)["pending"][0]
    assert cluster.names("namespaces", "-l", "app.kubernetes.io/managed-by=support-access") == []
    assert cluster.releases() == []

    # An id that is not its own: told at preview, and with the preview skipped the operator is nobody.
    example.write(STACK, WITH_ID.format(issuer=issuer, id="kAnother1CNTRL"))
    for refused in (pulumi.preview(STACK, check=False), pulumi.up(STACK, check=False)):
        assert refused.code != 0
        assert f"is kAnother1CNTRL, and this stack's identity is {made['id']}" in refused.output
    assert tailnet.devices(TAG) == []
    assert tailnet.grants_to(TAG) == []

    # Another issuer than the cluster's own, by a slash: told before anything is made there.
    example.write(STACK, WITH_ID.format(issuer=f"{issuer}/", id=made["id"]))
    stranger = pulumi.preview(STACK, check=False)
    assert stranger.code != 0
    assert f'the cluster\'s tokens name "{issuer}"' in stranger.output

    # Its own id: the cluster's token is taken, the operator comes online, and people get in.
    example.write(STACK, WITH_ID.format(issuer=issuer, id=made["id"]))
    pulumi.up(STACK)
    (device,) = tailnet.devices(TAG)
    assert device["hostname"] == "globex-prod-kube"
    assert tailnet.grants_to(TAG)
    assert credential(tailnet)["id"] == made["id"]
    assert credentials_in(cluster) == []
    outputs = pulumi.outputs(STACK)
    assert (outputs["pending"], outputs["credential"]["kind"]) == ([], "federated")
    assert "operatorCredential" not in outputs
    pulumi.preview(STACK, "--expect-no-changes")

    # The identity goes before the devices, and everything of the cluster's after it.
    levels = deletion_levels(pulumi.export(STACK))
    level = {name.removeprefix(f"{STACK}-"): number for number, names in enumerate(levels) for name in names}
    order = ["access", "enrolment", "ceiling-role", "federated", "cleanup", "operator-release", "identity"]
    assert [level[name] for name in order] == sorted({level[name] for name in order})

    # Without the id nothing would be declared in the cluster: an operator that stands is not taken away so.
    example.write(STACK, SETTINGS.format(issuer=issuer))
    kept = pulumi.preview(STACK, check=False)
    assert kept.code != 0
    assert "globex-prod has an operator already" in kept.output

    # Back to a Secret: the same device, by a client of its own, and nobody else gets in meanwhile.
    policy, _ = tailnet.policy_text(), policy_writes(tailnet)
    example.write(STACK, SECRET)
    pulumi.up(STACK)
    client = credential(tailnet)
    assert client["keyType"] == "client"
    eventually(lambda: proof_of(cluster) == ["Secret operator-oauth-1"], 60)
    assert eventually(lambda: online(tailnet, TAG), 60) == device["nodeId"]
    assert credentials_in(cluster) == ["operator-oauth-1"]
    assert client_in(cluster, "operator-oauth-1") == client["id"]
    assert (tailnet.policy_text(), policy_writes(tailnet)) == (policy, [])
    pulumi.preview(STACK, "--expect-no-changes")

    # And not by the same way to the identity: in its first step what stands would be uninstalled.
    example.write(STACK, SETTINGS.format(issuer=issuer))
    refused = pulumi.up(STACK, check=False)
    assert refused.code != 0
    assert "To move an environment that has a Secret, end it first: pulumi destroy -s globex-prod" in refused.output
    assert credential(tailnet)["id"] == client["id"]
    assert proof_of(cluster) == ["Secret operator-oauth-1"]
    assert (tailnet.policy_text(), policy_writes(tailnet)) == (policy, [])

    pulumi.destroy(STACK)
    assert tailnet.keys(TAG) == []
    code, found, said = absence(world, pulumi, STACK)
    assert (code, found["left"], found["unknown"]) == (0, set(), set()), said


def test_what_is_handed_over_goes_from_a_secret_to_the_clusters_tokens_and_back(
    pulumi: Pulumi,
    example: Example,
    tailnet: Tailnet,
    clusters: dict[str, Cluster],
    issuers: dict[str, str],
    tmp_path: Path,
) -> None:
    cluster, issuer, folder = clusters[HANDED], issuers[HANDED], tmp_path / "acme"
    example.write(HANDED, HANDED_SECRET)
    pulumi.up(HANDED)
    install_with_secret(pulumi, folder)
    device = eventually(lambda: online(tailnet, HANDED_TAG), 60)
    pulumi.up(HANDED)
    assert tailnet.grants_to(HANDED_TAG)
    policy, _ = tailnet.policy_text(), policy_writes(tailnet)

    # The identity is made and the client is gone; the folder waits for the id, and for an update that knows it.
    example.write(HANDED, HANDED_FEDERATED.format(issuer=issuer))
    pulumi.up(HANDED)
    made = credential(tailnet, HANDED_TAG)
    assert (made["keyType"], made["issuer"], made["audience"]) == ("federated", issuer, AUDIENCE)
    wanted = f"--path support-access:credential.federation.clientId {made['id']}"
    assert wanted in pulumi.outputs(HANDED)["pending"][0]
    example.write(HANDED, (HANDED_FEDERATED + ID).format(issuer=issuer, id=made["id"]))
    early = supportctl(pulumi, "handoff", HANDED, "--out", folder, check=False)
    assert early.returncode == 2
    key = "support-access:credential.federation.clientId"
    assert [line for line in early.stderr.splitlines() if line.startswith("  ")] == [
        f'  {key}: "{made["id"]}" now, not set at the last `pulumi up`'
    ]
    pulumi.up(HANDED)
    assert pulumi.outputs(HANDED)["pending"] == []

    # The folder's own scripts: the operator goes on as the same device by the cluster's token, and no secret is left.
    supportctl(pulumi, "handoff", HANDED, "--out", folder)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    script(folder / "install.sh", pulumi, HANDED)
    eventually(lambda: proof_of(cluster) == [f"token for {AUDIENCE}"], 60)
    assert credentials_in(cluster) == []
    assert "WRONG" not in script(folder / "verify.sh", pulumi, HANDED).stdout
    supportctl(pulumi, "handoff", HANDED, "--out", folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before
    assert eventually(lambda: online(tailnet, HANDED_TAG), 60) == device
    assert (tailnet.policy_text(), policy_writes(tailnet)) == (policy, [])

    # With its device removed it needs a new key, and gets one for the token.
    httpx.delete(f"{tailnet.url}/api/v2/device/{device}", auth=(tailnet.key, ""), timeout=10).raise_for_status()
    cluster.kubectl("delete", "pods", "-n", "tailscale", "-l", "app=operator")
    again = eventually(lambda: online(tailnet, HANDED_TAG), 60)
    assert again != device
    assert credentials_in(cluster) == []

    # And back: the identity is gone, and the Secret's client takes its place.
    example.write(HANDED, HANDED_SECRET)
    pulumi.up(HANDED)
    client = credential(tailnet, HANDED_TAG)
    assert client["keyType"] == "client"
    install_with_secret(pulumi, folder)
    eventually(lambda: proof_of(cluster) == ["Secret operator-oauth-1"], 60)
    assert client_in(cluster, "operator-oauth-1") == client["id"]
    assert eventually(lambda: online(tailnet, HANDED_TAG), 60) == again
    assert (tailnet.policy_text(), policy_writes(tailnet)) == (policy, [])


def install_with_secret(pulumi: Pulumi, folder: Path) -> None:
    """What the README says: the first run makes the namespace for the credential, and no earlier one passes for it."""
    given = supportctl(pulumi, "handoff", HANDED, "--out", folder, "--print-credential")
    assert "The credential is missing" in script(folder / "install.sh", pulumi, HANDED, check=False).stderr
    apply(given.stdout, pulumi, HANDED)
    script(folder / "install.sh", pulumi, HANDED)
