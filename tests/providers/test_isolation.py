"""Where the analysis stops an `up`, and where it must not."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.policy_slice import PolicySlice
from providers.tailnet.problems import PolicyError
from tests.providers.policies import ACME, FOREIGN, access, grant, identity, names
from tests.providers.tailnet_api import Api, put_policy

WIDE = FOREIGN.replace(
    '"grants": [', '"grants": [\n    {"src": ["autogroup:member"], "dst": ["*"], "ip": ["*"]}, // as it always was'
)
EXCEPTION = {
    "finding": "undeclared-reach",
    "subject": "autogroup:member",
    "reason": "until the network team has narrowed it",
}


class Said:
    def __init__(self) -> None:
        self.lines: list[str] = []
        self.warnings: list[str] = []

    def info(self, message: str) -> None:
        self.lines.append(message)

    progress = info

    def warning(self, message: str) -> None:
        self.warnings.append(message)


def inputs(part: Any, **more: Any) -> dict[str, Any]:
    found = {"part": part.part, "customer": "acme", "environment": "prod", "sections": part.sections, **more}
    return found | ({"declared": part.declared} if part.part == "identity" else {"active": part.active})


@pytest.fixture
def said() -> Said:
    return Said()


@pytest.fixture
def slices(api: Api, said: Said) -> PolicySlice:
    return PolicySlice(api.client(), said)


def widen(api: Api, source: str = "autogroup:member") -> None:
    """Somebody writes a rule that reaches everything."""
    line = f'\n    {{"src": ["{source}"], "dst": ["*"], "ip": ["*"]}},'
    put_policy(api, api.text.replace('"grants": [', '"grants": [' + line))


def accept(found: str) -> list[dict[str, str]]:
    """An exception for every failure that a refusal names."""
    accepted = []
    for line in found.splitlines():
        kind, _, rest = line.strip().partition(" (")
        subject, closed, _ = rest.partition("): ")
        if closed and line.startswith("  ") and not line.startswith("    "):
            accepted.append({"finding": kind, "subject": subject, "reason": "until it is narrowed"})
    return accepted


def test_a_preview_says_who_will_reach_the_environment_and_as_whom(slices: PolicySlice, said: Said) -> None:
    slices.preview(inputs(identity(ACME)))
    report = next(line for line in said.lines if line.startswith("who reaches acme-prod"))
    assert "group:highflame-sre -> tag:kube-acme-prod at tcp:443" in report
    assert "in highflame-sre" in report
    assert not said.warnings


def test_a_failure_is_refused_at_preview_before_anything_is_made(api: Api, slices: PolicySlice) -> None:
    widen(api)
    with pytest.raises(PolicyError, match=r"(?s)would not be isolated.*undeclared-reach \(autogroup:member\)"):
        slices.preview(inputs(identity(ACME)))


def test_access_is_not_written_while_a_failure_stands_and_is_once_it_is_mended(api: Api, slices: PolicySlice) -> None:
    slices.create(inputs(identity(ACME, tests=[])))
    before = api.text
    widen(api)
    with pytest.raises(PolicyError, match="would not be isolated"):
        slices.create(inputs(access(ACME)))
    assert "cap/kubernetes" not in api.text
    put_policy(api, before)
    assert slices.create(inputs(access(ACME)))["status"] == "written"


def test_what_is_accepted_by_name_lets_the_rest_through(api: Api, slices: PolicySlice) -> None:
    slices.create(inputs(identity(ACME, tests=[])))
    put_policy(api, api.text.replace('{"src": "tag:ci", "deny": ["tag:internal:22"]},', ""))  # it would refuse as well
    widen(api, "*")
    with pytest.raises(PolicyError) as refused:
        slices.create(inputs(access(ACME)))
    exceptions = accept(str(refused.value))
    assert len(exceptions) >= 2
    with pytest.raises(PolicyError, match="would not be isolated"):
        slices.create(inputs(access(ACME), exceptions=exceptions[1:]))
    assert slices.create(inputs(access(ACME), exceptions=exceptions))["status"] == "written"


def test_a_failure_never_stops_what_only_removes(api: Api, slices: PolicySlice) -> None:
    both = [grant(ACME), grant(ACME, "group:oncall")]
    put_policy(api, api.text.replace('"groups": {', '"groups": {"group:oncall": ["ann@example.com"],'))
    slices.create(inputs(identity(ACME, both, tests=[])))
    old = slices.create(inputs(access(ACME, both)))
    widen(api)

    narrowed = inputs(identity(ACME, tests=[]))
    slices.preview(narrowed, inputs(identity(ACME, both, tests=[])))
    slices.create(narrowed, inputs(identity(ACME, both, tests=[])))
    assert 'group:oncall"], "dst"' not in api.text
    slices.create(inputs(access(ACME)), old)
    for part in (inputs(access(ACME)), narrowed):
        slices.delete(part)
    assert not names(api.text, ACME)


@pytest.mark.parametrize("part", [identity, access])
def test_an_entry_that_takes_anothers_place_passes_the_preview(api: Api, slices: PolicySlice, part: Any) -> None:
    """At a preview the old one still stands: it goes with identity, before access is written."""
    put_policy(api, api.text.replace('"groups": {', '"groups": {"group:oncall": ["ann@example.com"],'))
    old, new = [grant(ACME)], [grant(ACME, "group:oncall")]
    for each in (identity, access):
        slices.create(inputs(each(ACME, old)))
    before, after = (inputs(part(ACME, grants)) for grants in (old, new))
    assert slices.diff(before, after)
    slices.preview(after, before)


def test_what_somebody_else_gives_beside_a_new_entry_is_refused_at_the_preview_of_access(
    api: Api, slices: PolicySlice
) -> None:
    put_policy(api, api.text.replace('"groups": {', '"groups": {"group:oncall": ["ann@example.com"],'))
    slices.create(inputs(identity(ACME, tests=[])))
    slices.create(inputs(access(ACME)))
    widen(api)
    with pytest.raises(PolicyError, match=r"would not be isolated.*\n.*autogroup:member"):
        slices.preview(inputs(access(ACME, [grant(ACME, "group:oncall")])), inputs(access(ACME)))


def test_a_failure_that_came_later_is_told_at_every_preview(api: Api, slices: PolicySlice, said: Said) -> None:
    state = slices.create(inputs(identity(ACME, tests=[])))
    slices.create(inputs(access(ACME)))
    widen(api)
    assert not slices.diff(state, inputs(identity(ACME, tests=[])))
    assert any(line.startswith("undeclared-reach (autogroup:member)") for line in said.warnings)


def test_an_exception_that_matches_nothing_is_told(slices: PolicySlice, said: Said) -> None:
    declared = inputs(identity(ACME), exceptions=[EXCEPTION])
    state = slices.create(declared)
    slices.diff(state, declared)
    assert any("nothing is found that it matches" in line for line in said.warnings)


@pytest.mark.parametrize("exceptions", ["undeclared-reach", [{"finding": "funnel"}], ["funnel"]])
def test_an_exception_without_subject_or_reason_is_refused(exceptions: Any) -> None:
    assert [name for name, _ in PolicySlice.check(inputs(identity(ACME), exceptions=exceptions))]
