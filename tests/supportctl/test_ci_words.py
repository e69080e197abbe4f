"""The sentences: every way in is told as granted, and only what provably narrows is not."""

from __future__ import annotations

from typing import Any

import pytest

from supportctl.ci.words import standing, words

SRE: dict[str, Any] = {"from": "group:sre", "as": {"group": "sre"}, "role": "read-only", "posture": []}
ADMIN = SRE | {"role": "cluster-admin", "reason": "repairs of the product", "until": "2027-01-31"}
NAMED = SRE | {"role": "namespaces", "namespaces": ["shop", "web"]}


def access(before: list[dict[str, Any]], after: list[dict[str, Any]]) -> tuple[list[str], list[str]]:
    found = words({"access": before}, {"access": after})
    return list(map(str, found.granted)), list(map(str, found.taken))


def test_who_comes_is_granted_with_all_that_bounds_them() -> None:
    granted, taken = access([], [ADMIN | {"posture": ["node:os == 'macos'"]}])
    assert taken == []
    assert granted == [
        "`group:sre` gets in as the group `sre` of the cluster, with the role `cluster-admin`, from a device for which"
        " `node:os == 'macos'` holds, until the end of `2027-01-31` (UTC), because `repairs of the product`."
    ]


def test_who_comes_a_second_time_is_told() -> None:
    granted, taken = access([SRE], [SRE, SRE])
    assert (len(granted), taken) == (1, [])


def test_who_goes_is_taken_away() -> None:
    granted, taken = access([SRE], [])
    assert granted == []
    assert taken[0].startswith("`group:sre` gets in no more as the group `sre`")


def test_order_is_no_change() -> None:
    other = SRE | {"from": "ada@example.com", "as": {"user": "ada@example.com"}}
    assert access([SRE, other], [other, SRE]) == ([], [])


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (SRE, ADMIN),
        (SRE, SRE | {"role": "view"}),
        (ADMIN, ADMIN | {"until": "2028-01-31"}),
        (ADMIN, {name: value for name, value in ADMIN.items() if name != "until"}),
        (NAMED, NAMED | {"namespaces": ["shop", "other"]}),
        (SRE | {"posture": ["a", "b"]}, SRE | {"posture": ["a"]}),
        (SRE | {"posture": ["a"]}, SRE | {"posture": ["b"]}),
        (SRE | {"suspended": True}, SRE),
        (SRE, SRE | {"something": "new"}),
        (
            SRE | {"role": "custom", "rules": [{"verbs": ["get"]}]},
            SRE | {"role": "custom", "rules": [{"verbs": ["*"]}]},
        ),
        (ADMIN, ADMIN | {"until": "2026-12-31", "posture": [], "namespaces": ["shop"]}),
    ],
)
def test_what_is_not_provably_narrower_counts_as_granted(before: dict[str, Any], after: dict[str, Any]) -> None:
    granted, taken = access([before], [after])
    assert len(granted) == 1
    assert taken == []


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (ADMIN, ADMIN | {"until": "2026-12-31"}),
        (NAMED, NAMED | {"namespaces": ["shop"]}),
        (SRE, SRE | {"posture": ["a"]}),
        (SRE, SRE | {"suspended": True}),
        (ADMIN, ADMIN | {"reason": "repairs of the shop"}),
    ],
)
def test_what_narrows_counts_as_taken_away(before: dict[str, Any], after: dict[str, Any]) -> None:
    granted, taken = access([before], [after])
    assert granted == []
    assert len(taken) == 1


def test_one_source_as_two_subjects_is_two_ways_in() -> None:
    granted, taken = access([SRE], [SRE | {"as": {"group": "admins"}}])
    assert len(granted) == len(taken) == 1


def test_who_joins_a_group_is_told_with_what_the_group_is_good_for() -> None:
    before, after = {"groups": {"group:sre": ["ada@example.com"]}}, {"groups": {"group:sre": ["lin@example.com"]}}
    found = words(before, after, {"group:sre": [("acme-prod", "view")]})
    assert found.granted == ["`lin@example.com` joins `group:sre`, which gets into `acme-prod` as `view`."]
    assert found.taken == ["`ada@example.com` leaves `group:sre`, which gets into `acme-prod` as `view`."]


