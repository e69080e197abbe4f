"""What a PolicySlice may declare in each section: its form, and that it is wholly the environment's own."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.slice_check import problems
from tests.providers.policies import ACME, GLOBEX, TRAP, grant
from tests.providers.whole_slices import (
    ACCESS,
    ACCESS_INPUTS,
    ACL,
    GRANT,
    GROUP,
    HOST,
    IDENTITY,
    IDENTITY_INPUTS,
    NET,
    OF,
    POSTURE,
    SSH,
)

ENTRIES = ("grants", "acls", "ssh")


def found(part: str, sections: Any) -> list[str]:
    inputs = {**OF, "part": part, "sections": sections, **({"declared": {}} if part == "identity" else {})}
    return [f"{path}: {reason}" for path, reason in problems(inputs)]


def test_what_every_section_may_hold_is_accepted() -> None:
    assert problems(IDENTITY_INPUTS) == problems(ACCESS_INPUTS) == []
    assert found("access", {}) == []


@pytest.mark.parametrize(
    ("part", "sections"),
    [
        *(("access", {section: "x"}) for section in ACCESS),
        *(("identity", {section: "x"}) for section in IDENTITY),
        *(("access", {section: {"a": {}}}) for section in ENTRIES),
        *(("access", {section: ["x"]}) for section in ACCESS),
        *(("identity", {section: ["x"]}) for section in IDENTITY),
        ("access", {"groups": {GROUP: "ann@example.com"}}),
        ("access", {"groups": {GROUP: [["ann@example.com"]]}}),
        ("access", {"postures": {POSTURE: [1]}}),
        ("access", {"hosts": {HOST: ["10.0.0.1"]}}),
        ("identity", {"tagOwners": {ACME.kube_tag: "autogroup:admin"}}),
        ("identity", {"autoApprovers": {"exitNode": {NET: []}}}),
        ("identity", {"autoApprovers": {"exitNode": NET}}),
        ("identity", {"autoApprovers": {"routes": [NET]}}),
        ("identity", {"autoApprovers": {"routes": {"10.0.0.0/8": NET}}}),
        ("identity", {"autoApprovers": {"everything": [NET]}}),
        ("access", ["grants"]),
        ("access", None),
    ],
)
def test_a_wrong_shape_is_one_clear_problem_at_its_path(part: str, sections: Any) -> None:
    (problem,) = found(part, sections)
    path = f"sections.{next(iter(sections))}" if isinstance(sections, dict) else "sections"
    assert problem.startswith(path)
    assert "must be" in problem or "is not a kind of approval" in problem


@pytest.mark.parametrize("other", [GLOBEX, TRAP], ids=["another", "begins alike"])
@pytest.mark.parametrize(
    ("part", "section", "content"),
    [
        ("identity", "tagOwners", lambda tag: {tag: []}),
        ("identity", "tagOwners", lambda tag: {ACME.kube_tag: [tag]}),
        ("identity", "autoApprovers", lambda tag: {"services": {tag: [ACME.kube_tag]}}),
        ("identity", "autoApprovers", lambda tag: {"routes": {"10.0.0.0/8": [tag]}}),
        ("identity", "nodeAttrs", lambda tag: [{"target": [ACME.kube_tag, tag], "attr": ["x"]}]),
        ("identity", "tests", lambda tag: [{"src": tag, "deny": ["tag:ci:1"]}]),
        ("identity", "tests", lambda tag: [{"src": ACME.kube_tag, "accept": [f"{tag}:443"]}]),
        ("identity", "sshTests", lambda tag: [{"src": ACME.kube_tag, "dst": [tag], "accept": ["root"]}]),
        ("access", "grants", lambda tag: [{**GRANT, "src": [tag]}]),
        ("access", "grants", lambda tag: [{**GRANT, "dst": [tag, ACME.kube_tag]}]),
        ("access", "grants", lambda tag: [{**GRANT, "app": {"c": [{"recorder": [tag]}]}}]),
        ("access", "acls", lambda tag: [{**ACL, "dst": [f"{tag}:22"]}]),
        ("access", "ssh", lambda tag: [{**SSH, "src": [tag]}]),
    ],
)
def test_another_customers_tag_is_refused_in_every_place(part: str, section: str, content: Any, other: Any) -> None:
    for tag in (other.kube_tag, other.operator_tag):
        problems_found = found(part, {section: content(tag)})
        assert any(tag in problem and problem.startswith(f"sections.{section}") for problem in problems_found)


@pytest.mark.parametrize("approver", ["tag:ci", "group:highflame-sre", "ann@example.com", "autogroup:admin", ""])
@pytest.mark.parametrize("place", ["routes", "exitNode", "services"])
def test_an_approver_that_would_outlive_the_environment_is_refused(approver: str, place: str) -> None:
    keys = {"routes": {"10.0.0.0/8": [NET, approver]}, "services": {ACME.kube_tag: [approver]}, "exitNode": [approver]}
    (problem,) = found("identity", {"autoApprovers": {place: keys[place]}})
    assert "would outlive the environment" in problem


@pytest.mark.parametrize(("section", "prefix"), [("groups", "group:"), ("postures", "posture:"), ("hosts", "")])
@pytest.mark.parametrize(
    "name",
    ["oncall", "acme-prod", "acme-prod-", "acme-production-x", "acme-prod-a-b", "globex-prod-x", "killed-acme-prod"],
)
def test_a_name_that_does_not_say_whose_it_is_is_refused(section: str, prefix: str, name: str) -> None:
    (problem,) = found("access", {section: {prefix + name: "10.0.0.1" if section == "hosts" else []}})
    assert f"{prefix}acme-prod-<word>" in problem


@pytest.mark.parametrize(("section", "wrong"), [("groups", "posture:"), ("postures", "group:"), ("hosts", "group:")])
def test_a_name_of_another_section_is_refused(section: str, wrong: str) -> None:
    (problem,) = found("access", {section: {f"{wrong}acme-prod-x": "10.0.0.1" if section == "hosts" else []}})
    assert "must be called" in problem


@pytest.mark.parametrize(
    ("section", "entry"),
    [
        ("grants", {"src": ["group:a"], "dst": ["tag:ci"], "ip": ["*"]}),
        ("grants", {**grant(ACME), "dst": [ACME.kube_tag, "tag:ci"]}),
        ("acls", {"action": "accept", "src": ["*"], "dst": [f"{NET}:1", "*:*"]}),
        ("ssh", {**SSH, "dst": [NET, "autogroup:self"]}),
    ],
)
def test_an_entry_that_would_outlive_the_environment_is_refused(section: str, entry: dict[str, Any]) -> None:
    (problem,) = found("access", {section: [entry]})
    assert problem.startswith(f"sections.{section}[0]: one of ")
