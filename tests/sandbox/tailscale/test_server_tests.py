"""The tests of a policy: what passes one way fails the other way round."""

from __future__ import annotations

import ipaddress
import json
from typing import Any

import pytest

from sandbox.tailscale.policy.judge import judge
from sandbox.tailscale.policy.refusal import Refusal
from sandbox.tailscale.policy.tailnet import Node, Tailnet

ALICE, BOB = "alice@example.com", "bob@example.com"
TAILNET = Tailnet(
    {"owner@example.com": "owner", ALICE: "member", BOB: "member"},
    (
        Node("laptop", user=ALICE, addresses=(ipaddress.ip_address("100.64.0.1"),)),
        Node("web", tags=("tag:web",), addresses=(ipaddress.ip_address("100.64.0.2"),)),
        Node("web-1", tags=("tag:web",), addresses=(ipaddress.ip_address("100.64.0.3"),)),
        Node("router", tags=("tag:router",), routes=("10.1.0.0/16", "0.0.0.0/0")),
    ),
)


def errors(test: dict[str, Any], *grants: dict[str, Any], **sections: Any) -> list[str]:
    policy = {
        "groups": {"group:sre": [ALICE, BOB], "group:one": [ALICE], "group:none": []},
        "tagOwners": {f"tag:{name}": [] for name in ("web", "router", "new")},
        "hosts": {"first-web": "100.64.0.2", "lan": "10.0.0.0/8"},
        "grants": list(grants),
        "tests": [test],
    }
    try:
        judge(json.dumps(policy | sections), TAILNET)
    except Refusal as refusal:
        if refusal.data is None:  # refused for another reason than a failed test
            raise
        return [error for item in refusal.data for error in item["errors"]]
    return []


def grant(src: str, dst: str, ip: str = "tcp:443", **more: Any) -> dict[str, Any]:
    return {"src": [src], "dst": [dst], "ip": [ip]} | more


REACHED = [
    (ALICE, "tag:web:443", grant("group:sre", "tag:web")),
    ("group:sre", "tag:web:443", grant("group:sre", "tag:web")),
    (ALICE, "tag:web:443", grant("*", "*")),
    (ALICE, "tag:web:443", grant("autogroup:member", "autogroup:tagged")),
    ("owner@example.com", "tag:web:443", grant("autogroup:owner", "tag:web")),
    (ALICE, f"{ALICE}:443", grant("autogroup:member", "autogroup:self")),
    (ALICE, "tag:web:443", grant("user:*@example.com", "tag:web")),
    (ALICE, "tag:web:444", grant(ALICE, "tag:web", "tcp:440-450")),
    # A tag without a device is judged by its name.
    ("tag:new", "tag:web:443", grant("tag:new", "tag:web")),
    (ALICE, "tag:new:443", grant("group:sre", "tag:new")),
    # Names and addresses of one device are the same party.
    (ALICE, "first-web:443", grant(ALICE, "tag:web")),
    ("100.64.0.1", "tag:web:443", grant(ALICE, "tag:web")),
    (ALICE, "100.64.0.2:443", grant(ALICE, "first-web")),
    (ALICE, "10.1.2.3:443", grant(ALICE, "lan")),
    (ALICE, "8.8.8.8:443", grant(ALICE, "autogroup:internet")),
    # "*" as a source is the tailnet and the routes that it serves.
    ("10.1.2.3", "tag:web:443", grant("*", "tag:web")),
    (ALICE, "tag:web:443", grant(ALICE, "ipset:webs")),
]
DROPPED = [
    (ALICE, "tag:web:443", grant(BOB, "tag:web")),
    (ALICE, "tag:web:22", grant(ALICE, "tag:web")),
    (ALICE, "tag:web:443", grant(ALICE, "tag:router")),
    ("group:sre", "tag:web:443", grant("group:one", "tag:web")),
    ("tag:web", "tag:router:443", grant("autogroup:member", "*")),
    (ALICE, f"{BOB}:443", grant("autogroup:member", "autogroup:self")),
    (BOB, "tag:web:443", grant("autogroup:owner", "tag:web")),
    (ALICE, "10.1.2.3:443", grant(ALICE, "autogroup:internet")),
    ("10.2.0.1", "tag:web:443", grant("*", "tag:web")),
    (ALICE, "tag:web:443", {"src": [ALICE], "dst": ["tag:web"], "app": {"x.y/z": [{}]}}),
    (ALICE, "tag:web:443", grant(ALICE, "tag:web", "icmp:*")),
]
IPSETS = {"ipsets": {"ipset:webs": ["100.64.0.2", "add 100.64.0.3"]}}


