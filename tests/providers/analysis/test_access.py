"""The map lists everybody who reaches an environment, through which entry, and what the API proxy makes of them."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.analysis import AccessMap, accepted, access_map, describe, findings
from tests.providers.analysis.documents import (
    ACME,
    ACME_DEV,
    GLOBEX,
    KUBERNETES,
    capability,
    declared,
    document,
    grant,
)

OPERATOR, PROXY, CUSTOMER = ACME.chain_tags


def mapped(policy: dict[str, Any], **more: Any) -> AccessMap:
    return access_map(policy, ACME, declared=declared(ACME), **more)


def callers(policy: dict[str, Any], **more: Any) -> dict[str, tuple[str, tuple[str, ...], bool]]:
    return {each.source: (each.user, each.groups, each.connects) for each in mapped(policy, **more).callers}


def test_an_own_grant_is_listed_with_all_that_it_gives() -> None:
    entry = grant(ACME, srcPosture=["posture:acme-prod-mac"])
    policy = document(ACME, grants=[entry])
    (first, second) = access_map(policy, ACME, declared={"grants": [entry]}).inbound
    assert (second.source, second.destination, second.ip) == ("group:sre", ACME.kube_tag, ("tcp:443",))
    assert (second.capabilities, second.postures, second.via) == ((KUBERNETES,), ("posture:acme-prod-mac",), ())
    assert (first.origin, second.origin) == ("foreign", "declared")
    assert (first.place, second.place) == ("grants[1]", "grants[2]")


def test_every_way_in_is_listed_as_what_it_is() -> None:
    policy = document(
        grants=[
            {"src": ["tag:ci", "*"], "dst": ["tag:ci", ACME.svc_tag("ui")], "ip": ["80", "tcp:443"]},
            {"src": ["group:net"], "dst": [OPERATOR], "ip": ["*"]},
            {"src": ["autogroup:member"], "dst": ["*"], "app": capability("view")},
        ],
        acls=[{"action": "accept", "src": ["group:net"], "dst": ["autogroup:tagged:22,80-90"], "proto": "udp"}],
    )
    assert {(each.source, each.destination, each.ip, each.origin) for each in mapped(policy).inbound} == {
        ("group:sre", ACME.kube_tag, ("tcp:443",), "declared"),
        ("tag:ci", ACME.svc_tag("ui"), ("80", "tcp:443"), "foreign"),
        ("*", ACME.svc_tag("ui"), ("80", "tcp:443"), "foreign"),
        ("group:net", OPERATOR, ("*",), "inherited"),
        ("autogroup:member", "*", (), "inherited"),
        ("group:net", "autogroup:tagged", ("udp:22", "udp:80-90"), "inherited"),
    }
    assert [(each.source, each.destination) for each in mapped(policy).outbound] == [
        ("*", "tag:ci"),
        ("*", ACME.svc_tag("ui")),
    ]


def test_other_environments_entries_are_not_listed() -> None:
    policy = document(grants=[{"src": ["*"], "dst": [GLOBEX.kube_tag, ACME_DEV.api_tag], "ip": ["*"]}])
    assert [each.source for each in mapped(policy).inbound] == ["group:sre"]


def test_the_default_posture_counts_where_an_entry_names_none() -> None:
    policy = {**document(ACME), "defaultSrcPosture": ["posture:any"]}
    assert [each.postures for each in mapped(policy).inbound] == [("posture:any",)]


def test_grants_add_up_for_whoever_is_in_several_sources() -> None:
    policy = document(
        ACME,
        grants=[
            {"src": ["group:oncall"], "dst": [OPERATOR], "app": capability("admin")},
            {"src": ["autogroup:member"], "dst": ["*"], "app": capability("view")},
            {"src": ["edsger@example.com"], "dst": [ACME.api_tag], "ip": ["443"]},
        ],
    )
    login = "login name"
    assert callers(policy) == {
        # Everybody of group:oncall is in group:sre too, which gives them the port.
        "group:oncall": (login, ("admin", "sre", "view"), True),
        "group:sre": (login, ("sre", "view"), True),
        "autogroup:member": (login, ("view",), False),
        "edsger@example.com": (login, ("view",), True),
    }


def test_a_person_in_two_groups_is_listed_with_the_union() -> None:
    policy = document(
        ACME,
        groups={"group:a": ["ada@example.com", "alan@example.com"]},
        grants=[{"src": ["group:a"], "dst": [ACME.kube_tag], "ip": ["tcp:443"], "app": capability("view")}],
    )
    assert callers(policy) == {
        "group:a": ("login name", ("view",), True),
        "group:sre": ("login name", ("sre",), True),
        "ada@example.com": ("login name", ("sre", "view"), True),
    }


@pytest.mark.parametrize("ip", ["*", "443", "tcp:443", "400-500", "tcp:1-65535", "6:443"])
def test_whoever_reaches_the_port_without_a_capability_is_themself(ip: str) -> None:
    policy = document(ACME, grants=[{"src": ["group:net", "tag:ci"], "dst": [OPERATOR], "ip": [ip]}])
    assert callers(policy)["group:net"] == ("login name", (), True)
    # A tagged node without a capability has its tags as groups.
    assert callers(policy)["tag:ci"] == ("node name", ("tag:ci",), True)


@pytest.mark.parametrize(("destination", "ip"), [(OPERATOR, "udp:443"), (OPERATOR, "80"), (ACME.rec_tag, "*")])
def test_other_ports_and_nodes_lead_to_no_api(destination: str, ip: str) -> None:
    policy = document(ACME, grants=[{"src": ["group:net"], "dst": [destination], "ip": [ip]}])
    assert list(callers(policy)) == ["group:sre"]


def test_the_api_is_found_by_the_address_and_by_the_service_of_its_nodes() -> None:
    node = {"tags": [ACME.api_tag, PROXY], "addresses": ["100.64.0.9"]}
    ui = {"tags": [ACME.svc_tag("ui"), PROXY], "addresses": ["100.64.0.8"]}
    to = {"src": ["group:net"], "ip": ["443"]}
    assert "group:net" in callers(document(ACME, grants=[{**to, "dst": ["100.64.0.9"]}]), devices=[node])
    services = {"services": {"svc:opaque": [ACME.api_tag]}}
    assert "group:net" in callers(document(ACME, grants=[{**to, "dst": ["svc:opaque"]}], autoApprovers=services))
    assert "group:net" not in callers(document(ACME, grants=[{**to, "dst": ["100.64.0.9"]}]))
    there = callers(document(ACME, grants=[{**to, "dst": ["100.64.0.8"]}]), devices=[node, ui])
    assert "group:net" not in there


def test_the_words_say_all_of_it_the_same_way_each_time() -> None:
    policy = document(
        ACME,
        grants=[{"src": ["tag:ci"], "dst": [OPERATOR], "ip": ["tcp:443"]}],
        nodeAttrs=[{"target": ["*"], "attr": ["funnel"]}],
    )
    found = findings(policy, ACME, declared=declared(ACME))
    exceptions = [
        {"finding": "funnel", "subject": "*", "reason": "no Ingress class"},
        {"finding": "routes", "subject": "x", "reason": "old"},
    ]
    lines = describe(mapped(policy), accepted(found, exceptions))
    assert lines == [
        "who reaches acme-prod:",
        f"  group:sre -> {ACME.kube_tag} at tcp:443 with {KUBERNETES} (declared, grants[1])",
        f"  tag:ci -> {OPERATOR} at tcp:443 (inherited, grants[2])",
        "whom its Kubernetes API takes them for:",
        "  group:sre: login name, in sre",
        "  tag:ci: node name, in tag:ci",
        "what nodes of acme-prod reach:",
        "  nothing",
        "findings:",
        f"  failure undeclared-reach (tag:ci): {found[0].text}",
        '    grants[2]: {"src": ["tag:ci"], "dst": ["tag:k8s-operator-acme"], "ip": ["tcp:443"]}',
        "accepted:",
        "  funnel (*): no Ingress class",
        "exception ('routes', 'x'): nothing is found that it matches; remove it",
    ]
    assert describe(mapped(policy), found)[-2].startswith("  failure funnel (*): * may use Funnel")