def test_a_rota_grants_to_all_who_take_turns() -> None:
    shift = {"now": ["ada@example.com"], "next": [], "handover": "2026-11-23T09:00:00+01:00"}
    before = {"onCall": {"group:oncall": shift | {"everybody": ["ada@example.com"]}}}
    after = {"onCall": {"group:oncall": shift | {"everybody": ["ada@example.com", "lin@example.com"]}}}
    assert words(before, after).granted == ["`lin@example.com` joins the rota of `group:oncall` and is in it by turns."]


STUDIO = {
    "name": "studio",
    "kind": "ingress",
    "hostname": "acme-prod-studio",
    "grants": [{"src": ["group:sre"], "dst": ["tag:svc-acme-prod-studio"], "ip": ["tcp:443"]}],
}


def test_an_exposure_is_told_by_who_reaches_what() -> None:
    way = "`group:sre` reaches `tag:svc-acme-prod-studio` at `tcp:443`."
    opened = f"Exposure `studio` (`ingress`, `acme-prod-studio`): {way}"
    assert words({}, {"exposures": [STUDIO]}).granted == [opened]
    assert words({"exposures": [STUDIO]}, {"exposures": []}).taken == [opened.replace("): ", "): no more ")]


def test_an_exposure_that_changes_otherwise_is_no_silence() -> None:
    found = words({"exposures": [STUDIO]}, {"exposures": [STUDIO | {"hostname": "another"}]})
    assert len(found.granted) == 1


def test_whom_the_operator_may_be_and_what_its_credential_may_are_told() -> None:
    before = {"ceiling": {"groups": ["sre"], "users": ["ada@example.com"]}, "scopes": ["auth_keys"]}
    after = {
        "ceiling": {"groups": ["admins"], "users": [], "anyUser": "a test"},
        "scopes": ["auth_keys", "devices:core"],
    }
    found = words(before, after)
    assert [text for text in found.granted if "admins" in text or "any user" in text or "devices:core" in text] == (
        found.granted
    )
    assert len(found.granted) == 3
    assert len(found.taken) == 2


def test_the_way_out_lets_nobody_in() -> None:
    found = words({}, {"requiredEgress": {"destinations": [{"protocol": "tcp", "host": "a.example", "port": 443}]}})
    assert found.egress == ["The cluster must reach `tcp:a.example:443`."]
    assert not found.granted


def test_what_settings_do_not_say_is_not_told_as_lost() -> None:
    """After a preview that failed early there is no ceiling, which is not an empty one."""
    full = {"ceiling": {"groups": ["sre"], "users": []}, "requiredEgress": {"destinations": [{"host": "a"}]}}
    found = words(full, {})
    assert (found.granted, found.taken, found.egress) == ([], [], [])


def test_what_stands_is_told_for_a_stack_that_goes() -> None:
    assert len(standing({"access": [SRE], "exposures": [STUDIO], "scopes": ["auth_keys"]})) == 2


def test_another_spelling_of_a_login_is_no_change() -> None:
    typed, counts = "Ada@Example.com", "ada@example.com"

    def outputs(login: str) -> dict[str, Any]:
        return {
            "access": [SRE | {"from": login, "as": {"user": login}}],
            "groups": {"group:sre": [login]},
            "onCall": {"group:oncall": {"everybody": [login]}},
            "ceiling": {"groups": ["sre"], "users": [login]},
        }

    for before, after in ((typed, counts), (counts, typed)):
        found = words(outputs(before), outputs(after))
        assert (found.granted, found.taken) == ([], [])
    named = str(words({}, outputs(typed)).granted)
    assert counts in named
    assert typed not in named


def test_groups_differ_by_case() -> None:
    granted, _ = access([SRE | {"as": {"group": "Sre"}}], [SRE])
    assert len(granted) == 1
