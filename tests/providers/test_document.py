"""Compare-and-swap against the sandbox's API: nobody's change is lost, nothing is sent without need."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from providers.tailnet import document
from providers.tailnet.client import Client, Policy
from providers.tailnet.document import Edit, write
from providers.tailnet.problems import ApiError, PolicyError
from providers.tailnet.slice import Outcome, Slice, applied, read, removed
from tests.providers.policies import ACME, access, grant, identity, names, value
from tests.providers.tailnet_api import SEED, Api, put_policy, running_api

ACL = "/tailnet/-/acl"


def adding(slice: Slice) -> Edit:
    return lambda text, narrowing: applied(text, slice, narrowing_wins=narrowing)


def removing(slice: Slice) -> Edit:
    return lambda text, _: removed(text, slice)


def meanwhile(client: Client, act: Callable[[], None], times: int = 1) -> None:
    """Has `act` happen between the client's next reads of the policy and what it does after them."""
    original, left = client.policy, [times]

    def policy() -> Policy:
        found = original()
        if left[0]:
            left[0] -= 1
            act()
        return found

    client.policy = policy  # type: ignore[method-assign]


def test_three_calls_to_write_one_when_there_is_nothing_to_do_and_two_to_remove(api: Api) -> None:
    client = api.client()
    client.policy()
    api.calls()
    assert write(client, adding(identity(ACME))).posts == 1
    assert api.calls() == [f"GET {ACL}", f"POST {ACL}/validate", f"POST {ACL}"]
    assert write(client, adding(identity(ACME))).posts == 0
    assert api.calls() == [f"GET {ACL}"]
    write(client, removing(identity(ACME)), removing=True)
    assert api.calls() == [f"GET {ACL}", f"POST {ACL}"]


def test_somebody_elses_change_in_between_is_kept(api: Api) -> None:
    client = api.client()
    theirs = SEED.replace("// build machines", "// build machines, and ours")
    meanwhile(client, lambda: put_policy(api, theirs))
    written = write(client, adding(identity(ACME)))
    assert written.posts == 2
    assert "and ours" in api.text
    assert names(api.text, ACME)


def test_a_write_gives_up_by_time_when_others_never_stop(api: Api) -> None:
    client = api.client(sleep=lambda _: None)
    edits = iter(range(10**3))  # far more than fit: a write without an end fails here, and does not hang
    meanwhile(client, lambda: put_policy(api, f"{SEED}// {next(edits)}\n"), times=10**3)
    with pytest.raises(ApiError, match="others changed") as raised:
        write(client, adding(identity(ACME)), patience=0.3)
    assert raised.value.status == 412
    assert not names(api.text, ACME)


@pytest.mark.parametrize("kind", ["before", "after"])
def test_a_lost_answer_to_the_post_ends_in_the_declared_state(api: Api, kind: str) -> None:
    client = api.client()
    api.faults({"kind": "reset", "method": "POST", "path": "/acl$", "when": kind, "count": 1})
    written = write(client, adding(identity(ACME)))
    assert value(api.text)["tests"][-1] == identity(ACME).sections["tests"][0]
    assert written.posts == (1 if kind == "after" else 2)


def test_server_errors_and_rate_limits_are_waited_out(api: Api) -> None:
    pauses: list[float] = []
    client = api.client(sleep=pauses.append)
    api.faults(
        {"kind": "status", "status": 429, "retryAfter": 3, "path": "/acl$", "method": "GET", "count": 1},
        {"kind": "status", "status": 500, "path": "/validate", "count": 1},
        {"kind": "status", "status": 503, "path": "/acl$", "method": "POST", "count": 1},
        {"kind": "stale-etag", "path": "/acl$", "method": "POST", "count": 1},
    )
    write(client, adding(identity(ACME)))
    assert names(api.text, ACME)
    assert 3 <= pauses[0] < 4


def test_a_policy_that_nobody_edited_yet_can_be_written() -> None:
    with running_api(None) as api:
        declared = identity(ACME).sections["tagOwners"]
        owners = {"tag:internal": ["autogroup:admin"], **declared, "tag:support-access-deployer": ["autogroup:admin"]}
        seed = Slice(part="shared", sections={"tagOwners": {tag: owners[tag] for tag in owners if tag not in declared}})
        before = api.text
        write(api.client(), adding(seed))
        assert api.text.startswith(before.rstrip().removesuffix("}").rstrip())
        assert "tag:internal" in value(api.text)["tagOwners"]


def test_without_an_etag_only_a_document_that_nobody_edited_is_written(api: Api) -> None:
    client = api.client(sleep=lambda _: None)
    original = client.policy
    client.policy = lambda: Policy(original().text, None)  # type: ignore[method-assign]
    before = api.text
    with pytest.raises(ApiError, match="without an ETag"):
        write(client, adding(identity(ACME)), patience=0.1)
    assert api.text == before


