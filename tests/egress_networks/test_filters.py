"""Each kind of filter says no where the real one does: an evaluator that passes everything proves nothing."""

from __future__ import annotations

from dataclasses import replace

import pytest

from components.endpoints import derp_map
from components.settings.egress_aws import AwsNetworkFirewallEgress
from tests.components.registered import Registration
from tests.egress_networks import aws, azure, gcp
from tests.egress_networks.addresses import AddressFilter, AddressRule
from tests.egress_networks.connections import (
    API,
    CONTROL,
    ELSEWHERE,
    FOREIGN,
    LOGS,
    RELAYS,
    Connection,
    by_address,
    datagram,
    to,
)
from tests.egress_networks.network import pattern_matches
from tests.egress_networks.proxy import parse as parse_matcher
from tests.egress_networks.questions import NameRule, QuestionFilter
from tests.egress_networks.resolving import addresses_of
from tests.egress_networks.server_names import Order, ServerNameFilter, parse
from tests.egress_networks.snooping import SnoopingFilter
from tests.egress_networks.stacks import played

HOME = {"HOME_NET": ("10.64.0.0/16",), "EXTERNAL_NET": ("0.0.0.0/0",)}
OUT = "tls $HOME_NET any -> $EXTERNAL_NET 443"
FIREWALL = "`aws-network-firewall`"


def named(*hosts: str) -> str:
    return "\n".join(f'pass {OUT} (tls.sni; content:"{host}"; startswith; nocase; endswith;)' for host in hosts)


def firewall(text: str, order: Order = "STRICT_ORDER") -> ServerNameFilter:
    return ServerNameFilter({100: parse(text, HOME)}, order)


def relays_through(network: ServerNameFilter | SnoopingFilter) -> int:
    return sum(network.passes(by_address(name)) for name in RELAYS)


def our_group() -> tuple[list[Registration], AwsNetworkFirewallEgress]:
    found = played(FIREWALL)
    assert isinstance(found.target, AwsNetworkFirewallEgress)
    return found.rows, found.target


def test_the_list_that_is_passed_around_lets_one_relay_through() -> None:
    """derp1 to derp30, without letters, as documents of the past have it."""
    assert relays_through(firewall(named(*(f"derp{number}.tailscale.com" for number in range(1, 31))))) == 1


def test_names_for_firewalls_that_resolve_let_no_relay_through_where_server_names_are_read() -> None:
    assert relays_through(firewall(named(*derp_map.aliases()))) == 0


def test_a_server_name_is_compared_as_a_whole() -> None:
    network = firewall(named(API))
    assert network.passes(to(API))
    assert network.passes(replace(to(API), host=API.upper()))
    for host in (f"{API}.example.com", f"x{API}", None):
        assert not network.passes(replace(to(API), host=host))


def test_a_suffix_takes_the_name_itself_too_and_no_name_that_only_ends_alike() -> None:
    network = firewall(f'pass {OUT} (tls.sni; dotprefix; content:".tailscale.com"; nocase; endswith;)')
    assert network.passes(replace(to(API), host="tailscale.com"))
    assert not network.passes(replace(to(API), host="nottailscale.com"))


def test_another_port_another_protocol_and_another_source_do_not_pass() -> None:
    network = firewall(named(API))
    assert not network.passes(replace(to(API), port=8443))
    assert not network.passes(replace(to(API), content="http"))
    assert not network.passes(replace(to(API), source=ELSEWHERE))
    assert not network.passes(datagram("203.0.113.1", 443))


def test_in_strict_order_a_customers_drop_that_comes_first_wins() -> None:
    rows, target = our_group()
    assert aws.network_firewall(rows, target, theirs=200).passes(to(CONTROL))
    assert not aws.network_firewall(rows, target, theirs=50).passes(to(CONTROL))