@pytest.mark.parametrize(("src", "dst", "rule"), REACHED)
def test_what_is_reached_passes_accept_and_fails_deny(src: str, dst: str, rule: dict[str, Any]) -> None:
    assert errors({"src": src, "accept": [dst]}, rule, **IPSETS) == []
    assert errors({"src": src, "deny": [dst]}, rule, **IPSETS) == [
        f'[acl test error]: address "{dst}": want: Drop, got: Accept'
    ]


@pytest.mark.parametrize(("src", "dst", "rule"), DROPPED)
def test_what_is_dropped_fails_accept(src: str, dst: str, rule: dict[str, Any]) -> None:
    assert errors({"src": src, "accept": [dst]}, rule) == [
        f'[acl test error]: address "{dst}": want: Accept, got: Drop'
    ]


@pytest.mark.parametrize(("src", "dst", "rule"), [case for case in DROPPED if not case[0].startswith("group:")])
def test_what_is_dropped_passes_deny(src: str, dst: str, rule: dict[str, Any]) -> None:
    assert errors({"src": src, "deny": [dst]}, rule) == []


def test_a_part_of_a_group_or_tag_is_enough_to_fail_deny_and_too_little_for_accept() -> None:
    for src, dst, rule in [
        ("group:sre", "tag:web:443", grant("group:one", "tag:web")),
        (ALICE, "tag:web:443", grant(ALICE, "first-web")),
    ]:
        assert len(errors({"src": src, "accept": [dst], "deny": [dst]}, rule)) == 2


@pytest.mark.parametrize(
    "test",
    [
        {"src": ALICE},
        {"accept": ["tag:web:443"]},
        {"src": "", "accept": ["tag:web:443"]},
        {"src": "autogroup:member", "accept": ["tag:web:443"]},
        {"src": "ghost@example.com", "accept": ["tag:web:443"]},
        {"src": "group:ghost", "deny": ["tag:web:443"]},
        {"src": "tag:ghost", "deny": ["tag:web:443"]},
        {"src": ALICE, "accept": ["*:443"]},
        {"src": ALICE, "accept": ["tag:web:*"]},
        {"src": ALICE, "accept": ["tag:web:440-443"]},
        {"src": ALICE, "accept": ["tag:web"]},
        {"src": ALICE, "accept": ["lan:443"]},
        {"src": ALICE, "accept": ["10.0.0.0/8:443"]},
        {"src": ALICE, "deny": ["tag:ghost:443"]},
        {"src": ALICE, "deny": ["autogroup:internet:443"]},
        {"src": ALICE, "proto": "nope", "accept": ["tag:web:443"]},
    ],
)
def test_a_test_that_is_malformed_or_names_nobody_fails(test: dict[str, Any]) -> None:
    assert len(errors(test, grant("*", "*", "*"))) == 1


def test_a_user_whom_only_a_group_names_can_be_tested() -> None:
    test = {"src": "new@example.com", "accept": ["tag:web:443"]}
    assert errors(test, grant("group:new", "tag:web"), groups={"group:new": ["new@example.com"]}) == []