def test_tests_that_would_fail_are_told_and_nothing_is_written(api: Api) -> None:
    wrong = identity(ACME, tests=[{"src": ACME.kube_tag, "accept": ["tag:internal:443"]}])
    before = api.text
    with pytest.raises(PolicyError, match="tests of the policy document would fail") as raised:
        write(api.client(), adding(wrong))
    assert "tag:internal:443" in str(raised.value)
    assert api.text == before


def test_a_document_that_is_refused_before_us_is_not_called_ours(api: Api) -> None:
    broken = api.text.replace('"dst": ["tag:ci"]', '"dst": ["tag:nobody"]')
    api.state.data["policy"] = broken
    with pytest.raises(PolicyError, match="not this stack's doing") as raised:
        write(api.client(), adding(identity(ACME)))
    assert "tag:nobody" in str(raised.value)
    assert api.text == broken


def test_a_document_that_does_not_parse_is_left_as_it_is(api: Api) -> None:
    broken = api.text.replace('"tests": [', '"tests": [[')
    api.state.data["policy"] = broken
    for edit in (adding(identity(ACME)), removing(identity(ACME))):
        with pytest.raises(PolicyError, match="line"):
            write(api.client(), edit)
    assert api.text == broken


def test_somebodys_test_that_asks_for_removed_access_does_not_stop_the_removal(api: Api) -> None:
    client = api.client()
    for slice in (identity(ACME), access(ACME)):
        write(client, adding(slice))
    ask = '"tests": [\n    {"src": "group:highflame-sre", "accept": ["tag:kube-acme-prod:443", "tag:ci:22"]},'
    put_policy(api, api.text.replace('"tests": [', ask))
    full = api.text
    write(client, adding(identity(ACME, [])))
    assert value(api.text)["grants"] == value(SEED)["grants"]
    assert {"src": "group:highflame-sre", "accept": ["tag:ci:22"]} in value(api.text)["tests"]
    put_policy(api, full)
    write(client, removing(access(ACME)), removing=True)
    assert value(api.text)["grants"] == value(SEED)["grants"]


ADMINS = grant(ACME, "group:admins")


