"""Egress in GCP through the real engine: added beside what the customer has, and gone without a trace."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.demo.pulumi import CommandError, Pulumi
from sandbox.world import World
from tests.engine.conftest import Example
from tests.engine.egress_stack import STACK, TAILNET, Stack

pytestmark = pytest.mark.engine

VPC = "projects/acme-network/global/networks/prod"
POLICY = "projects/acme-network/global/firewallPolicies/egress"
GATEWAY = "projects/acme-network/locations/europe-west3/gatewaySecurityPolicies/egress"
NODES = "gke-nodes@acme-prod.iam.gserviceaccount.com"
THEIRS: dict[str, dict[str, dict[str, Any]]] = {
    "gcp:compute:Network": {VPC: {"name": "prod"}},
    "gcp:compute:NetworkFirewallPolicy": {POLICY: {"name": "egress"}},
    "gcp:networksecurity:GatewaySecurityPolicy": {GATEWAY: {"name": "egress"}},
    "gcp:compute:Firewall": {
        "projects/acme-network/global/firewalls/deny": {
            "network": VPC,
            "direction": "EGRESS",
            "priority": 1000,
            "denies": [{"protocol": "all"}],
            "destinationRanges": ["0.0.0.0/0"],
        }
    },
    "gcp:compute:NetworkFirewallPolicyRule": {
        f"{POLICY}/rules/1000": {
            "priority": 1000,
            "action": "deny",
            "direction": "EGRESS",
            "match": {"destIpRanges": ["0.0.0.0/0"], "layer4Configs": [{"ipProtocol": "all"}]},
        }
    },
    "gcp:networksecurity:GatewaySecurityPolicyRule": {
        f"{GATEWAY}/rules/packages": {
            "priority": 1000,
            "basicProfile": "ALLOW",
            "sessionMatcher": "host() == 'packages.acme.example'",
        }
    },
}
"""A network, two policies, and a rule of the customer's own in each. The order is that in which they can be made."""
KINDS = (*THEIRS, "gcp:networksecurity:UrlList")
POLICY_RULE = "gcp:compute:NetworkFirewallPolicyRule"
TARGETS: dict[str, dict[str, Any]] = {
    "network": {
        "target": "gcp-vpc-firewall",
        "network": VPC,
        "priority": 900,
        "serviceAccounts": [NODES],
        "derp": "any443",
    },
    "policy": {"target": "gcp-network-policy", "policy": POLICY, "priority": 900, "serviceAccounts": [NODES]},
    "proxy": {"target": "gcp-secure-web-proxy", "policy": GATEWAY, "priority": 900, "sources": ["10.64.0.0/16"]},
}


class Customer:
    """The customer's own network: what it has, and what it does by hand."""

    def __init__(self, url: str) -> None:
        self._http = httpx.Client(base_url=url, timeout=10)

    def builds(self) -> None:
        for kind, objects in THEIRS.items():
            for path, body in objects.items():
                self._http.put(f"/{kind}/{path}", json=body).raise_for_status()

    def removes(self, kind: str, path: str) -> None:
        self._http.delete(f"/{kind}/{path}").raise_for_status()

    def objects(self) -> dict[str, str]:
        """Every object in the cloud as one line of JSON, by its path."""
        return {
            path: json.dumps(body, sort_keys=True)
            for kind in KINDS
            for path, body in self._http.get(f"/{kind}").raise_for_status().json()["items"].items()
        }

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def customer(world: World) -> Iterator[Customer]:
    it = Customer(world.facts["cloud"]["store_url"])
    it.builds()
    yield it
    it.close()


@pytest.fixture(scope="module")
def stack(pulumi: Pulumi, example: Example) -> Stack:
    example.write("tailnet", TAILNET)
    pulumi.up("tailnet")
    return Stack(pulumi, example)


def test_all_three_come_change_and_go_and_leave_every_byte_of_the_customers(stack: Stack, customer: Customer) -> None:
    before = customer.objects()
    stack.declare(*TARGETS.values())
    stack.pulumi.up(STACK)
    during = customer.objects()
    assert before.items() <= during.items()
    assert len(during) == len(before) + 4, "a VPC rule, a policy's rule, a list of hosts and a proxy's rule"
    exported = {row["target"]: row for row in stack.pulumi.outputs(STACK)["egress"]}
    assert exported["gcp-network-policy"]["rule"] == f"{POLICY}/rules/900"
    assert (
        exported["gcp-secure-web-proxy"]["urlList"]
        in json.loads(during[exported["gcp-secure-web-proxy"]["rule"]])["sessionMatcher"]
    )
    assert all(row["customerChecks"] for row in exported.values())

    stack.pulumi.preview(STACK, "--expect-no-changes")
    looked = stack.pulumi.run(
        "refresh", "-s", STACK, "--preview-only", "--expect-no-changes", "--target", "**support-access:egress:**"
    )
    assert "7 unchanged" in looked.output, "all of them were looked at: four objects and the three targets"

    changed = [{**target, "priority": 901} for target in TARGETS.values()]
    changed[0] |= {"udp": "stun", "ipv6": True}
    stack.declare(*changed)
    stack.pulumi.up(STACK)
    after = customer.objects()
    assert before.items() <= after.items()
    assert len(after) == len(during) + 3, "a rule per protocol and IP family"
    assert f"{POLICY}/rules/901" in after
    assert f"{POLICY}/rules/900" not in after
    ours = [json.loads(body) for path, body in after.items() if path not in before]
    assert {body["direction"] for body in ours if "direction" in body} == {"EGRESS"}
    assert {body["priority"] for body in ours if "priority" in body} == {901}

    stack.pulumi.destroy(STACK)
    assert customer.objects() == before


def test_what_the_customer_uses_is_refused_and_a_rule_that_it_removed_holds_up_nothing_at_tailscale(
    stack: Stack, customer: Customer
) -> None:
    before = customer.objects()
    stack.declare({**TARGETS["policy"], "priority": 1000})
    assert "The priority is taken" in stack.refused()
    stack.declare({**TARGETS["proxy"], "priority": 1000})
    assert "Priority 1000 is that of packages" in stack.refused()
    assert before.items() <= customer.objects().items()

    stack.declare(TARGETS["policy"])
    stack.pulumi.up(STACK)
    customer.removes(POLICY_RULE, f"{POLICY}/rules/900")
    with pytest.raises(CommandError, match="does not contain a rule at priority 900"):
        stack.pulumi.destroy(STACK)
    left = [resource["urn"] for resource in stack.pulumi.export(STACK)["deployment"]["resources"]]
    assert not [urn for urn in left if "OauthClient" in urn or "Enrollment" in urn]
    [rule] = [urn for urn in left if "NetworkFirewallPolicyRule" in urn]
    stack.pulumi.run("state", "delete", rule, "-s", STACK, "--yes")
    stack.pulumi.destroy(STACK)
    assert customer.objects() == before
