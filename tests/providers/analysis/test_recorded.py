"""The evaluator says of every recorded test what the real API said, and of every recorded policy what the stand-in's
own evaluator says, which shares no code with it."""

from __future__ import annotations

import gzip
import ipaddress
import json
from pathlib import Path
from typing import Any

import pytest

from providers.tailnet.analysis.names import is_user
from providers.tailnet.analysis.reach import Evaluator, Party
from providers.tailnet.analysis.rules import TCP, UDP, protocol_numbers, rules
from providers.tailnet.ownership import canonical
from sandbox import packet_filter
from sandbox.tailscale.policy import document as sandbox_document
from sandbox.tailscale.policy import reach as sandbox_reach
from sandbox.tailscale.policy.rules import network_rules
from sandbox.tailscale.policy.tailnet import Node, Tailnet

DATA = Path(__file__).parents[2] / "data"


def records(name: str) -> dict[str, dict[str, Any]]:
    lines = gzip.decompress((DATA / name).read_bytes()).decode().splitlines()
    return {record["id"]: record for record in map(json.loads, lines)}


RECORDS = records("policy-api.jsonl.gz")
OPEN = records("open-policies.jsonl.gz")
WITH_FILTERS = {
    name: record for name, record in {**RECORDS, **OPEN}.items() if record["code"] == 200 and "filters" in record
}
WITH_TESTS = {name: record for name, record in RECORDS.items() if record["policy"].get("tests")}

# The server refuses the test itself for its form, whatever the rules say: nothing is recorded about who reaches whom.
NO_VERDICT = {
    "policytest-accept-fail-autogroup-member-src-wildcard-dst": "the source of the test is an autogroup",
    "policytest-accept-fail-port-list-mismatch": "the test names several ports",
    "policytest-accept-fail-port-range-mismatch": "the test names a range of ports",
    "policytest-accept-fail-proto-icmp-not-allowed": "the test names every port",
    "policytest-allpass-grants-only-tag-src-cidr-dst": "the destination of the test is a prefix",
    "policytest-allpass-grants-only-tag-src-host-alias-cidr-dst": "the destination of the test is a prefix",
    "policytest-deny-fail-autogroup-internet-dst": "the destination of the test is an autogroup",
    "policytest-deny-fail-autogroup-member-src-wildcard-dst": "the source of the test is an autogroup",
    "policytest-dst-unknown-autogroup-self-with-tag-src": "the destination of the test is an autogroup",
    "policytest-dst-unknown-host": "the test names a host that is not declared",
    "policytest-malformed-test-bad-port-syntax": "the port of the test is no port",
    "policytest-malformed-test-empty-string-src": "the test has no source",
    "policytest-malformed-test-missing-src": "the test has no source",
    "policytest-port-shape-range": "the test names a range of ports",
    "policytest-port-shape-wildcard": "the test names every port",
    "policytest-proto-icmp": "the test names every port",
    "policytest-src-unknown-autogroup": "the source of the test is an autogroup",
    "policytest-src-unknown-group": "the test names a group that is not declared",
    "policytest-src-unknown-host": "the test names a host that is not declared",
    "policytest-src-unknown-tag": "the test names a tag that is not declared",
}


def devices(record: dict[str, Any]) -> list[dict[str, Any]]:
    logins = {user.partition("@")[0]: user for user in record["users"]}
    return [
        {
            "tags": node.get("tags") or [],
            "user": logins.get(node.get("user", ""), ""),
            "addresses": [node["ipv4"], *([node["ipv6"]] if node.get("ipv6") else [])],
        }
        for node in record["nodes"].values()
    ]


def refusal(test: dict[str, Any], policy: dict[str, Any]) -> str | None:
    """Why the server refuses the form of a test (the rules are in the facts of its own documentation)."""
    source = test.get("src")
    if not source:
        return "the test has no source"
    for text in (*test.get("accept", []), *test.get("deny", [])):
        host, _, port = text.rpartition(":")
        for name, side in ((source, "source"), (host.strip("[]"), "destination")):
            if name.startswith("autogroup:"):
                return f"the {side} of the test is an autogroup"
            address = policy["hosts"].get(name, name)
            if "/" in address:
                return f"the {side} of the test is a prefix"
            for kind, declared in (("tag", policy["tagOwners"]), ("group", policy["groups"])):
                if name.startswith(f"{kind}:") and name not in declared:
                    return f"the test names a {kind} that is not declared"
            if not name.startswith(("tag:", "group:")) and not is_user(name):
                try:
                    ipaddress.ip_address(address)
                except ValueError:
                    return "the test names a host that is not declared"
        if port == "*":
            return "the test names every port"
        if "," in port:
            return "the test names several ports"
        if not port.isdigit():
            return "the test names a range of ports" if "-" in port else "the port of the test is no port"
    return None


def holds(evaluator: Evaluator, test: dict[str, Any]) -> bool:
    """Whether every assertion of the test is what the evaluator finds."""
    source = evaluator.party(test["src"])
    assert source is not None
    asked = protocol_numbers(test["proto"]) if test.get("proto") else {TCP, UDP}

    def reached(text: str) -> bool:
        host, _, port = text.rpartition(":")
        destination = evaluator.party(host.strip("[]"))
        assert destination is not None
        return any(evaluator.allows(source, destination, int(port), protocol) for protocol in asked)

    return all(map(reached, test.get("accept", []))) and not any(map(reached, test.get("deny", [])))


