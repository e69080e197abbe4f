"""Failures stop what adds to an environment and never what only takes away."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import given, note
from hypothesis import strategies as st

from providers.tailnet.analysis import additions, findings, stops
from providers.tailnet.analysis.reach import Evaluator, Party
from providers.tailnet.analysis.rules import UDP
from tests.providers.analysis.documents import ACME, GLOBEX, KUBERNETES, capability, declared, document, grant
from tests.providers.analysis.random_documents import (
    CAPABILITY,
    DOCUMENT,
    GRANT,
    GROUPS,
    OWN,
    known_environments,
    removable,
    without,
)

BAD = {"src": ["*"], "dst": ["*"], "ip": ["*"]}
OPERATOR, PROXY, CUSTOMER = ACME.chain_tags

DEVICES: dict[str, Party] = {
    "own operator": Party(tags=(OPERATOR, ACME.kube_tag)),
    "own proxy": Party(tags=(PROXY, CUSTOMER, ACME.svc_tag("ui"))),
    "own api": Party(tags=(PROXY, CUSTOMER, ACME.api_tag)),
    "other operator": Party(tags=(GLOBEX.chain_tags[0], GLOBEX.kube_tag)),
    "other proxy": Party(tags=(*GLOBEX.chain_tags[1:], GLOBEX.svc_tag("net"))),
    "build machine": Party(tags=("tag:ci",)),
    "ada": Party(user="ada@example.com"),
    "edsger": Party(user="edsger@example.com"),
    "mallory": Party(user="mallory@example.com"),
}
"""Without addresses: a rule for a single address is nobody's as long as nobody says whose it is."""

QUESTIONS = [(22, 6), (80, 6), (443, 6), (443, UDP), (53, UDP), (0, 1)]


def reaches(evaluator: Evaluator, source: str, destination: str, *, meets_postures: bool = True) -> set[Any]:
    return {
        (port, protocol)
        for port, protocol in QUESTIONS
        if evaluator.allows(DEVICES[source], DEVICES[destination], port, protocol, meets_postures=meets_postures)
    }


def impersonated(policy: dict[str, Any], source: str, destination: str) -> set[str]:
    """What the API proxy would add up, worked out by the evaluator's matching alone."""
    evaluator = Evaluator(policy)
    return {
        group
        for entry in policy["grants"]
        if any(evaluator.is_source(selector, DEVICES[source]) for selector in entry["src"])
        and any(evaluator.is_destination(selector, DEVICES[destination], DEVICES[source]) for selector in entry["dst"])
        for value in entry.get("app", {}).get(KUBERNETES, [])
        for group in value["impersonate"]["groups"]
    }


# --- removal -----------------------------------------------------------------------------------------------


@given(DOCUMENT, st.data())
def test_removing_anything_is_never_stopped(policy: dict[str, Any], data: st.DataObject) -> None:
    for _ in range(3):
        places = sorted(removable(policy), key=repr)
        if not places:
            return
        place = data.draw(st.sampled_from(places))
        note(f"{place}")
        less = without(policy, place)
        assert additions(policy, less, ACME) == ()
        assert stops(policy, less, ACME, declared={"grants": []}) == ()
        policy = less


@given(DOCUMENT)
def test_no_change_is_never_stopped(policy: dict[str, Any]) -> None:
    policy = {**policy, "grants": [*policy["grants"], BAD]}
    assert stops(policy, copy.deepcopy(policy), ACME) == ()


def test_a_failure_that_stays_does_not_stop_a_removal_nor_one_of_its_own() -> None:
    bad = document(grants=[BAD, grant(ACME, source="group:net")])
    narrower = document(grants=[BAD])
    assert [each for each in findings(narrower, ACME) if each.failure]
    assert stops(bad, narrower, ACME) == ()
    assert stops(bad, document(), ACME) == ()


# --- addition ----------------------------------------------------------------------------------------------


@given(
    DOCUMENT, st.sampled_from(["*", "autogroup:tagged", "autogroup:danger-all", GLOBEX.kube_tag]), st.sampled_from(OWN)
)
def test_a_foreign_wide_rule_is_always_found_and_stopped(policy: dict[str, Any], source: str, own: str) -> None:
    wider = {**policy, "grants": [*policy["grants"], {"src": [source], "dst": [own], "ip": ["tcp:443"]}]}
    assert ("foreign-customer", source) in {(each.kind, each.subject) for each in findings(wider, ACME)}
    if additions(policy, wider, ACME):
        assert "foreign-customer" in {each.kind for each in stops(policy, wider, ACME)}
    else:  # somebody was let in already by a rule that gives all of it
        assert "foreign-customer" in {each.kind for each in findings(policy, ACME)}


