"""What people wrote about an environment: shown as they wrote it before `up` removes it, and nothing else removed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from providers.tailnet.foreign import LONGEST, foreign_entries
from providers.tailnet.slice import applied, settled
from tests.providers.policies import ACME, GLOBEX, access, identity, names, value
from tests.providers.tailnet_api import SEED, Api, put_policy
from tests.providers.test_resources import ACCESS, IDENTITY, Stack

WRITTEN = """\
    // ann: to look at the outage,
    // until Friday
    {"src": ["autogroup:member"], "dst":["tag:kube-acme-prod"],   "ip": ["*"]}, // too wide?
"""
SHOWN = """\
grants: // ann: to look at the outage,
// until Friday
{"src": ["autogroup:member"], "dst":["tag:kube-acme-prod"],   "ip": ["*"]} // too wide?"""


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    """acme-prod is up, and globex-prod stands in the document beside it."""
    put_policy(api, applied(applied(SEED, identity(GLOBEX)).text, access(GLOBEX)).text)
    stack = Stack(api)
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    yield stack
    stack.provider.close()


def write_by_hand(text: str, lines: str, section: str = "grants") -> str:
    head = f'"{section}": [\n'
    assert text.count(head) == 1
    return text.replace(head, head + lines)


def shown(text: str) -> list[str]:
    return foreign_entries(text, *settled(text, identity(ACME)))


# --- through the provider ----------------------------------------------------------------------------------


def test_a_refresh_shows_the_persons_words_and_the_next_up_removes_them(api: Api, stack: Stack) -> None:
    clean = api.text
    assert "foreign" not in stack.refresh("PolicySlice", "identity")
    put_policy(api, write_by_hand(clean, WRITTEN))
    assert stack.refresh("PolicySlice", "identity")["foreign"] == [SHOWN]
    assert any(SHOWN in line for line in stack.log.infos)
    assert stack.diff("PolicySlice", IDENTITY) == {"foreign[0]": "delete"}
    assert "foreign" not in stack.up("PolicySlice", IDENTITY)
    above = "".join(WRITTEN.splitlines(keepends=True)[:2])
    assert api.text == write_by_hand(clean, above), "a comment on lines of its own may be about more than the entry"
    assert "foreign" not in stack.refresh("PolicySlice", "identity")
    assert stack.diff("PolicySlice", IDENTITY) == {}


def test_a_foreign_entry_is_no_input_of_the_program(api: Api, stack: Stack) -> None:
    put_policy(api, write_by_hand(api.text, WRITTEN))
    state = stack.refresh("PolicySlice", "identity")
    assert {name: state[name] for name in IDENTITY} == IDENTITY
    assert "foreign" not in stack.refresh("PolicySlice", "access")
    assert stack.diff("PolicySlice", ACCESS) == {}


def test_a_preview_without_refresh_tells_it_too_and_writes_nothing(api: Api, stack: Stack) -> None:
    drifted = write_by_hand(api.text, WRITTEN)
    put_policy(api, drifted)
    assert stack.diff("PolicySlice", IDENTITY) == {"sections.grants": "update"}
    assert any(SHOWN in line and "`up` makes it" in line for line in stack.log.infos)
    assert api.text == drifted


def test_a_destroy_takes_it_away_without_an_up_between(api: Api, stack: Stack) -> None:
    put_policy(api, write_by_hand(api.text, WRITTEN))
    stack.refresh("PolicySlice", "identity")
    stack.destroy("PolicySlice", "access")
    assert not [entry for entry in value(api.text)["grants"] if "autogroup:member" in entry["src"]]
    stack.destroy("PolicySlice", "identity")
    assert not names(api.text, ACME)
    assert value(api.text)["grants"] == [*value(SEED)["grants"], *access(GLOBEX).sections["grants"]]


@pytest.mark.parametrize("field", ["src", "dst"])
def test_of_an_entry_of_two_environments_only_our_element_goes(api: Api, stack: Stack, field: str) -> None:
    other = {"src": '"dst": ["tag:ci"]', "dst": '"src": ["tag:ci"]'}[field]
    ours = f'["{ACME.kube_tag}", "{GLOBEX.kube_tag}" /* both */]'
    line = f'    // compares the two\n    {{"{field}":  {ours}, {other},   "ip": ["tcp:443"]}}, // nightly\n'
    put_policy(api, write_by_hand(api.text, line))
    drifted = api.text
    (found,) = stack.refresh("PolicySlice", "identity")["foreign"]
    assert found.startswith("grants: // compares the two\n")
    stack.up("PolicySlice", IDENTITY)
    assert api.text == drifted.replace(f'"{ACME.kube_tag}", "{GLOBEX.kube_tag}" /*', f'"{GLOBEX.kube_tag}" /*')
    assert "foreign" not in stack.refresh("PolicySlice", "identity")