@pytest.mark.parametrize("name", sorted(WITH_TESTS.keys() - NO_VERDICT.keys()))
def test_the_verdict_is_that_of_the_real_api(name: str) -> None:
    record = WITH_TESTS[name]
    evaluator = Evaluator(record["policy"], devices(record))
    assert all(holds(evaluator, test) for test in record["policy"]["tests"]) == (record["code"] == 200)


def test_every_line_left_out_was_refused_for_the_form_of_its_test() -> None:
    for name, reason in NO_VERDICT.items():
        record = WITH_TESTS[name]
        assert record["code"] == 400
        assert [refusal(test, record["policy"]) for test in record["policy"]["tests"]] == [reason], name
    assert (len(WITH_TESTS), len(NO_VERDICT)) == (38, 20)


def test_no_line_that_is_judged_could_have_been_refused_for_its_form() -> None:
    for name in WITH_TESTS.keys() - NO_VERDICT.keys():
        policy = WITH_TESTS[name]["policy"]
        assert [refusal(test, policy) for test in policy["tests"] if refusal(test, policy)] == [], name


def users_by_role(record: dict[str, Any]) -> dict[str, str]:
    return {user: "member" if number else "owner" for number, user in enumerate(record["users"])}


def pairs(record: dict[str, Any]) -> list[tuple[tuple[str, Party], tuple[str, Party]]]:
    """Every node and every other node whose filter was recorded, each with its name."""
    parties = list(zip(record["nodes"], map(Party.of_device, devices(record)), strict=True))
    return [(one, other) for one in parties for other in parties if one != other and other[0] in record["filters"]]


def address(party: Party) -> str:
    return str(party.addresses[0].network_address)


@pytest.mark.parametrize("name", sorted(WITH_FILTERS))
def test_evaluator_agrees_with_the_recorded_packet_filter(name: str) -> None:
    record = WITH_FILTERS[name]
    evaluator = Evaluator(record["policy"], devices(record), roles=users_by_role(record))
    for (_, source), (where, destination) in pairs(record):
        at, to = address(source), address(destination)
        for port, protocol in packet_filter.PORTS:
            recorded = packet_filter.admits(record["filters"][where], at, to, port, protocol)
            assert evaluator.allows(source, destination, port, protocol) == recorded, (at, to, port, protocol)


@pytest.mark.parametrize("name", sorted(WITH_FILTERS))
def test_evaluator_gives_the_recorded_capabilities(name: str) -> None:
    record = WITH_FILTERS[name]
    evaluator = Evaluator(record["policy"], devices(record), roles=users_by_role(record))
    read = rules(record["policy"])
    for (_, source), (where, destination) in pairs(record):
        given: dict[str, list[Any]] = {}
        for rule in read:
            if any(evaluator.is_source(selector, source) for selector in rule.sources) and any(
                evaluator.is_destination(selector, destination, source) for selector, _ in rule.destinations
            ):
                for capability, values in rule.app.items():
                    given[capability] = given.get(capability, []) + list(values)
        at, to = address(source), address(destination)
        recorded = packet_filter.capabilities(record["filters"][where], at, to)
        assert {key: sorted(map(canonical, values)) for key, values in given.items()} == {
            key: sorted(map(canonical, values)) for key, values in recorded.items()
        }, (at, to)


def test_recorded_filters_hold_every_kind_of_document() -> None:
    """Without rules for an empty list, with one rule for a document that has neither section."""
    kinds = {"open": 0, "empty": 0, "rules": 0}
    for record in WITH_FILTERS.values():
        sections = {key.lower(): content for key, content in record["policy"].items()}
        listed = [sections[name] for name in ("acls", "grants") if name in sections]
        kinds["open" if not listed else "rules" if any(listed) else "empty"] += 1
    assert kinds == {"open": 108, "empty": 1, "rules": 163}


PORTS = (22, 80, 443, 5432, 9999)


def test_of_every_recorded_policy_both_evaluators_say_the_same() -> None:
    asked = 0
    for name, record in RECORDS.items():
        if record["code"] != 200:
            continue
        known = devices(record)
        nodes = tuple(
            Node(
                name=str(index),
                user=device["user"] if not device["tags"] else "",
                tags=tuple(device["tags"]),
                addresses=tuple(map(ipaddress.ip_address, device["addresses"])),
            )
            for index, device in enumerate(known)
        )
        roles = {user: "member" if number else "owner" for number, user in enumerate(record["users"])}
        tailnet = Tailnet(users=roles, nodes=nodes)
        document = sandbox_document.from_value(record["policy"])
        theirs = sandbox_reach.Reach(document, tailnet, network_rules(document, tailnet))
        ours = Evaluator(record["policy"], known, roles=roles)
        parties = [Party.of_device(device) for device in known]
        others = [sandbox_reach.party_of(node) for node in nodes]
        for one, one_there in zip(parties, others, strict=True):
            for other, other_there in zip(parties, others, strict=True):
                for port in PORTS:
                    asked += 1
                    assert ours.allows(one, other, port) == theirs.allows(one_there, other_there, TCP, port, {}), (
                        name, one, other, port,
                    )  # fmt: skip
    assert asked > 100_000
