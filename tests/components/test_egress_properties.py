"""Whatever the settings, egress only adds, only outward, and covers what the operator cannot do without."""

from __future__ import annotations

import ipaddress
import re
from typing import Any, get_args

import pulumi_aws as aws
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pulumi_azure_native import network
from pulumi_gcp import compute

from components.settings.egress import EgressTarget
from components.settings.environment import EnvironmentSettings
from tests.components import egress_azure_invariants as azure
from tests.components import egress_gcp_invariants as gcp
from tests.components import registered as registrations
from tests.components.conftest import LEAST
from tests.components.egress_drawn import BOTH, CIDRS, HEX, UDP, covers, public_only
from tests.components.registered import Registration
from tests.components.test_egress_aws import opened

ALLOWED_TYPES = {
    "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule",
    "aws:networkfirewall/ruleGroup:RuleGroup",
    "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList",
    "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup",
    "aws:route53/resolverFirewallRule:ResolverFirewallRule",
    "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation",
    *azure.ALLOWED_TYPES,
    *gcp.ALLOWED_TYPES,
}
"""Each is an object of its own beside the customer's. Anything else, such as a class that owns a whole group, policy or
route table, or that has a public address, needs a line here first."""


@st.composite
def security_groups(draw: st.DrawFn) -> dict[str, Any]:
    ipv6 = draw(st.booleans())
    cidrs = BOTH if ipv6 else CIDRS
    bound = draw(
        st.just({"derp": "any443"})
        | st.fixed_dictionaries({"derp": cidrs, "certificateAuthority": cidrs | st.just("elsewhere")})
    )
    identifier = f"sg-{draw(HEX)}"
    return {
        "target": "aws-security-group",
        "region": "eu-central-1",
        "securityGroup": identifier,
        "ipv6": ipv6,
        "udp": draw(UDP),
        **bound,
    }


@st.composite
def firewalls(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "target": "aws-network-firewall",
        "region": "eu-central-1",
        "policy": f"arn:aws:network-firewall:eu-central-1:111122223333:firewall-policy/{draw(HEX)}",
        "ruleOrder": "STRICT_ORDER",
        "priority": draw(st.integers(1, 65535)),
        "sources": draw(BOTH),
        "udp": draw(UDP),
    }


@st.composite
def dns_firewalls(draw: st.DrawFn) -> dict[str, Any]:
    return {
        "target": "aws-dns-firewall",
        "region": draw(st.sampled_from(["eu-central-1", "eu-west-1"])),
        "vpc": f"vpc-{draw(HEX)}",
        "priority": draw(st.integers(101, 9899)),
    }


KINDS = {
    "aws-security-group": security_groups(),
    "aws-network-firewall": firewalls(),
    "aws-dns-firewall": dns_firewalls(),
    **azure.KINDS,
    **gcp.KINDS,
}
CLOUDS = ("aws", "azure", "gcp")
NAMES = ("name", "description", "ruleCollectionGroupName")
"""Inputs of which one says whose the object is."""
OBJECTS = ("securityGroup", "policy", "vpc", "nsg", "network")
"""Keys of the customer's object: no two targets of a kind are on one."""


def stacks(cloud: str) -> st.SearchStrategy[list[dict[str, Any]]]:
    """A cluster is in one cloud."""
    return st.lists(
        st.one_of(*(targets for kind, targets in KINDS.items() if kind.startswith(cloud))),
        min_size=1,
        max_size=4,
        unique_by=lambda target: (target["target"], *(target.get(key) for key in OBJECTS)),
    )


def test_every_target_that_has_settings_is_drawn() -> None:
    models = get_args(get_args(EgressTarget)[0])
    assert {get_args(model.model_fields["target"].annotation)[0] for model in models} == KINDS.keys()


@pytest.fixture(autouse=True, scope="module")
def imported() -> None:
    """Once, and not in the process of each example."""
    assert aws.vpc.SecurityGroupEgressRule
    assert aws.networkfirewall.RuleGroup
    assert aws.route53.ResolverFirewallRule
    assert network.SecurityRule
    assert compute.Firewall


@pytest.mark.parametrize("cloud", CLOUDS)
@settings(deadline=None, max_examples=20)
@given(st.data())
def test_only_outward_only_ours_and_nothing_that_is_needed_is_left_out(cloud: str, data: st.DataObject) -> None:
    declared = EnvironmentSettings.model_validate({**LEAST, "egress": data.draw(stacks(cloud))})
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(registrations, "FIREWALL_POLICY", {"statefulEngineOptions": [{"ruleOrder": "STRICT_ORDER"}]})
        seen = opened(declared)
    ours = {name: row for name, row in seen.rows.items() if row.custom and row.type != "test:index:Narrowed"}
    objects = {name: row for name, row in ours.items() if not row.type.startswith("pulumi:providers:")}
    for name, row in objects.items():
        assert row.type in ALLOWED_TYPES, name
        assert not row.protected, name
        assert not row.retained, name
        assert row.provider, name
        assert "acme-prod" in " ".join(str(row.inputs.get(key)) for key in NAMES), name
    for target in declared.egress:
        mine = {n: row for n, row in objects.items() if n.startswith(f"acme-prod-egress-{target.place}-")}
        CHECKS[target.target](target, list(mine.values()))