@given(DOCUMENT, GRANT)
def test_adding_a_grant_takes_no_reach_away(policy: dict[str, Any], more: dict[str, Any]) -> None:
    wider = {**policy, "grants": [more, *policy["grants"]]}
    once, again = Evaluator(policy), Evaluator(wider)
    for source in DEVICES:
        for destination in DEVICES:
            assert reaches(once, source, destination) <= reaches(again, source, destination)


@given(DOCUMENT, DOCUMENT, st.data())
def test_whoever_gains_reach_by_a_change_is_named(before: dict[str, Any], other: dict[str, Any], data: Any) -> None:
    after = dict(before)
    for section in data.draw(st.lists(st.sampled_from(["grants", "acls", "groups", "hosts"]), min_size=1, unique=True)):
        if section == "hosts":
            after["hosts"] = {"everything": "0.0.0.0/0"}
        elif section == "groups":
            after["groups"] = other["groups"]
        else:
            after[section] = [*data.draw(st.permutations(before[section]))[1:], *other[section]]
    if additions(before, after, ACME):
        return
    then, now = Evaluator(before), Evaluator(after)
    for own in ("own operator", "own proxy", "own api"):
        for somebody in DEVICES:
            for postures in (True, False):
                for pair in ((somebody, own), (own, somebody)):
                    gained = reaches(now, *pair, meets_postures=postures)
                    assert gained <= reaches(then, *pair, meets_postures=postures), pair
    for somebody in DEVICES:
        assert impersonated(after, somebody, "own operator") <= impersonated(before, somebody, "own operator")


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"srcPosture": ["posture:a"]}, {}),
        ({"srcPosture": ["posture:a"]}, {"srcPosture": ["posture:a", "posture:b"]}),
        ({"via": ["tag:ci"]}, {}),
        ({"ip": ["tcp:443"]}, {"ip": ["443"]}),
        ({"ip": ["443"]}, {"ip": ["443-444"]}),
        ({"src": ["group:sre"]}, {"src": ["group:sre", "group:net"]}),
        ({"src": ["ada@example.com"]}, {"src": ["group:sre"]}),
        ({"app": capability("view")}, {"app": capability("view", "edit")}),
        (
            {
                "app": {
                    KUBERNETES: [{"impersonate": {"groups": ["a"]}, "recorder": ["tag:rec"], "enforceRecorder": True}]
                }
            },
            {"app": capability("a")},
        ),
        ({"app": {"example.com/cap/x": [{"a": 1}]}}, {"app": {"example.com/cap/x": [{"a": 2}]}}),
    ],
)
def test_a_loosened_entry_adds(before: dict[str, Any], after: dict[str, Any]) -> None:
    base = {"src": ["group:sre"], "dst": [ACME.kube_tag], "ip": ["tcp:443"]}
    postures = {"posture:a": ["node:os == 'macos'"], "posture:b": ["node:os == 'linux'"]}
    one, other = (document(GLOBEX, postures=postures, grants=[{**base, **each}]) for each in (before, after))
    assert additions(one, other, ACME)
    # And back it takes away, but where neither includes the other.
    assert bool(additions(other, one, ACME)) == ("example.com/cap/x" in before.get("app", {}))


@pytest.mark.parametrize(
    ("section", "before", "after"),
    [
        ("groups", {"group:sre": ["ada@example.com"]}, {"group:sre": ["ada@example.com", "mallory@example.com"]}),
        ("hosts", {"office": "10.0.0.0/24"}, {"office": "10.0.0.0/16"}),
        ("ipsets", {"ipset:a": ["10.0.0.0/8", "remove 10.1.0.0/16"]}, {"ipset:a": ["10.0.0.0/8"]}),
        (
            "postures",
            {"posture:a": ["node:os == 'macos'", "node:tsVersion > '1'"]},
            {"posture:a": ["node:os == 'macos'"]},
        ),
    ],
)
def test_a_name_that_comes_to_mean_more_adds(section: str, before: dict[str, Any], after: dict[str, Any]) -> None:
    entry = {
        "src": ["group:sre", "office", "ipset:a"],
        "dst": [ACME.kube_tag],
        "ip": ["*"],
        "srcPosture": ["posture:a"],
    }
    one, other = ({**document(GLOBEX, grants=[entry]), section: value} for value in (before, after))
    assert additions(one, other, ACME)
    assert additions(other, one, ACME) == ()


