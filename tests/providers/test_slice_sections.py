"""Every section that an environment's slices may declare: written, narrowed by identity and removed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.ownership import canonical, mentioned_names
from providers.tailnet.slice import applied, removed
from providers.tailnet.slice_import import taken
from tests.providers.policies import ACME, FOREIGN, identity, names, value
from tests.providers.tailnet_api import SEED, Api
from tests.providers.test_resources import Stack
from tests.providers.whole_slices import (
    ACCESS,
    ACCESS_INPUTS,
    ACL,
    GRANT,
    GROUP,
    HOST,
    IDENTITY,
    IDENTITY_INPUTS,
    LIMITED,
    NET,
    POSTURE,
    SSH,
    whole_access,
    whole_identity,
)

ENTRIES = ("grants", "acls", "ssh")
NAMED = ("postures", "groups", "hosts")


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    stack = Stack(api)
    yield stack
    stack.provider.close()


def live(text: str = FOREIGN) -> str:
    """acme-prod with every section."""
    return applied(applied(text, whole_identity()).text, whole_access()).text


def without(sections: dict[str, Any], *entries: Any) -> dict[str, Any]:
    """The sections without these entries of lists and these names."""
    return {
        section: [entry for entry in content if entry not in entries]
        if isinstance(content, list)
        else {name: inner for name, inner in content.items() if name not in entries}
        for section, content in sections.items()
    }


def in_section(document: dict[str, Any], section: str, what: Any) -> bool:
    return what in document.get(section, ())


# --- written and removed -----------------------------------------------------------------------------------


def test_every_section_is_written_read_back_and_removed(api: Api, stack: Stack) -> None:
    assert stack.up("PolicySlice", IDENTITY_INPUTS)["status"] == "written"
    assert not any(value(api.text).get(section) for section in ("acls", "ssh", "postures", "hosts"))
    assert stack.up("PolicySlice", ACCESS_INPUTS)["status"] == "written"
    for part, inputs in (("identity", IDENTITY_INPUTS), ("access", ACCESS_INPUTS)):
        assert stack.refresh("PolicySlice", part) == {**inputs, "status": "written"}
        assert stack.diff("PolicySlice", inputs) == {}
    written = api.text
    for inputs in (IDENTITY_INPUTS, ACCESS_INPUTS):
        stack.up("PolicySlice", inputs)
    assert api.text == written
    stack.destroy("PolicySlice", "access")
    stack.destroy("PolicySlice", "identity")
    left = value(api.text)
    assert left.pop("autoApprovers") == {"routes": {}, "exitNode": [], "services": {}}
    assert {section: content for section, content in left.items() if content} == value(SEED)
    assert stack.log.warnings == []


@pytest.mark.parametrize("section", ACCESS)
def test_destroying_access_takes_the_section_and_leaves_identity(section: str) -> None:
    after = removed(live(), whole_access()).after
    assert (after[section] or None) == (value(FOREIGN).get(section) or None)
    assert {name: after[name] for name in ("autoApprovers", "nodeAttrs", "sshTests")} == {
        name: IDENTITY[name] for name in ("autoApprovers", "nodeAttrs", "sshTests")
    }
    assert IDENTITY["tagOwners"].items() <= after["tagOwners"].items()


@pytest.mark.parametrize("part", ["identity alone", "access first"])
def test_destroying_identity_leaves_no_section_behind(part: str) -> None:
    text = live() if part == "identity alone" else removed(live(), whole_access()).text
    outcome = removed(text, whole_identity())
    assert not names(outcome.text, ACME)
    assert not any(name in outcome.text for name in (GROUP, POSTURE, HOST, *ACME.chain_tags))
    assert outcome.warnings == ()


# --- narrowed ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("section", "what", "with_it"),
    [
        ("grants", LIMITED, ()),
        ("acls", ACL, ()),
        ("ssh", SSH, ()),
        ("postures", POSTURE, (LIMITED,)),
        ("groups", GROUP, (LIMITED, SSH)),
        ("hosts", HOST, (ACL,)),
    ],
)
def test_identity_takes_from_access_what_is_no_longer_declared(
    section: str, what: Any, with_it: tuple[Any, ...]
) -> None:
    smaller = without(ACCESS, what, *with_it)
    before, after = value(live()), applied(live(), whole_identity(declared=smaller)).after
    assert in_section(before, section, what)
    assert not in_section(after, section, what)
    for other in ACCESS:
        assert all(in_section(after, other, kept) for kept in smaller[other]), "what is still declared stays"


@pytest.mark.parametrize(("section", "name"), [("postures", POSTURE), ("groups", GROUP), ("hosts", HOST)])
def test_a_name_stays_while_an_entry_of_others_needs_it_and_is_reported(section: str, name: str) -> None:
    line = {
        "postures": f'{{"src": ["tag:ci"], "srcPosture": ["{POSTURE}"], "dst": ["tag:internal"], "ip": ["*"]}}',
        "groups": f'{{"src": ["{GROUP}"], "dst": ["tag:internal"], "ip": ["*"]}}',
        "hosts": f'{{"src": ["tag:ci"], "dst": ["{HOST}"], "ip": ["*"]}}',
    }[section]
    text = live().replace('"grants": [\n', f'"grants": [\n    {line},\n')
    assert in_section(applied(text, whole_identity(declared={"grants": [GRANT]})).after, section, name)
    outcome = removed(text, whole_identity())
    assert in_section(outcome.after, section, name)
    assert line in outcome.text
    assert any(f"{name} stays" in warning for warning in outcome.warnings)


@pytest.mark.parametrize(
    ("path", "kept"),
    [
        (("autoApprovers", "routes"), {}),
        (("autoApprovers", "exitNode"), []),
        (("autoApprovers", "services"), {}),
        (("nodeAttrs",), []),
        (("tests",), value(FOREIGN)["tests"]),
        (("sshTests",), []),
    ],
)  # fmt: skip
def test_identity_takes_from_its_own_sections_what_is_no_longer_declared(path: tuple[str, ...], kept: Any) -> None:
    section, *inner = path
    content = {kind: what for kind, what in IDENTITY[section].items() if kind not in inner} if inner else []
    before = value(live())
    after = applied(live(), whole_identity({**IDENTITY, section: content})).after
    (expected := value(live()))[section] = {**before[section], inner[0]: kept} if inner else kept
    assert after == expected
    assert after != before


def test_a_tag_that_is_no_longer_declared_goes_with_all_that_names_it() -> None:
    after = applied(live(), identity(ACME, [GRANT])).text
    assert NET not in after
    assert IDENTITY["tagOwners"].keys() - {NET} <= value(after)["tagOwners"].keys()


def test_who_leaves_a_declared_group_is_out_before_access_is_written() -> None:
    smaller = {**ACCESS, "groups": {GROUP: ["bob@example.com"]}}
    assert applied(live(), whole_identity(declared=smaller)).after["groups"][GROUP] == ["bob@example.com"]


def test_who_joins_a_declared_group_comes_in_with_access_only() -> None:
    larger = {**ACCESS, "groups": {GROUP: ["ann@example.com", "eve@example.com"]}}
    outcome = applied(live(), whole_identity(declared=larger))
    assert outcome.after["groups"][GROUP] == ["ann@example.com"]
    assert applied(outcome.text, whole_access(larger)).after["groups"][GROUP] == larger["groups"][GROUP]


@pytest.mark.parametrize(
    ("address", "at_identity"),
    [
        ("10.7.1.0/24", "10.7.1.0/24"),
        ("10.7.1.9", "10.7.1.9"),
        ("10.0.0.0/8", "10.7.0.0/16"),
        ("0.0.0.0/0", "10.7.0.0/16"),
    ],
)
def test_a_hosts_address_becomes_narrower_at_identity_and_wider_at_access(address: str, at_identity: str) -> None:
    declared = {**ACCESS, "hosts": {HOST: address}}
    outcome = applied(live(), whole_identity(declared=declared))
    assert outcome.after["hosts"] == {HOST: at_identity}
    assert ACL in outcome.after["acls"]
    after = applied(outcome.text, whole_access(declared)).after
    assert after["hosts"] == {HOST: address}
    assert after["acls"] == [ACL]


@pytest.mark.parametrize("address", ["192.168.0.0/24", "fd7a::/64", "10.8.0.0/16"])
def test_the_way_to_a_host_that_moves_goes_first_and_comes_back_last(address: str) -> None:
    declared = {**ACCESS, "hosts": {HOST: address}}
    outcome = applied(live(), whole_identity(declared=declared))
    assert outcome.after["acls"] == []
    assert outcome.after["hosts"] == {}
    after = applied(outcome.text, whole_access(declared)).after
    assert (after["acls"], after["hosts"]) == ([ACL], {HOST: address})


def test_what_somebody_added_under_our_own_service_goes_and_under_a_shared_route_stays() -> None:
    text = live().replace(
        f'"{ACME.kube_tag}": ["{ACME.kube_tag}"]', f'"{ACME.kube_tag}": ["{ACME.kube_tag}", "tag:ci"]'
    )
    text = text.replace(f'"10.7.0.0/16": ["{NET}"]', f'"10.7.0.0/16": ["{NET}", "tag:ci"]')
    assert text.count('"tag:ci"]') == live().count('"tag:ci"]') + 2
    approvers = applied(text, whole_identity()).after["autoApprovers"]
    assert approvers["services"] == {ACME.kube_tag: [ACME.kube_tag]}
    assert approvers["routes"] == {"10.7.0.0/16": [NET, "tag:ci"]}
    assert removed(text, whole_identity()).after["autoApprovers"]["routes"] == {"10.7.0.0/16": ["tag:ci"]}


SOME = st.builds(
    lambda entries: without(ACCESS, *entries), st.sets(st.sampled_from(range(5))).map(lambda picked: [
        entry for index, entry in enumerate((GRANT, LIMITED, ACL, SSH)) if index in picked
    ])
).map(lambda sections: closed(sections))  # fmt: skip


def closed(sections: dict[str, Any]) -> dict[str, Any]:
    """The sections with only those names that their entries need, and no empty section."""
    needed = mentioned_names({section: sections[section] for section in ENTRIES})
    named = {section: {n: x for n, x in sections[section].items() if n in needed} for section in NAMED}
    return {section: content for section, content in {**sections, **named}.items() if content}


def ours(document: dict[str, Any]) -> set[str]:
    """The environment's access in a document, one text per entry or name."""
    found = taken("access/acme/prod", document)
    return parts(found.inputs["sections"]) if found else set()


def parts(sections: dict[str, Any]) -> set[str]:
    return {
        canonical([section, one, content[one]] if isinstance(content, dict) else [section, one])
        for section, content in sections.items()
        for one in content
    }


@given(SOME, SOME)
def test_from_any_access_to_any_other_identity_only_takes_and_access_completes(
    first: dict[str, Any], then: dict[str, Any]
) -> None:
    text = applied(applied(FOREIGN, whole_identity(declared=first)).text, whole_access(first)).text
    assert ours(value(text)) == parts(first)
    outcome = applied(text, whole_identity(declared=then))
    assert ours(outcome.after) == parts(first) & parts(then)
    assert ours(applied(outcome.text, whole_access(then)).after) == parts(then)