def outward_by_address(target: Any, rows: list[Registration]) -> None:
    tcp, udp = set(), set()
    for row in rows:
        inputs = row.inputs
        assert inputs["securityGroupId"] == target.security_group
        assert inputs["ipProtocol"] in ("tcp", "udp")
        families = [key for key in ("cidrIpv4", "cidrIpv6") if key in inputs]
        assert len(families) == 1, "exactly one destination"
        network = ipaddress.ip_network(inputs[families[0]])
        assert network.version == (4 if families == ["cidrIpv4"] else 6)
        assert network.version == 4 or target.ipv6
        if inputs["ipProtocol"] == "tcp":
            assert (inputs["fromPort"], inputs["toPort"]) == (443, 443)
            tcp.add(str(network))
        else:
            assert (inputs["fromPort"], inputs["toPort"]) == {"stun": (3478, 3478), "any": (1, 65535)}[target.udp]
            udp.add(str(network))
    everywhere = {"0.0.0.0/0"} | ({"::/0"} if target.ipv6 else set())
    control = {"192.200.0.0/24"} | ({"2606:b740:49::/48"} if target.ipv6 else set())
    authority = target.certificate_authority if isinstance(target.certificate_authority, tuple) else ()
    assert tcp == (everywhere if target.derp == "any443" else {*target.derp, *authority} | control)
    assert udp == (set() if target.udp == "off" else everywhere)


RULE = re.compile(r"pass (tls|udp) \$HOME_NET any -> \$(EXTERNAL|PUBLIC)_NET (\d+|any) \((.*)\)")


def outward_by_server_name(target: Any, rows: list[Registration]) -> None:
    [row] = rows
    group = row.inputs["ruleGroup"]
    assert "rulesSourceList" not in group["rulesSource"], "an ALLOWLIST drops all other TLS"
    assert "statefulRules" not in group["rulesSource"]
    assert group["statefulRuleOptions"] == {"ruleOrder": target.rule_order}
    sets = {entry["key"]: entry["ipSet"]["definitions"] for entry in group["ruleVariables"]["ipSets"]}
    assert sets["HOME_NET"] == list(target.sources)
    assert not {"0.0.0.0/0", "::/0"} & set(sets["HOME_NET"])
    assert ("PUBLIC_NET" in sets) is (target.udp != "off")
    assert target.udp == "off" or public_only(sets["PUBLIC_NET"])
    lines = group["rulesSource"]["rulesString"].splitlines()
    found = [RULE.fullmatch(line) for line in lines]
    assert all(found), "only pass rules, only from the sources"
    parts = [match.groups() for match in found if match]
    for protocol, to, port, options in parts:
        assert (protocol, to) in {("tls", "EXTERNAL"), ("udp", "PUBLIC")}
        if protocol == "udp":
            assert port == {"stun": "3478", "any": "any"}[target.udp]
        else:
            assert port == "443"
            assert "tls.sni" in options
            assert "content:" in options
            assert "endswith" in options
    assert any(protocol == "udp" for protocol, *_ in parts) is (target.udp != "off")
    names = [re.findall(r'content:"([^"]+)"', options)[0] for protocol, *_, options in parts if protocol == "tls"]
    assert covers(names, leading_dot=True)
    assert len({re.findall(r"sid:(\d+)", line)[0] for line in lines}) == len(lines) <= row.inputs["capacity"]


def outward_by_question(target: Any, rows: list[Registration]) -> None:
    by_type = {row.type.rpartition(":")[2]: row.inputs for row in rows}
    assert len(by_type) == len(rows) == 4
    assert by_type["ResolverFirewallRule"]["action"] == "ALLOW"
    assert by_type["ResolverFirewallRuleGroupAssociation"]["vpcId"] == target.vpc
    assert by_type["ResolverFirewallRuleGroupAssociation"]["mutationProtection"] == "DISABLED"
    domains = by_type["ResolverFirewallDomainList"]["domains"]
    assert "*" not in domains
    assert covers(domains, leading_dot=False)


CHECKS = {
    "aws-security-group": outward_by_address,
    "aws-network-firewall": outward_by_server_name,
    "aws-dns-firewall": outward_by_question,
    **azure.CHECKS,
    **gcp.CHECKS,
}