@pytest.mark.parametrize(
    ("section", "value"),
    [
        ("tagOwners", {ACME.kube_tag: []}),
        ("tagOwners", {ACME.svc_tag("ui"): ["autogroup:member"]}),
        ("nodeAttrs", [{"target": [PROXY], "attr": ["drive:share"]}]),
        ("nodeAttrs", [{"target": ["*"], "attr": ["funnel"]}]),
        ("autoApprovers", {"routes": {"10.0.0.0/8": [ACME.svc_tag("net")]}}),
        ("autoApprovers", {"exitNode": [PROXY]}),
        ("autoApprovers", {"services": {"svc:x": [ACME.api_tag]}}),
        ("grants", [grant(ACME)]),
        ("acls", [{"action": "accept", "src": ["tag:ci"], "dst": [f"{CUSTOMER}:22"]}]),
    ],
)
def test_each_entry_that_an_environment_gets_adds_and_is_stopped_by_failures(section: str, value: Any) -> None:
    before = document(GLOBEX, grants=[{**BAD, "ip": ["udp:1"]}])
    after = document(GLOBEX, **({section: value, "grants": before["grants"][2:]} | {section: value}))
    after["grants"] = [*before["grants"], *(value if section == "grants" else [])]
    assert additions(before, after, ACME)
    assert {"foreign-customer", "reaches-customer", "reaches-staff"} <= {
        each.kind for each in stops(before, after, ACME)
    }
    assert stops(after, before, ACME) == ()


def test_what_is_added_for_others_and_tests_do_not_count() -> None:
    bad = document(grants=[BAD])
    for more in (
        {"tests": [{"src": ACME.kube_tag, "deny": ["tag:ci:22"]}]},
        {"grants": [grant(GLOBEX, source="group:net")]},
        {"tagOwners": {GLOBEX.svc_tag("ui"): ["autogroup:admin"]}},
        {"groups": {"group:killed-acme-prod": []}},
    ):
        assert stops(bad, document(**{**more, "grants": [BAD, *more.get("grants", [])]}), ACME) == ()


def test_named_exceptions_and_notices_do_not_stop() -> None:
    before = document(ACME, grants=[{"src": ["tag:ci"], "dst": [CUSTOMER], "ip": ["tcp:80"]}])
    after = {**before, "grants": [*before["grants"], grant(ACME, source="group:oncall", group="admin")]}
    stack = {"grants": [*declared(ACME)["grants"], after["grants"][-1]]}
    (only,) = stops(before, after, ACME, declared=stack)
    assert (only.kind, only.subject) == ("undeclared-reach", "tag:ci")
    exception = {"finding": "undeclared-reach", "subject": "tag:ci", "reason": "health checks"}
    assert stops(before, after, ACME, declared=stack, exceptions=[exception]) == ()
    assert stops(before, after, ACME, declared=stack, exceptions=[{**exception, "reason": ""}]) == (only,)


# --- findings over all documents ---------------------------------------------------------------------------


@given(DOCUMENT, st.randoms(use_true_random=False))
def test_the_order_of_entries_and_elements_changes_no_finding(policy: dict[str, Any], chance: random.Random) -> None:
    def shuffled(value: Any, key: str = "") -> Any:
        if isinstance(value, dict):
            members = list(value.items())
            chance.shuffle(members)
            return {name: shuffled(inner, name) for name, inner in members}
        if isinstance(value, list) and key != "ipset:all":  # an ipset is worked off in its order
            return chance.sample([shuffled(inner) for inner in value], len(value))
        return value

    once, again = (findings(each, ACME, declared={"grants": []}) for each in (policy, shuffled(policy)))
    assert [(each.kind, each.subject, each.text) for each in once] == [
        (each.kind, each.subject, each.text) for each in again
    ]


@given(DOCUMENT)
def test_everybody_who_reaches_the_environment_is_found(policy: dict[str, Any]) -> None:
    policy = known_environments(policy)
    kinds = {each.kind for each in findings(policy, ACME, declared={"grants": []})}
    evaluator = Evaluator(policy)
    for own in ("own operator", "own proxy", "own api"):
        for somebody in DEVICES:
            if somebody.startswith("own"):
                continue
            others = somebody.startswith("other")
            if reaches(evaluator, somebody, own):
                assert kinds & ({"foreign-customer"} if others else {"foreign-customer", "undeclared-reach"})
            if reaches(evaluator, own, somebody):
                if others:
                    assert "reaches-customer" in kinds
                elif DEVICES[somebody].user:
                    assert "reaches-staff" in kinds
                else:
                    assert kinds & {"reaches-vendor", "reaches-customer", "reaches-staff"}


@given(DOCUMENT, CAPABILITY)
def test_every_group_that_a_caller_gets_beyond_the_declared_is_found(policy: dict[str, Any], own: Any) -> None:
    policy = known_environments(policy)
    stack = {"grants": [{"src": ["group:sre"], "dst": [ACME.kube_tag], "ip": ["tcp:443"], "app": own}]}
    policy["grants"] = [*policy["grants"], *stack["grants"]]
    alone = {**policy, **stack}
    subjects = {each.subject for each in findings(policy, ACME, declared=stack) if each.kind == "impersonation"}
    for node in ("own operator", "own api"):
        for somebody in DEVICES:
            more = impersonated(policy, somebody, node) - impersonated(alone, somebody, "own operator")
            for group in GROUPS:
                assert group not in more or any(subject.endswith(f" as {group}") for subject in subjects)