def test_in_default_order_every_pass_wins_and_what_no_rule_names_goes_through() -> None:
    drop = "drop tls any any -> any any (sid:1;)"
    network = firewall(f"{drop}\n{named(API)}", "DEFAULT_ACTION_ORDER")
    assert network.passes(to(API))
    assert not network.passes(to(FOREIGN))
    lenient = ServerNameFilter({1: parse(named(API), HOME)}, "DEFAULT_ACTION_ORDER", default=None)
    assert lenient.passes(to(FOREIGN)), "in this order a policy without drops denies nothing"


def test_where_handshakes_are_dropped_no_server_name_is_ever_seen() -> None:
    rows, target = our_group()
    assert not aws.network_firewall(rows, target, default="aws:drop_strict").passes(to(CONTROL))


@pytest.mark.parametrize(
    "line",
    [
        f'pass {OUT} (tls.sni; pcre:"/x/";)',
        f'pass {OUT} (content:"example.com";)',
        f"alert {OUT} (sid:1;)",
        "pass ip any any -> any any (sid:1;)",
        "pass tls $OTHER any -> any any (sid:1;)",
    ],
)
def test_a_rule_that_is_not_understood_passes_nothing(line: str) -> None:
    with pytest.raises((ValueError, KeyError)):
        parse(line, HOME)


def test_a_domain_list_is_no_rule_of_ours() -> None:
    """AWS makes drops of an ALLOWLIST, for every other TLS connection of the customer."""
    rows, target = our_group()
    group = {**rows[0].inputs["ruleGroup"], "rulesSource": {"rulesSourceList": {}}}
    other = replace(rows[0], inputs={**rows[0].inputs, "ruleGroup": group})
    with pytest.raises(ValueError, match="rulesSourceList"):
        aws.network_firewall([other], target)


def test_a_dns_filter_sees_questions_only() -> None:
    rows = played("`aws-dns-firewall`").rows
    network = aws.dns_firewall(rows)
    assert network.passes(to(API))
    assert not network.passes(to(FOREIGN))
    assert network.passes(by_address(FOREIGN))
    assert not aws.dns_firewall(rows, theirs=100).passes(to(API)), "the customer's block is asked first"


def test_the_first_matching_list_answers() -> None:
    rules = [NameRule((2, 1), "BLOCK", ("*",)), NameRule((1, 2), "BLOCK", (API,)), NameRule((1, 1), "ALLOW", (API,))]
    assert QuestionFilter(rules).passes(to(API))
    assert not QuestionFilter(rules[:2]).passes(to(API))


def test_of_address_rules_the_lowest_number_wins_and_of_equals_the_denial() -> None:
    allow = AddressRule(protocol="tcp", ports=((443, 443),), destinations=("192.200.0.0/24",), priority=10)
    everything = AddressRule(action="deny", priority=20)
    assert AddressFilter([everything, allow]).passes(to(CONTROL))
    assert not AddressFilter([everything, allow]).passes(to(API))
    assert not AddressFilter([replace(everything, priority=10), allow]).passes(to(CONTROL))
    assert not AddressFilter([]).passes(to(CONTROL))


def test_an_address_rule_is_for_its_protocol_ports_and_sources() -> None:
    rule = AddressRule(protocol="tcp", ports=((443, 443),), sources=("10.64.0.0/16",))
    assert AddressFilter([rule]).passes(to(API))
    for other in (replace(to(API), port=80), replace(to(API), source=ELSEWHERE), datagram("203.0.113.1", 443)):
        assert not AddressFilter([rule]).passes(other)


def test_watching_dns_answers_breaks_every_relay_whatever_names_are_allowed() -> None:
    network = SnoopingFilter([(derp_map.WILDCARD, 443), *((name, 443) for name in RELAYS)])
    assert network.passes(to(API))
    assert relays_through(network) == 0
    assert network.passes(to("derp1f.tailscale.com")), "a probe that asks the DNS would find it open"


def test_classic_rules_of_google_are_asked_before_its_policies() -> None:
    rows = played("`gcp-network-policy`").rows
    assert gcp.network_policy(rows).passes(to(CONTROL))
    assert not gcp.network_policy(rows, classic=True).passes(to(CONTROL))
    assert not gcp.network_policy(rows, theirs=800).passes(to(CONTROL)), "the customer's denial is asked first"


