"""A tailnet's own relays change the required egress as the policy document says, and never open more than it names."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pulumi
import pytest

from components.egress.destinations import OWN_RELAY, By, Needs, Spelling, allowlist, required, spelled, through_proxy
from components.egress.needs import needs
from components.egress.targets import open_egress
from components.endpoints import derp_map
from components.endpoints.relays import MOST, PUBLISHED, Relay, Relays, from_plain, of_document
from components.manifests.network_policy import network_policy
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from components.tailnet_defaults import relay_notices
from supportctl.handoff.bundle import bundle
from supportctl.stack import relays_in
from supportctl.verify.checks import checks
from tests.components import registered as registered_module
from tests.components.registered import Registered
from tests.components.test_egress_settings import DNS, FIREWALL, GROUP
from tests.egress_networks.stacks import CLOUDS, VARIANTS
from tests.supportctl.handing_over import USERS, declared
from tests.supportctl.test_egress_probe import relay_map as published_map

Build = Callable[..., EnvironmentSettings]

ADDRESS = "8.8.8.8"
NEEDS = Needs(images=("tailscale/tailscale",))
CONTROL = {"controlplane.tailscale.com", "login.tailscale.com", "api.tailscale.com"}


def node(**bent: Any) -> dict[str, Any]:
    """As getTailnetDefaults gives it."""
    usual = {
        "region": 900,
        "host": "derp.example.com",
        "port": 443,
        "stunPort": 3478,
        "stunOnly": False,
        "addresses": [],
        "insecure": False,
    }
    return {**usual, **bent}


def found(*nodes: dict[str, Any], omit: bool = False, removed: tuple[int, ...] = ()) -> Relays:
    return of_document({"omitDefaultRegions": omit, "removed": list(removed), "nodes": list(nodes)})


def needing(relays: Relays, **more: Any) -> Needs:
    return replace(NEEDS, relays=relays, **more)


def names(relays: Relays, spelling: Spelling) -> set[str]:
    return {host for host, _ in spelled(required(needing(relays)), spelling)}


def test_a_document_that_names_no_relay_changes_nothing() -> None:
    assert found() == PUBLISHED
    assert required(needing(found())) == required(NEEDS)
    assert allowlist(needing(found())) == allowlist(NEEDS)
    assert "relays" not in allowlist(NEEDS)


def test_an_own_relay_is_needed_beside_the_published_ones() -> None:
    relays = found(node(port=8443, addresses=[ADDRESS]))
    assert relays.own == (Relay(host="derp.example.com", port=8443, stun_port=3478, addresses=(ADDRESS,)),)
    [row] = [row for row in required(needing(relays)) if row.host == "derp.example.com"]
    assert (row.port, row.protocol, row.by, row.ranges) == (8443, "tcp", By.POD, (f"{ADDRESS}/32",))
    for spelling in Spelling:
        ends = spelled(required(needing(relays)), spelling)
        assert ("derp.example.com", 8443) in ends
        assert set(spelled(required(NEEDS), spelling)) < set(ends)


def test_where_the_published_ones_are_omitted_no_rule_names_them_and_the_control_plane_stays() -> None:
    relays = found(node(), omit=True)
    assert not relays.published
    for spelling in Spelling:
        ends = names(relays, spelling)
        assert "derp.example.com" in ends
        assert ends >= CONTROL, "the wildcard of the relays covered these: without it each needs its own entry"
        assert not ends & {derp_map.WILDCARD, derp_map.SUFFIX, *derp_map.node_names(), *derp_map.aliases()}


def test_omitting_without_a_relay_of_its_own_is_no_change_for_the_service() -> None:
    assert found(omit=True).published


def test_a_removed_region_is_named_by_no_rule() -> None:
    relays = found(removed=(1,))
    assert relays.published
    assert not {host for host in names(relays, Spelling.NODES) if host.startswith("derp1")} & {
        f"derp1{letter}.tailscale.com" for letter in derp_map.NODES[1]
    }
    assert derp_map.alias(1) not in names(relays, Spelling.ALIASES)
    assert derp_map.alias(2) in names(relays, Spelling.ALIASES)
    assert derp_map.WILDCARD in names(relays, Spelling.WILDCARD)


def test_a_region_with_a_published_number_replaces_it() -> None:
    relays = found(node(region=1))
    assert relays.removed == (1,)
    assert "derp1f.tailscale.com" not in names(relays, Spelling.NODES)


def test_with_every_published_region_removed_none_is_published() -> None:
    assert not found(removed=tuple(derp_map.NODES)).published


def test_a_relay_for_stun_alone_is_dialled_by_no_tcp() -> None:
    relays = found(node(stunOnly=True, port=443))
    assert [row for row in required(needing(relays)) if row.host == "derp.example.com"] == []
    [row] = [row for row in required(needing(relays, udp="stun")) if row.host == "derp.example.com"]
    assert (row.protocol, row.port) == ("udp", 3478)


def test_behind_an_http_proxy_the_proxy_is_asked_for_it() -> None:
    needs = needing(found(node(port=8443)), http_proxy="proxy.acme.example:3128")
    assert "derp.example.com" not in {row.host for row in required(needs)}
    assert ("derp.example.com", 8443) in {(row.host, row.port) for row in through_proxy(needs)}


@pytest.mark.parametrize(
    ("bent", "reason"),
    [
        ({"insecure": True}, "InsecureForTests"),
        ({"host": "*.example.com"}, "wildcard"),
        ({"host": "*"}, "wildcard"),
        ({"host": ""}, "not usable"),
        ({"host": "https://derp.example.com"}, "URL"),
        ({"host": "derp.example.com:8443"}, "not a host name"),
        ({"host": "derp.example.com."}, "dot"),
        ({"host": 'x"; drop'}, "not a host name"),
        ({"host": "derp"}, "full host name"),
        ({"host": "localhost"}, "full host name"),
        ({"host": "8.8.8.8"}, "full host name"),
        ({"host": "127.1"}, "full host name"),
        ({"host": "0x7f.1"}, "full host name"),
        ({"host": "169.254.0xa9fe"}, "full host name"),
        ({"host": "kubernetes.default.svc.cluster.local"}, "not in the public DNS"),
        ({"host": "metadata.google.internal"}, "not in the public DNS"),
        ({"host": "db.localhost"}, "not in the public DNS"),
        ({"host": "nas.home.arpa"}, "not in the public DNS"),
        ({"port": 22}, "DERPPort is 22"),
        ({"port": 80}, "DERPPort is 80"),
        ({"port": 70000}, "DERPPort is 70000"),
        ({"port": -2}, "DERPPort is -2"),
        ({"stunPort": 53}, "STUNPort is 53"),
        ({"stunPort": -2}, "STUNPort is -2"),
        ({"addresses": ["10.0.0.5"]}, "10.0.0.5 is not public"),
        ({"addresses": ["8.8.8.8", "169.254.169.254"]}, "169.254.169.254 is not public"),
        ({"addresses": ["100.64.0.1"]}, "not public"),
        ({"addresses": ["127.0.0.1"]}, "not public"),
        ({"addresses": ["0.0.0.0"]}, "not public"),  # noqa: S104 - nothing listens there
        ({"addresses": ["224.0.0.1"]}, "not public"),
        ({"addresses": ["168.63.129.16"]}, "not public"),
        ({"addresses": ["::1"]}, "not public"),
        ({"addresses": ["fd00::1"]}, "not public"),
        ({"addresses": ["::ffff:10.0.0.5"]}, "not public"),
        ({"addresses": ["64:ff9b::a00:5"]}, "not public"),
        ({"addresses": ["2002:a00:5::1"]}, "not public"),
        ({"addresses": ["0.0.0.0/0"]}, "not an address"),
        ({"addresses": ["here"]}, "not an address"),
        ({"addresses": ["2001:4860::1%eth0"]}, "not an address"),
    ],
)
def test_a_relay_that_could_open_something_else_is_left_out_by_its_name(bent: dict[str, Any], reason: str) -> None:
    relays = found(node(**bent), node(host="good.example.com"))
    assert [relay.host for relay in relays.own] == ["good.example.com"]
    [told] = relays.left_out
    assert reason in told
    assert repr(node(**bent)["host"]) in told
    assert "Fix:" in told
    assert bent.get("host") not in {row.host for row in required(needing(relays, udp="stun"))} - {"*"}
    assert not {cidr for row in required(needing(relays)) for cidr in row.ranges} - {
        cidr for row in required(NEEDS) for cidr in row.ranges
    }


def test_where_every_relay_is_left_out_the_omitted_ones_do_not_come_back() -> None:
    relays = found(node(addresses=["10.0.0.5"]), omit=True)
    assert (relays.published, relays.own) == (False, ())


def test_a_flood_of_relays_is_bounded() -> None:
    relays = found(*(node(host=f"derp{number}.example.com") for number in range(MOST + 2)))
    assert len(relays.own) == MOST
    assert len(relays.left_out) == 2


def test_the_output_brings_the_relays_to_whoever_reads_it() -> None:
    relays = found(node(port=8443, addresses=[ADDRESS]), node(host="x"), omit=True, removed=(3,))
    listed = json.loads(json.dumps(allowlist(needing(relays))))
    assert from_plain(listed["relays"]) == relays
    assert {tuple(row) for row in listed["destinations"]} == {("host", "port", "protocol", "ranges", "by", "why")}


def test_numbers_of_an_output_are_read_whatever_their_type() -> None:
    relays = found(node(port=8443), removed=(3,))
    as_floats = json.loads(json.dumps(relays.plain()), parse_int=float)
    assert from_plain(as_floats) == relays


OWN = {"omitDefaultRegions": False, "removed": [1], "nodes": [node(port=8443, addresses=[ADDRESS])]}
OWN_443 = {**OWN, "nodes": [node(addresses=[ADDRESS])]}


def run(
    monkeypatch: pytest.MonkeyPatch,
    environment: Build,
    relays: dict[str, Any],
    posture: tuple[str, ...] = (),
    **settings: Any,
) -> Registered:
    """What a whole stack registers in a tailnet whose document says `relays` and has this default posture."""
    monkeypatch.setattr(registered_module, "TAILNET_DEFAULTS", {"srcPosture": list(posture), "derpMap": relays})
    args = SupportAccessArgs(settings=environment(**settings))
    return registered_module.registered(SupportAccess, "acme-prod", args)


def texts(seen: Registered) -> str:
    return json.dumps([row.inputs for row in seen.rows.values() if row.custom])


@pytest.mark.parametrize(
    ("target", "relays", "opened"),
    [
        (FIREWALL, OWN, "derp.example.com"),
        (DNS, OWN, "derp.example.com"),
        ({**GROUP, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}, OWN_443, f"{ADDRESS}/32"),
    ],
)
def test_a_target_opens_the_tailnets_own_relay(
    monkeypatch: pytest.MonkeyPatch, environment: Build, target: dict[str, Any], relays: dict[str, Any], opened: str
) -> None:
    assert opened in texts(run(monkeypatch, environment, relays, egress=[target]))
    assert opened not in texts(run(monkeypatch, environment, {**OWN, "nodes": []}, egress=[target]))


def test_the_portable_network_policy_opens_an_odd_port_to_the_relay_alone(environment: Build) -> None:
    settings = environment(networkPolicy={"form": "portable", "apiServer": {"networks": ["10.0.0.0/28"]}})
    for addresses, opened in (([ADDRESS], [f"{ADDRESS}/32"]), ([], [])):
        rows = required(needing(found(node(port=8443, addresses=addresses)), udp="stun"))
        rules = network_policy(settings, needs=rows)["spec"]["egress"]
        odd = [rule for rule in rules if any(port.get("port") == 8443 for port in rule.get("ports", ()))]
        assert [end["ipBlock"]["cidr"] for rule in odd for end in rule["to"]] == opened


def test_a_relay_that_the_network_policy_cannot_open_is_named(environment: Build) -> None:
    settings = environment(networkPolicy={"form": "portable"})
    relays = found(node(port=8443))
    [told] = relay_notices(settings, relays)
    assert "derp.example.com:8443" in told
    assert relay_notices(environment(networkPolicy={"form": "cilium-sni"}), relays) == []
    assert relay_notices(settings, found(node())) == []


def test_the_probe_dials_the_tailnets_own_relay_by_its_address_and_no_removed_region(environment: Build) -> None:
    relays = found(node(port=8443, addresses=[ADDRESS]), node(host="other.example.com"), removed=(1,))
    dialled = {check.url: check for check in checks(environment(), published_map, relays)}
    assert dialled["https://derp.example.com:8443/"].address == ADDRESS
    assert dialled["https://other.example.com:443/"].address is None
    assert "https://derp1f.tailscale.com:443/" not in dialled
    assert "https://derp2d.tailscale.com:443/" in dialled


def test_where_no_published_relay_is_used_the_published_map_is_not_fetched(environment: Build) -> None:
    def unavailable() -> Any:
        raise AssertionError("no published relay is dialled")

    relays = found(node(addresses=[ADDRESS]), omit=True)
    assert [check.url for check in checks(environment(), unavailable, relays) if check.relay] == [
        "https://derp.example.com:443/"
    ]


def test_the_handoff_names_the_tailnets_own_relays_and_what_was_left_out() -> None:
    relays = found(node(port=8443, addresses=[ADDRESS]), node(host="*.example.com"), omit=True)
    page = bundle(declared(), USERS, relays)["egress.md"]
    assert f"| `derp.example.com` | 8443/tcp | operator pod | {OWN_RELAY} | {ADDRESS}/32 |" in page
    assert "none of the published relays" in page
    assert "`*.tailscale.com`" not in page
    assert relays.left_out[0] in page


def test_a_handoff_and_a_probe_take_the_relays_of_the_last_update() -> None:
    relays = found(node())
    assert relays_in({"requiredEgress": allowlist(needing(relays))}) == relays
    assert relays_in({"requiredEgress": allowlist(NEEDS)}) == PUBLISHED
    assert relays_in({}) == PUBLISHED


class Opened(pulumi.ComponentResource):
    """Every target of one cloud, in a tailnet with a relay of its own and without one published region."""

    def __init__(self, name: str, args: tuple[EnvironmentSettings, Relays]) -> None:
        super().__init__("test:index:Opened", name)
        settings, relays = args
        narrowed = pulumi.CustomResource("test:index:Narrowed", "narrowed", {}, pulumi.ResourceOptions(parent=self))
        open_egress(settings, needs(settings, relays), narrowed=narrowed, parent=self)


@pytest.mark.parametrize("cloud", CLOUDS)
def test_every_target_opens_it_by_what_the_target_compares(environment: Build, cloud: str) -> None:
    """By name or by address; a target that opens TCP 443 to everywhere needs neither."""
    variants = [variant for variant in VARIANTS if variant.cloud == cloud]
    settings = environment(egress=[variant.settings(number, "off") for number, variant in enumerate(variants, start=1)])
    own = found(node(addresses=[ADDRESS]), removed=(2,))
    seen = registered_module.registered(Opened, "opened", (settings, own))
    before = registered_module.registered(Opened, "opened", (settings, PUBLISHED))
    for variant, target in zip(variants, settings.egress, strict=True):

        def inputs(made: Registered, place: str = target.place) -> str:
            rows = [row.inputs for name, row in made.rows.items() if f"-egress-{place}-" in name and row.custom]
            assert rows
            return json.dumps(rows)

        expected = (
            [] if "any443" in variant.label else [f"{ADDRESS}/32"] if "ranges" in variant.label else [own.own[0].host]
        )
        opened = {text for text in (f"{ADDRESS}/32", own.own[0].host) if text in inputs(seen)}
        assert opened == set(expected), variant.label
        assert own.own[0].host not in inputs(before)
        assert "derp2-all" not in inputs(seen)