@pytest.mark.parametrize(("asked", "ruled", "reached"), [("tcp", "tcp", 1), ("udp", "tcp", 0), ("6", "tcp", 1)])
def test_a_protocol_is_asked_for_by_name_or_number(asked: str, ruled: str, reached: int) -> None:
    rule = grant(ALICE, "tag:web", f"{ruled}:443")
    found = errors({"src": ALICE, "proto": asked, "accept": ["tag:web:443"]}, rule)
    assert len(found) == 1 - reached


def test_without_a_protocol_either_tcp_or_udp_will_do() -> None:
    assert errors({"src": ALICE, "accept": ["tag:web:53"]}, grant(ALICE, "tag:web", "udp:53")) == []


@pytest.mark.parametrize(
    ("attributes", "holds"),
    [
        ({"node:os": "macos", "node:tsVersion": "1.40.1"}, True),
        ({"node:os": "macos", "node:tsVersion": "1.9"}, False),
        ({"node:os": "linux", "node:tsVersion": "1.60"}, False),
        ({}, False),
    ],
)
def test_a_posture_narrows_a_rule_to_sources_that_meet_it(attributes: dict[str, str], holds: bool) -> None:
    rule = grant(ALICE, "tag:web", srcPosture=["posture:mac"])
    postures = {"posture:mac": ["node:os IN ['macos', 'ios']", "node:tsVersion >= '1.40'"]}
    test = {"src": ALICE, "srcPostureAttrs": attributes, "accept": ["tag:web:443"]}
    assert (errors(test, rule, postures=postures) == []) is holds


SSH_RULE = {"action": "check", "src": ["group:sre"], "dst": ["tag:web"], "users": ["autogroup:nonroot"]}


@pytest.mark.parametrize(
    ("test", "passes"),
    [
        ({"src": ALICE, "dst": ["tag:web"], "check": ["ubuntu"], "deny": ["root"]}, True),
        ({"src": ALICE, "dst": ["tag:web"], "accept": ["ubuntu"]}, False),
        ({"src": ALICE, "dst": ["tag:web"], "check": ["root"]}, False),
        ({"src": ALICE, "dst": ["tag:web"], "deny": ["ubuntu"]}, False),
        ({"src": "tag:new", "dst": ["tag:web"], "deny": ["ubuntu"]}, True),
        ({"src": ALICE, "dst": ["tag:web"]}, False),
    ],
)
def test_ssh_tests_hold_the_ssh_rules(test: dict[str, Any], passes: bool) -> None:
    found = errors({"src": ALICE, "deny": ["tag:new:22"]}, ssh=[SSH_RULE], sshTests=[test])
    assert (found == []) is passes


def test_a_policy_without_acls_and_grants_accepts_everything_and_one_with_an_empty_list_nothing() -> None:
    asked = {"src": "tag:web", "accept": [f"{ALICE}:22"]}
    denied = {"src": "tag:web", "deny": [f"{ALICE}:22"]}
    assert errors(asked, grants=None) == []
    assert errors(denied, grants=None) == [f'[acl test error]: address "{ALICE}:22": want: Drop, got: Accept']
    for section in ("acls", "grants"):
        assert errors(asked, **{"grants": None, section: []}) != []
        assert errors(denied, **{"grants": None, section: []}) == []


def test_a_person_is_the_same_in_any_spelling_as_the_service_keeps_logins_in_lower_case() -> None:
    groups = {"groups": {"group:sre": ["Alice@Example.com"]}}
    by_group = {"src": ["group:sre"], "dst": ["tag:web"], "ip": ["tcp:443"]}
    by_name = {"src": ["Alice@Example.com"], "dst": ["tag:web"], "ip": ["tcp:443"]}
    for source in (ALICE, "ALICE@example.com"):
        for grant in (by_group, by_name):
            assert errors({"src": source, "accept": ["tag:web:443"]}, grant, **groups) == []
            assert errors({"src": source, "deny": ["tag:web:443"]}, grant, **groups)
