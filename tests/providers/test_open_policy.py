"""A document with neither `acls` nor `grants`: nothing of ours opens one, closes one unasked, or adds access to one."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.document import write
from providers.tailnet.engineer import without_engineer
from providers.tailnet.open_policy import is_open
from providers.tailnet.ownership import section_of
from providers.tailnet.problems import PolicyError, TailnetError
from providers.tailnet.severance import FailingTest, Mark, revived, severed, without_tests
from providers.tailnet.slice import Outcome, Slice, applied, removed
from providers.tailnet.slice_check import problems
from tests.providers.generated_policies import ALL_SLICES, OPEN_OR_CLOSED
from tests.providers.policies import ACME, GLOBEX, access, grant, identity, value
from tests.providers.tailnet_api import Api, put_policy, running_api
from tests.providers.test_resources import ACCESS, IDENTITY, Stack

OWNERS = '"tagOwners": {"tag:support-access-deployer": ["autogroup:admin"], "tag:ci": [], "tag:internal": []}'
OPEN = f"""{{
  // Everybody reaches everything: we have not got round to it.
  "groups": {{"group:highflame-sre": ["ann@example.com"]}},
  {OWNERS},
}}
"""
CLOSE = Slice(part="shared", sections={}, open_policy="close")
MARK = Mark(who="ada", when="2026-12-01T12:00:00Z", why="a test")
VARIANTS = [OPEN, "{}", '{"grants": null}', '{"acls": null, "Grants": null}', '{"ssh": [], /* "grants": [] */}']


# --- an environment's slices -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", VARIANTS)
@pytest.mark.parametrize("slice", [identity(ACME), identity(ACME, []), access(ACME), access(ACME, active=False)])
def test_environment_adds_nothing_to_an_open_document(text: str, slice: Slice) -> None:
    with pytest.raises(PolicyError) as refused:
        applied(text, slice)
    said = str(refused.value)
    assert "neither `acls` nor `grants`" in said
    assert "acme-prod included" in said
    assert "Fix:" in said
    assert "pulumi config set --stack tailnet --path support-access:tailnet.openPolicy close" in said


@pytest.mark.parametrize("section", ["acls", "grants", "ACLs", "Grants"])
def test_empty_list_is_a_closed_document(section: str) -> None:
    text = OPEN.replace('"groups"', f'"{section}": [], "groups"')
    after = applied(applied(text, identity(ACME)).text, access(ACME)).after
    assert grant(ACME) in section_of(after, "grants")


def test_narrowing_the_last_grant_leaves_an_empty_list() -> None:
    text = applied('{"grants": []}', identity(ACME)).text
    text = applied(text, access(ACME)).text
    after = applied(text, identity(ACME, [])).after
    assert after["grants"] == []


# --- the shared slice --------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", VARIANTS)
def test_close_writes_an_empty_list_of_grants_and_nothing_else(text: str) -> None:
    outcome = applied(text, CLOSE)
    key = next(key for key in outcome.after if key.lower() == "grants")
    assert outcome.after == {**value(text), key: []}
    assert "not got round to it" in outcome.text or text != OPEN
    assert applied(outcome.text, CLOSE).text == outcome.text
    assert removed(outcome.text, CLOSE).text == outcome.text


@pytest.mark.parametrize("closed", ['{"acls": []}', '{"Grants": []}', '{"acls": null, "grants": []}'])
def test_close_changes_nothing_in_a_closed_document(closed: str) -> None:
    assert applied(closed, CLOSE).text == closed


@pytest.mark.parametrize(
    "sections",
    [
        {"grants": [{"src": ["group:highflame-sre"], "dst": ["tag:ci"], "ip": ["*"]}]},
        {"acls": [{"action": "accept", "src": ["group:highflame-sre"], "dst": ["tag:ci:*"]}]},
    ],
)
def test_first_rule_of_an_open_document_is_refused_unless_the_stack_closes_it(sections: dict[str, Any]) -> None:
    with pytest.raises(PolicyError, match=r"(?s)everybody else.*Fix:.*openPolicy close"):
        applied(OPEN, Slice(part="shared", sections=sections))
    after = applied(OPEN, Slice(part="shared", sections=sections, open_policy="close")).after
    assert not is_open(after)
    assert {name: after[name] for name in sections} == sections


def test_deny_test_on_an_open_document_is_explained_before_the_server_refuses_it() -> None:
    sections = {"tests": [{"src": "group:highflame-sre", "deny": ["tag:ci:22"]}]}
    with pytest.raises(PolicyError, match=r"(?s)no test that denies can pass.*Fix:.*openPolicy close"):
        applied(OPEN, Slice(part="shared", sections=sections))
    assert not is_open(applied(OPEN, Slice(part="shared", sections=sections, open_policy="close")).after)


def test_shared_slice_without_rules_leaves_an_open_document_open() -> None:
    outcome = applied(OPEN, Slice(part="shared", sections={"groups": {"group:new": []}}))
    assert is_open(outcome.after)


@pytest.mark.parametrize(("part", "given"), [("identity", "close"), ("access", "close"), ("shared", "open")])
def test_only_a_shared_slice_closes(part: str, given: str) -> None:
    inputs = {"part": part, "sections": {}, "openPolicy": given}
    inputs |= {} if part == "shared" else {"customer": "acme", "environment": "prod", "declared": {}}
    assert [name for name, _ in problems(inputs)] == ["openPolicy"]


# --- removal, by whatever means ----------------------------------------------------------------------------


def removals(identity: Slice, access: Slice) -> Iterator[Callable[[str], str]]:
    environment = identity.own()
    yield lambda text: removed(text, access).text
    yield lambda text: removed(text, identity).text
    yield lambda text: removed(text, Slice(part="shared", sections=access.sections)).text
    yield lambda text: removed(text, CLOSE).text
    yield lambda text: severed(text, [environment], MARK).outcome.text
    yield lambda text: severed(text, [environment], MARK, customer=environment.customer).outcome.text
    yield lambda text: revived(text, environment).text
    yield lambda text: without_engineer(text, "ann@example.com").outcome.text
    yield lambda text: without_tests(text, {FailingTest("tag:ci", "tag:internal:22")})


def additions(identity: Slice, access: Slice) -> Iterator[Callable[[str], str]]:
    yield lambda text: applied(text, identity).text
    yield lambda text: applied(text, identity, narrowing_wins=True).text
    yield lambda text: applied(text, replace(identity, declared={"grants": []})).text
    yield lambda text: applied(text, access).text
    yield lambda text: applied(text, replace(access, active=False)).text
    yield lambda text: applied(text, Slice(part="shared", sections={"groups": {"group:sre": []}})).text
    entries = {name: access.sections[name] for name in ("grants", "acls", "ssh") if name in access.sections}
    yield lambda text: applied(text, Slice(part="shared", sections={}), Slice(part="shared", sections=entries)).text


@given(OPEN_OR_CLOSED, ALL_SLICES, st.lists(st.integers(0, 1000), min_size=1, max_size=6))
def test_nothing_written_or_removed_opens_a_document_or_closes_one(
    text: str, slices: tuple[tuple[Slice, Slice], ...], steps: list[int]
) -> None:
    every = [
        step for identity, access in slices for step in (*additions(identity, access), *removals(identity, access))
    ]
    was_open = is_open(value(text))
    for number in steps:
        try:
            text = every[number % len(every)](text)
        except PolicyError:  # refused: nothing is written
            continue
        assert is_open(value(text)) is was_open


@given(OPEN_OR_CLOSED, ALL_SLICES)
def test_removing_what_was_added_last_leaves_an_empty_list(text: str, slices: tuple[tuple[Slice, Slice], ...]) -> None:
    text = applied(text, CLOSE).text
    for first, last in slices:
        text = applied(applied(text, first).text, last).text
    for first, last in slices:
        text = removed(removed(text, last).text, first).text
        assert not is_open(value(text))


@given(OPEN_OR_CLOSED)
def test_close_closes_and_keeps_every_other_value(text: str) -> None:
    before, after = value(text), value(applied(text, CLOSE).text)
    assert not is_open(after)
    assert {key: after[key] for key in before if before[key] is not None} == {
        key: content for key, content in before.items() if content is not None
    }
    assert after.keys() - before.keys() <= ({"grants"} if is_open(before) else set())


def test_both_environments_of_the_last_grant_can_be_removed_in_any_order() -> None:
    text = '{"grants": [], // nobody but the following\n}'
    for one in (ACME, GLOBEX):
        text = applied(applied(text, identity(one)).text, access(one)).text
    shared = json.loads(json.dumps(value(text)))
    shared["grants"] = [{"src": ["group:highflame-sre"], "dst": [ACME.kube_tag, GLOBEX.kube_tag], "ip": ["tcp:443"]}]
    for order in ((ACME, GLOBEX), (GLOBEX, ACME)):
        left = json.dumps(shared)
        for one in order:
            left = removed(left, access(one)).text
        assert value(left)["grants"] == []


def test_two_stacks_that_remove_the_last_grants_at_the_same_moment_leave_an_empty_list() -> None:
    with running_api() as api:
        client, other = api.client(), api.client()
        put_policy(api, '{"groups": {"group:highflame-sre": []}, "grants": [], ' + OWNERS + "}")
        for one in (ACME, GLOBEX):
            for part in (identity(one, tests=[]), access(one)):
                write(client, lambda text, _, part=part: applied(text, part))
        rounds = []

        def edit(text: str, _: bool) -> Outcome:
            if not rounds:
                write(other, lambda now, _: removed(now, access(GLOBEX)), removing=True)
            rounds.append(text)
            return removed(text, access(ACME))

        written = write(client, edit, removing=True)
        assert (len(rounds), written.posts) == (2, 2), "the first save met the other's"
        assert value(api.text)["grants"] == []


@pytest.mark.parametrize("text", VARIANTS)
def test_kill_and_removal_leave_an_open_document_open_and_add_no_test(text: str) -> None:
    owned = {ACME.kube_tag: [], ACME.operator_tag: []}
    document = {**value(text), "tagOwners": {**value(text).get("tagOwners", {}), **owned}}
    written = json.dumps(document)
    for result in (
        severed(written, [ACME], MARK).outcome,
        removed(written, identity(ACME)),
        removed(written, access(ACME)),
    ):
        assert is_open(result.after)
        assert "tests" not in result.after


def test_removal_of_an_environment_says_that_everybody_could_reach_it() -> None:
    written = json.dumps({"tagOwners": {ACME.kube_tag: []}})
    (warning,) = removed(written, identity(ACME)).warnings
    assert "every device of the tailnet could reach acme-prod's devices until they were deleted" in warning
    assert removed(written, access(ACME)).warnings == ()
    closed = json.dumps({"tagOwners": {ACME.kube_tag: []}, "grants": []})
    assert removed(closed, identity(ACME)).warnings == ()


# --- under the engine's requests ---------------------------------------------------------------------------


@pytest.fixture
def open_api() -> Iterator[Api]:
    with running_api(OPEN) as api:
        api.use_oauth_client()
        yield api


@pytest.fixture
def open_stack(open_api: Api) -> Iterator[Stack]:
    stack = Stack(open_api)
    yield stack
    stack.provider.close()


SHARED = {"part": "shared", "sections": {"groups": {"group:highflame-sre": ["ann@example.com"]}}}


def test_preview_and_up_of_an_environment_are_refused_and_nothing_is_written(open_api: Api, open_stack: Stack) -> None:
    for inputs, preview in ((IDENTITY, True), (IDENTITY, False), (ACCESS, False)):
        with pytest.raises(TailnetError, match="neither `acls` nor `grants`"):
            open_stack.up("PolicySlice", inputs, preview=preview)
    assert open_api.text == OPEN


def test_preview_of_the_closing_says_first_what_stops_working(open_api: Api, open_stack: Stack) -> None:
    open_api.register("build-1", ["tag:ci"])
    open_api.register("build-2", ["tag:ci"])
    open_stack.up("PolicySlice", {**SHARED, "openPolicy": "close"}, preview=True)
    said = open_stack.log.warnings[0]
    assert said.startswith("This change turns the tailnet from open to closed: 2 devices can reach each other at")
    assert "tag:ci: build-1.tail5e1f.ts.net, build-2.tail5e1f.ts.net" in said
    assert open_api.text == OPEN
    open_stack.up("PolicySlice", {**SHARED, "openPolicy": "close"})
    assert value(open_api.text)["grants"] == []


def test_list_of_what_stops_working_is_bounded(open_api: Api, open_stack: Stack) -> None:
    made = open_api.state.data["devices"].pop(open_api.register("laptop", ["tag:ci"])["nodeId"])
    for number in range(30):
        own = {"tags": [], "user": f"user{number}@example.com", "name": f"laptop-{number}.tail5e1f.ts.net"}
        open_api.state.data["devices"][f"n{number}"] = {**made, **own}
    open_stack.up("PolicySlice", {**SHARED, "openPolicy": "close"}, preview=True)
    said = open_stack.log.warnings[0]
    assert "30 devices" in said.splitlines()[0]
    assert "user0@example.com" in said
    assert "and 10 more users and tags" in said
    assert len(said) < 4000


def test_devices_that_cannot_be_listed_are_no_reason_to_be_silent(open_api: Api, open_stack: Stack) -> None:
    open_api.faults({"kind": "status", "method": "GET", "path": "/api/v2/tailnet/-/devices", "status": 403})
    open_stack.up("PolicySlice", {**SHARED, "openPolicy": "close"}, preview=True)
    assert open_stack.log.warnings[0].startswith("This change turns the tailnet from open to closed")
    assert "could not be listed" in open_stack.log.warnings[0]


def test_tailnet_that_was_opened_again_is_drift_and_the_next_update_closes_it(open_api: Api, open_stack: Stack) -> None:
    inputs = {**SHARED, "openPolicy": "close"}
    open_stack.up("PolicySlice", inputs)
    put_policy(open_api, OPEN)
    assert "openPolicy" not in open_stack.refresh("PolicySlice", "shared")
    open_stack.up("PolicySlice", inputs)
    assert not is_open(value(open_api.text))
    assert any(line.startswith("This change turns the tailnet from open to closed") for line in open_stack.log.warnings)


def test_preview_of_a_tailnet_stack_that_leaves_the_document_open_says_so(open_api: Api, open_stack: Stack) -> None:
    open_stack.up("PolicySlice", SHARED, preview=True)
    assert any("neither `acls` nor `grants`" in line and "openPolicy close" in line for line in open_stack.log.warnings)
    open_stack.up("PolicySlice", SHARED)
    open_stack.log.warnings.clear()
    assert open_stack.diff("PolicySlice", SHARED) == {}
    assert len(open_stack.log.warnings) == 1, "a preview without a change says it too"


def test_slice_that_declares_nothing_does_not_ask_for_what_another_one_does(open_api: Api, open_stack: Stack) -> None:
    """The guard of the stack `tailnet` is previewed beside the slice that closes the document."""
    open_stack.up("PolicySlice", {"part": "shared", "sections": {}}, preview=True)
    assert open_stack.log.warnings == []
