"""The tables of docs/egress.md are what the filters say of the rules that are registered today."""

from __future__ import annotations

from typing import get_args

import pytest

from components.settings.egress import EgressTarget
from tests.egress_networks.connections import PEER, PRIVATE_UDP, RELAYS, STUN, TCP, UNNEEDED, Group
from tests.egress_networks.network import Network
from tests.egress_networks.stacks import VARIANTS, Variant, networks, played
from tests.egress_networks.table import PAGE, in_page, tables, with_tables

STUN_BY_UDP = {"off": 0, "stun": 88, "any": 88}
PEER_BY_UDP = {"off": 0, "stun": 0, "any": 1}
COLUMNS = pytest.mark.parametrize("variant", VARIANTS, ids=lambda variant: variant.label)


def through(network: Network, group: Group) -> int:
    return sum(network.passes(connection) for connection in group.connections)


def test_the_page_holds_exactly_these_tables() -> None:
    assert in_page(PAGE.read_text()) == tables(), "run: python -m tests.egress_networks --write"


def test_a_page_without_one_place_for_the_tables_is_refused() -> None:
    for page in ("", PAGE.read_text() * 2):
        with pytest.raises(ValueError, match="once each"):
            in_page(page)


def test_only_what_stands_between_the_marks_is_replaced() -> None:
    page = PAGE.read_text()
    other = with_tables(page, "x")
    assert in_page(other) == "x"
    assert with_tables(other, in_page(page)) == page


def test_every_target_has_a_column() -> None:
    models = get_args(get_args(EgressTarget)[0])
    assert {played(variant.label).target.target for variant in VARIANTS} == {
        get_args(model.model_fields["target"].annotation)[0] for model in models
    }


def test_all_relays_are_asked_about() -> None:
    assert len(RELAYS) == 88
    assert sum(connection.host in RELAYS for group in TCP for connection in group.connections) == 88


@COLUMNS
def test_every_relay_the_control_plane_and_the_certificate_authority_pass_every_target(variant: Variant) -> None:
    network = networks(variant)["off"]
    for group in TCP:
        if group.label.startswith(("relays", "control plane, by name", "certificate")):
            assert through(network, group) == len(group.connections), group.label


@COLUMNS
def test_udp_passes_only_as_far_as_it_is_opened(variant: Variant) -> None:
    found = networks(variant)
    if "dns" in variant.label:
        return  # UDP is no matter of it
    assert {udp: through(network, STUN) for udp, network in found.items()}.items() <= STUN_BY_UDP.items()
    assert {udp: through(network, PEER) for udp, network in found.items()}.items() <= PEER_BY_UDP.items()


@COLUMNS
def test_udp_opens_no_private_address_where_rules_come_before_the_customers_own(variant: Variant) -> None:
    """A security group in AWS has no denials that a rule of ours could overrule."""
    found = networks(variant)
    if "any" in found and "aws-security-group" not in variant.label:
        assert through(found["any"], PRIVATE_UDP) == 0


@COLUMNS
def test_another_name_passes_no_target_that_is_not_open_to_everywhere(variant: Variant) -> None:
    if "any443" in variant.label:
        return  # opened to everywhere, and the page says so
    network = networks(variant)["off"]
    for group in UNNEEDED:
        if group.label == "another host, TLS by name":
            assert through(network, group) == 0


@COLUMNS
def test_another_protocol_than_tls_passes_no_target(variant: Variant) -> None:
    """DNS is no matter of what is spoken afterwards: there the customer's other rules decide."""
    if "dns" in variant.label:
        return
    network = networks(variant)["off"]
    for group in UNNEEDED:
        if group.label.endswith(("port 80", "SSH")):
            assert through(network, group) == 0, group.label
