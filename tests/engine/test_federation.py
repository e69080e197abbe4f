"""An operator without a secret, from the identity that is made first to a destroy with nothing left.

The tokens are the real API server's, and the Tailscale API believes them by that server's own keys.
"""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.world import World
from tests.engine.absence import absence
from tests.engine.conftest import Example
from tests.engine.levels import deletion_levels

pytestmark = pytest.mark.engine

STACK, TAG = "globex-prod", "tag:kube-globex-prod"
SETTINGS = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:access:
    - from: group:highflame-sre
      role: read-only
  support-access:credential:
    federation:
      issuer: {issuer}
"""
WITH_ID = SETTINGS + "      clientId: {id}\n"


def identity(tailnet: Tailnet) -> dict[str, Any]:
    (found,) = tailnet.keys(TAG)
    return found


def credentials_in(cluster: Cluster) -> list[str]:
    """Secrets of the operator's namespace that hold a client's secret or an auth key, by name."""
    return [
        secret["metadata"]["name"]
        for secret in cluster.get("secrets", "-n", "tailscale")
        if {"client_secret", "authkey"} & (secret.get("data") or {}).keys() or "oauth" in secret["metadata"]["name"]
    ]


def test_from_the_identity_to_an_operator_that_lets_people_in_and_back_to_nothing(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    cluster, issuer = clusters[STACK], world.facts["clusters"][STACK]["issuer"]
    example.write("tailnet")
    pulumi.up("tailnet")
    keys = json.loads(cluster.kubectl("get", "--raw", "/openid/v1/jwks"))
    # As the handed over install.sh looks for it.
    assert f'"issuer":"{issuer}"' in cluster.kubectl("get", "--raw", "/.well-known/openid-configuration")
    put = f"{tailnet.url}/sandbox/issuers"
    httpx.put(put, json={issuer: keys}, auth=(tailnet.key, ""), timeout=10).raise_for_status()

    # First the identity alone: nothing is installed, and the stack says what to do with its id.
    example.write(STACK, SETTINGS.format(issuer=issuer))
    pulumi.up(STACK)
    made = identity(tailnet)
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
    assert identity(tailnet)["id"] == made["id"]
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

    pulumi.destroy(STACK)
    assert tailnet.keys(TAG) == []
    code, found, said = absence(world, pulumi, STACK)
    assert (code, found["left"], found["unknown"]) == (0, set(), set()), said