def test_of_two_classic_rules_with_one_number_the_denial_wins() -> None:
    rows = played("`gcp-vpc-firewall`, ranges").rows
    assert gcp.vpc_firewall(rows, theirs=901).passes(to(CONTROL))
    assert not gcp.vpc_firewall(rows, theirs=900).passes(to(CONTROL))


def test_a_rule_without_a_direction_is_not_one_that_lets_out() -> None:
    """Google takes it for INGRESS."""
    [row] = played("`gcp-vpc-firewall`, ranges").rows
    for direction in ("INGRESS", ""):
        with pytest.raises(ValueError, match="lets out"):
            gcp.vpc_firewall([replace(row, inputs={**row.inputs, "direction": direction})])


def test_names_are_looked_up_by_the_firewall_and_wildcards_cannot_be() -> None:
    assert set(addresses_of(derp_map.aliases())) == {f"{address}/32" for address in RELAYS.values()}
    assert addresses_of(["derp29-all.tailscale.com"]) == (), "a region that is not there yet does no harm"
    with pytest.raises(ValueError, match="cannot be looked up"):
        addresses_of([derp_map.WILDCARD])


def test_a_proxy_is_asked_by_name_and_on_one_port() -> None:
    network = gcp.secure_web_proxy(played("`gcp-secure-web-proxy`").rows)
    assert network.passes(to(CONTROL))
    for other in (
        replace(to(CONTROL), port=8443),
        replace(to(CONTROL), source=ELSEWHERE),
        replace(to(CONTROL), host=None),
        datagram("203.0.113.1", 443),
    ):
        assert not network.passes(other)


@pytest.mark.parametrize(
    "matcher",
    [
        "inUrlList(host(), 'x') && destination.port == 443",
        "(inIpRange(source.ip, '10.0.0.0/8')) || inUrlList(host(), 'x') && destination.port == 443",
        "(inIpRange(source.ip, '10.0.0.0/8') && true) && inUrlList(host(), 'x') && destination.port == 443",
    ],
)
def test_a_matcher_that_is_not_understood_passes_nothing(matcher: str) -> None:
    with pytest.raises(ValueError, match="understood here"):
        parse_matcher(matcher, {"x": (CONTROL,)})


def test_in_azure_every_network_rule_is_asked_before_any_rule_by_name() -> None:
    rows = played("`azure-firewall-policy`").rows
    assert azure.firewall_policy(rows).passes(to(CONTROL))
    denial = AddressRule(action="deny", protocol="tcp", ports=((443, 443),), priority=60000)
    assert not azure.firewall_policy(rows, theirs=denial).passes(to(CONTROL)), "although its group comes last"


def test_a_security_rule_behind_the_customers_denial_lets_nothing_out() -> None:
    rows = played("`azure-nsg`, ranges").rows
    assert azure.security_group(rows).passes(to(CONTROL))
    assert not azure.security_group(rows, theirs=300).passes(to(CONTROL))


def test_a_security_rule_that_is_inbound_is_not_understood() -> None:
    [row] = played("`azure-nsg`, ranges").rows
    with pytest.raises(ValueError, match="lets out"):
        azure.security_group([replace(row, inputs={**row.inputs, "direction": "Inbound"})])


@pytest.mark.parametrize(
    ("pattern", "host", "matches"),
    [
        ("*.tailscale.com", API, True),
        ("*.tailscale.com", "a.b.tailscale.com", True),
        ("*.tailscale.com", "tailscale.com", False),
        ("*.tailscale.com", "nottailscale.com", False),
        (LOGS, LOGS, True),
        (LOGS, API, False),
    ],
)
def test_a_wildcard_is_everything_below_a_name(pattern: str, host: str, matches: bool) -> None:
    assert pattern_matches(pattern, host) is matches


def test_a_connection_by_address_is_one_of_those_that_relays_get() -> None:
    relay = by_address("derp1f.tailscale.com")
    assert isinstance(relay, Connection)
    assert (relay.asks, relay.host, relay.protocol) == (False, "derp1f.tailscale.com", "tcp")