def test_a_rule_about_a_chain_tag_is_not_ours_keeps_the_tag_and_is_reported(api: Api, stack: Stack) -> None:
    line = f'    {{"src": ["{ACME.proxy_tag}"], "dst": ["tag:internal"], "ip": ["tcp:443"]}}, // mirror\n'
    put_policy(api, write_by_hand(api.text, line))
    assert "foreign" not in stack.refresh("PolicySlice", "identity")
    assert stack.diff("PolicySlice", IDENTITY) == {}
    stack.destroy("PolicySlice", "access")
    stack.destroy("PolicySlice", "identity")
    assert line in api.text
    owners = value(api.text)["tagOwners"]
    assert {ACME.proxy_tag, ACME.operator_tag} <= owners.keys()
    assert not {ACME.customer_tag, ACME.kube_tag} & owners.keys()
    for tag in (ACME.proxy_tag, ACME.operator_tag):
        assert any(f"{tag} stays in the policy document" in warning for warning in stack.log.warnings)


def test_what_was_killed_is_still_read_with_what_people_wrote(api: Api, stack: Stack) -> None:
    text = write_by_hand(api.text, WRITTEN).replace('"groups": {', f'"groups": {{\n    "{ACME.killed_group}": [],')
    put_policy(api, text)
    assert SHOWN in stack.refresh("PolicySlice", "identity")["foreign"]


# --- which text --------------------------------------------------------------------------------------------


def live() -> str:
    return applied(applied(SEED, identity(ACME)).text, access(ACME)).text


ENTRY = '{"src": ["*"], "dst": ["tag:kube-acme-prod"], "ip": ["*"]}'


@pytest.mark.parametrize(
    ("lines", "text"),
    [
        (f"    {ENTRY},\n", ENTRY),
        (f"    // said of it\n    {ENTRY},\n", f"// said of it\n{ENTRY}"),
        (f"    // of the section\n\n    {ENTRY},\n", ENTRY),
        (f"    {ENTRY}, // behind\n", f"{ENTRY} // behind"),
        (f"    {ENTRY} /* a */, // b\n", f"{ENTRY} /* a */ // b"),
        (f"    {ENTRY} /* a */,\n", f"{ENTRY} /* a */"),
        (f"    {ENTRY}, /* a */ /* b */\n", f"{ENTRY} /* a */ /* b */"),
        (f"    /* before */ {ENTRY},\n", f"/* before */ {ENTRY}"),
        (f"    {ENTRY},\n    // of the next\n", ENTRY),
        (f"    // ümläut → 日本\n    {ENTRY},\n", f"// ümläut → 日本\n{ENTRY}"),
    ],
)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_comments_that_belong_to_an_entry_are_shown_and_no_others(lines: str, text: str, newline: str) -> None:
    document = write_by_hand(live(), lines).replace("\n", newline)
    assert shown(document) == [f"grants: {text}"]


def test_an_entry_of_many_lines_keeps_its_shape_without_the_common_indentation() -> None:
    lines = '    {\n      "src": ["*"], // all\n      "dst": ["tag:kube-acme-prod"],\n      "ip": ["*"],\n    },\n'
    (found,) = shown(write_by_hand(live(), lines))
    assert found == 'grants: {\n  "src": ["*"], // all\n  "dst": ["tag:kube-acme-prod"],\n  "ip": ["*"],\n}'


def test_equal_entries_are_shown_once_each_with_their_own_comments() -> None:
    lines = f"    {ENTRY}, // ann\n    {ENTRY}, // bob\n"
    assert shown(write_by_hand(live(), lines)) == [f"grants: {ENTRY} // ann", f"grants: {ENTRY} // bob"]


def test_what_is_declared_and_what_is_others_is_never_shown() -> None:
    assert shown(live()) == []
    assert shown(applied(applied(live(), identity(GLOBEX)).text, access(GLOBEX)).text) == []
    assert shown(SEED) == []


def test_an_owner_that_somebody_added_to_our_tag_is_shown_with_the_whole_line() -> None:
    line = f'"{ACME.kube_tag}": ["tag:support-access-deployer"],'
    assert live().count(line) == 1
    wider = line.replace('["', '["autogroup:member", "').replace("],", "], // for a day")
    (found,) = shown(live().replace(line, wider))
    assert found == f'tagOwners["{ACME.kube_tag}"]: {wider.replace("],", "]")}'


def test_a_long_entry_is_cut_and_says_so() -> None:
    users = ", ".join(f'"user{number}@example.com"' for number in range(100))
    (found,) = shown(write_by_hand(live(), f'    {{"src": [{users}], "dst": ["{ACME.kube_tag}"], "ip": ["*"]}},\n'))
    assert len(found) < LONGEST + 60
    assert found.endswith("more characters)")