@pytest.mark.parametrize("named", [True, False], ids=["the server names the line", "it names none"])
def test_of_somebodys_tests_only_those_that_cannot_hold_go_and_it_is_told(
    api: Api, named: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_policy(api, api.text.replace('"groups": {', '"groups": {\n    "group:admins": ["eve@example.com"],'))
    client = api.client()
    for slice in (identity(ACME, [grant(ACME), ADMINS]), access(ACME, [grant(ACME), ADMINS])):
        write(client, adding(slice))
    holds = '    {"src": "group:highflame-sre", "accept": ["tag:kube-acme-prod:443"]}, // they must get in\n'
    fails = '    {"src": "group:admins", "accept": ["tag:kube-acme-prod:443", ], "deny": ["tag:ci:22"]},\n'
    put_policy(api, api.text.replace('"tests": [\n', f'"tests": [\n{holds}{fails}'))
    if not named:
        monkeypatch.setattr(document, "failing_tests", lambda data: set())
    api.calls()
    written = write(client, adding(identity(ACME, [grant(ACME)])))
    assert ADMINS not in value(api.text)["grants"]
    assert {"src": "group:admins", "accept": [], "deny": ["tag:ci:22"]} in value(api.text)["tests"]
    assert (holds in api.text) is named
    (warning,) = written.warnings
    assert warning.startswith("tests of others that ask for what goes are changed:")
    assert "group:admins" in warning
    assert ("group:highflame-sre" in warning) is not named
    assert api.calls() == [f"GET {ACL}", *[f"POST {ACL}/validate"] * 2, f"POST {ACL}"]


@pytest.mark.parametrize("left", [["ann@example.com"], []], ids=["one of two", "the last one"])
def test_a_persons_test_does_not_keep_somebody_in_a_group(api: Api, left: list[str]) -> None:
    """One edit takes an engineer out everywhere, whatever somebody's test asks for."""
    client = api.client()

    def sre(*members: str) -> Slice:
        return Slice(part="shared", sections={"groups": {"group:sre": list(members)}})

    write(client, adding(sre("bob@example.com", *left)))
    grants = '"grants": [\n    {"src": ["group:sre"], "dst": ["tag:internal"], "ip": ["tcp:22"]},'
    asks = [f'    {{"src": "{who}", "accept": ["tag:internal:22"]}},\n' for who in ("bob@example.com", "group:sre")]
    other = '    {"src": "group:sre", "deny": ["tag:internal:23"]},\n'
    text = api.text.replace('"grants": [', grants).replace('"tests": [\n', f'"tests": [\n{"".join(asks)}{other}')
    put_policy(api, text)
    written = write(client, adding(sre(*left)))
    assert value(api.text)["groups"]["group:sre"] == left
    assert [ask in api.text for ask in asks] == [False, True], "what the server does not name goes on guarding"
    assert other in api.text
    assert "bob@example.com" in written.warnings[0]


def test_who_is_in_a_group_no_longer_and_who_is_nobody_any_more_may_lose_tests() -> None:
    before = {
        "Groups": {"group:a": ["Ann@example.com", "bob@example.com"], "group:b": ["eve@example.com"], "group:c": []}
    }
    after = {"groups": {"group:a": ["bob@example.com", "ada@example.com"]}}
    outcome = Outcome("", before, after)
    assert document._left_groups(outcome) == {"ann@example.com", "eve@example.com", "group:b"}


def test_a_test_of_somebody_who_stays_still_stops_the_change(api: Api) -> None:
    client = api.client()
    write(client, adding(Slice(part="shared", sections={"groups": {"group:sre": ["bob@example.com"]}})))
    ask = '    {"src": "ann@example.com", "accept": ["tag:ci:22"]},\n'
    put_policy(api, api.text.replace('"tests": [\n', f'"tests": [\n{ask}'))
    before = api.text

    def edit(text: str, _: bool) -> Outcome:
        outcome = applied(text, Slice(part="shared", sections={"groups": {"group:sre": []}}))
        narrower = outcome.text.replace('"dst": ["tag:ci"], "ip": ["*"]', '"dst": ["tag:ci"], "ip": ["tcp:80"]')
        return replace(outcome, text=narrower, after=read(narrower))

    with pytest.raises(PolicyError, match="would fail"):
        write(client, edit)
    assert api.text == before


def test_a_save_that_is_refused_after_others_wrote_is_judged_anew(api: Api) -> None:
    """The second attempt does without validation, as the first had passed: here somebody has added a test since."""
    pauses = iter(range(5))
    client = api.client(sleep=lambda _: next(pauses))
    for slice in (identity(ACME), access(ACME)):
        write(client, adding(slice))
    ask = '    {"src": "group:highflame-sre", "accept": ["tag:kube-acme-prod:443", "tag:ci:22"]},\n'
    meanwhile(client, lambda: put_policy(api, api.text.replace('"tests": [\n', f'"tests": [\n{ask}')))
    api.calls()
    written = write(client, adding(identity(ACME, [])))
    assert value(api.text)["grants"] == value(SEED)["grants"]
    assert {"src": "group:highflame-sre", "accept": ["tag:ci:22"]} in value(api.text)["tests"]
    assert written.posts == 3
    saves = [call for call in api.calls() if call == f"POST {ACL}"]
    assert len(saves) == 4, "one of them the person's"


def test_a_test_that_names_nothing_of_the_environment_is_never_taken_out(api: Api) -> None:
    """It fails because a way through the environment goes, but whether it still means something a person must say."""
    net = ACME.svc_tag("net")
    put_policy(api, api.text.replace('"groups": {', '"groups": {\n    "group:admins": ["eve@example.com"],'))
    through = {"src": ["group:admins"], "dst": ["10.2.0.0/16"], "ip": ["*"], "via": [net]}
    owners = {**identity(ACME).sections["tagOwners"], net: [ACME.kube_tag]}
    client = api.client()
    for slice in (identity(ACME, [ADMINS, through], tagOwners=owners), access(ACME, [ADMINS, through])):
        write(client, adding(slice))
    about = '    {"src": "group:admins", "accept": ["tag:kube-acme-prod:443"]},\n'
    theirs = '    {"src": "group:admins", "accept": ["10.2.0.7:443"]},\n'
    put_policy(api, api.text.replace('"tests": [\n', f'"tests": [\n{about}{theirs}'))
    before = api.text
    with pytest.raises(PolicyError, match="tests of the policy document would fail") as raised:
        write(client, adding(identity(ACME, [], tagOwners=owners)))
    assert "10.2.0.7:443" in str(raised.value)
    assert api.text == before


def test_an_empty_policy_and_an_unconditional_save_are_impossible(api: Api) -> None:
    client = api.client()
    with pytest.raises(ValueError, match="resets the tailnet"):
        client.save_policy(" \n", '"x"')
    for etag in ("", '""'):
        with pytest.raises(ValueError, match="If-Match"):
            client.save_policy("{}", etag)


def test_a_crash_between_any_two_calls_is_mended_by_the_next_run(api: Api) -> None:
    class CrashError(Exception):
        pass

    steps: list[tuple[Slice, bool]] = [
        (identity(ACME), False),
        (access(ACME), False),
        (access(ACME), True),
        (identity(ACME), True),
    ]
    for slice, remove in steps:
        edit = removing(slice) if remove else adding(slice)
        for last_call in range(5):
            client = api.client()
            send, made = client._call, [0]

            def crashing(*args: object, _send=send, _made=made, _last=last_call, **kwargs: object) -> object:
                if _made[0] == _last:
                    raise CrashError
                _made[0] += 1
                return _send(*args, **kwargs)

            client._call = crashing  # type: ignore[method-assign]
            try:
                write(client, edit, removing=remove)
            except CrashError:
                value(api.text)  # whole at every moment
        written = write(api.client(), edit, removing=remove)
        assert written.posts == 0, "the run that was not stopped had finished"
    assert value(api.text) == {**value(SEED), "autoApprovers": {"services": {}}}
