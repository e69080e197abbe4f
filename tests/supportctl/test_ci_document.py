"""What a program writes and does not say of itself is found, and what narrows is not taken for it."""

from __future__ import annotations

from typing import Any

import pytest

from supportctl.ci.document import untold
from supportctl.ci.model import Slice

ENTRY: dict[str, Any] = {"from": "group:sre", "as": {"group": "sre"}, "role": "view", "posture": []}
GRANT: dict[str, Any] = {
    "src": ["group:sre"],
    "dst": ["tag:kube-acme-prod"],
    "ip": ["tcp:443"],
    "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["sre"]}}]},
}
BOUND = GRANT | {"srcPosture": ["posture:acme-prod-mac"]}
MAC, TWO = {"posture:acme-prod-mac": ["a"]}, {"posture:acme-prod-mac": ["a", "b"]}


def found(
    before: dict[str, Any], after: dict[str, Any], old: Any = None, new: Any = None, *, more: bool = False
) -> list[str]:
    slices = [Slice(name="s", part="access", before=before, after=after)]
    return untold("acme-prod", slices, old or {}, new or {}, more_is_told=more)


def sections(*grants: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"grants": list(grants), **more}


def test_what_a_new_entry_of_the_settings_says_is_told() -> None:
    assert found(sections(), sections(GRANT), {"access": []}, {"access": [ENTRY]}) == []
    assert found(sections(), sections(GRANT), {"access": [ENTRY]}, {"access": [ENTRY]}) != []


@pytest.mark.parametrize(
    "bent",
    [
        {"src": ["*"]},
        {"src": ["group:sre", "group:all"]},
        {"dst": ["tag:kube-acme-prod", "tag:kube-globex-prod"]},
        {"ip": ["*"]},
        {"app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["system:masters"]}}]}},
        {"app": {"https://tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["sre"]}}]}},
        {"via": ["tag:svc-acme-prod-net"], "dst": ["10.0.0.0/8"]},
    ],
)
def test_a_grant_that_gives_more_than_its_entry_says_is_untold(bent: dict[str, Any]) -> None:
    assert found(sections(), sections(GRANT | bent), {"access": []}, {"access": [ENTRY]}, more=True)
    assert found(sections(GRANT), sections(GRANT | bent)), "beside what stood"


def test_a_grant_without_the_device_that_its_entry_asks_for_is_untold() -> None:
    asked = ENTRY | {"posture": ["a"]}
    assert found(sections(), sections(GRANT), {"access": []}, {"access": [asked]}, more=True)
    assert found(sections(), sections(BOUND, postures=MAC), {"access": []}, {"access": [asked]}, more=True) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (sections(GRANT), sections(GRANT)),
        (sections(GRANT), sections()),
        (sections(GRANT | {"ip": ["tcp:80", "tcp:443"]}), sections(GRANT)),
        (sections(GRANT), sections(BOUND, postures=MAC)),
        (sections(BOUND, postures=MAC), sections(BOUND, postures=TWO)),
        (
            sections(BOUND, postures=MAC),
            sections(GRANT | {"srcPosture": ["posture:acme-prod-x"]}, postures={"posture:acme-prod-x": ["b", "a"]}),
        ),
        (
            {"groups": {"group:sre": ["ada@example.com", "lin@example.com"]}},
            {"groups": {"group:sre": ["lin@example.com"]}},
        ),
    ],
)
def test_what_narrows_is_none(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert found(before, after) == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (sections(BOUND, postures=MAC), sections(GRANT)),
        (sections(BOUND, postures=TWO), sections(BOUND, postures=MAC)),
        (sections(BOUND), sections(BOUND | {"srcPosture": ["posture:shared"]})),
        ({"postures": {"posture:managed": ["a", "b"]}}, {"postures": {"posture:managed": ["a"]}}),
        ({"groups": {"group:sre": []}}, {"groups": {"group:sre": ["eve@example.com"]}}),
        ({}, {"acls": [{"action": "accept", "src": ["*"], "dst": ["*:*"]}]}),
        ({}, {"ssh": [{"action": "accept", "src": ["*"], "dst": ["tag:kube-acme-prod"]}]}),
    ],
)
def test_what_lets_in_more_is_told_also_beside_other_sentences(before: dict[str, Any], after: dict[str, Any]) -> None:
    assert found(before, after)
    assert found(before, after, more=True)


@pytest.mark.parametrize(
    "after",
    [
        {"hosts": {"acme-prod-x": "0.0.0.0/0"}},
        {"nodeAttrs": [{"target": ["*"], "attr": ["funnel"]}]},
        {"tagOwners": {"tag:kube-acme-prod": ["autogroup:member"]}},
        {"autoApprovers": {"routes": {"0.0.0.0/0": ["tag:kube-acme-prod"]}}},
    ],
)
def test_what_gives_grants_their_meaning_comes_with_a_sentence_or_is_shown(after: dict[str, Any]) -> None:
    assert found({}, after)
    assert found({}, after, more=True) == []
    assert found(after, {}) == found(after, after) == [], "what goes lets in nobody"


def test_an_owner_or_a_route_more_is_told_by_its_names() -> None:
    before = {"tagOwners": {"tag:x": ["tag:a"]}, "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:x"]}}}
    after = {"tagOwners": {"tag:x": ["tag:a", "tag:b"]}, "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:x"]}}}
    assert found(before, after) == ["tagOwners: tag:x: tag:b"]
    assert found(after, before) == []


def test_a_member_that_the_outputs_name_is_told() -> None:
    before, after = {"groups": {"group:sre": []}}, {"groups": {"group:sre": ["lin@example.com"]}}
    assert found(before, after, {"groups": {"group:sre": []}}, {"groups": {"group:sre": ["lin@example.com"]}}) == []


def test_an_exposures_own_grant_is_told_and_another_is_not() -> None:
    own = {"src": ["group:sre"], "dst": ["tag:svc-acme-prod-db"], "ip": ["tcp:5432"]}
    outputs = {"exposures": [{"name": "db", "grants": [own]}]}
    assert found(sections(), sections(own), {}, outputs, more=True) == []
    assert found(sections(), sections(own | {"ip": ["*"]}), {}, outputs, more=True)
    assert found(sections(), sections(own), outputs, outputs), "no sentence tells of what stood"


@pytest.mark.parametrize("key", ["src", "dst", "ip"])
def test_a_list_that_is_written_as_a_text_is_not_compared_letter_by_letter(key: str) -> None:
    """Every letter of `a` is in `ab`, and they are two names."""
    assert found(sections(GRANT | {key: "tag:abc"}), sections(GRANT | {key: "tag:ab"})) != []
    assert found(sections(GRANT | {key: ["tag:ab"]}), sections(GRANT | {key: "tag:ab"})) == []
