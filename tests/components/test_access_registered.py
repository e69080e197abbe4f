"""What an environment with every kind of source registers, from the grant to the role in the cluster."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from components.outputs import notices, who_gets_in
from components.settings.access import Access
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.registered import ROSTER, RUNNER, Registered, registered

Build = Callable[..., EnvironmentSettings]
ACCESS: list[dict[str, Any]] = [
    {"from": "group:sre", "role": "read-only", "posture": ["node:os == 'macos'", "node:osVersion >= '14'"]},
    {"from": "alan@github", "role": "view"},
    {"from": "tag:ci-runner", "role": "view", "posture": ["posture:managed-linux"]},
]


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


def ceiling(found: Registered) -> dict[str, list[str]]:
    rules = found.rows["acme-prod-ceiling-role"].inputs["rules"]
    return {rule["resources"][0]: rule["resourceNames"] for rule in rules}


@pytest.fixture
def mixed(environment: Build) -> Registered:
    return register(environment(access=ACCESS))


def test_grants_postures_bounds_and_roles_of_every_kind_of_source(
    mixed: Registered, snapshot: SnapshotAssertion
) -> None:
    policy = {name: mixed.rows[f"acme-prod-{name}"].inputs for name in ("identity", "access")}
    bound = {
        name: {key: row.inputs[key] for key in row.inputs if key != "apiVersion"}
        for name, row in mixed.rows.items()
        if row.type.endswith((":ClusterRoleBinding", ":ClusterRole")) and not name.endswith("read-only")
    }
    assert {**policy, **bound} == snapshot


def test_what_the_identity_slice_keeps_is_what_the_access_slice_writes(mixed: Registered) -> None:
    # Else every update would first remove what the last one wrote: a posture that is not declared is removed.
    assert mixed.rows["acme-prod-identity"].inputs["declared"] == mixed.rows["acme-prod-access"].inputs["sections"]


def test_the_ceiling_holds_people_by_address_and_nodes_by_full_name(mixed: Registered) -> None:
    assert ceiling(mixed) == {"groups": ["sre", "tag:ci-runner"], "users": sorted([*ROSTER, "alan@github", RUNNER])}


def test_a_roster_bounds_the_people_and_nodes_are_still_asked_for(environment: Build) -> None:
    found = register(environment(access=ACCESS, roster=["alan@github"]))
    assert ceiling(found)["users"] == ["alan@github", RUNNER]


def test_only_people_need_no_group_in_the_ceiling(environment: Build) -> None:
    found = register(environment(access=[{"from": "alan@github", "role": "view"}]))
    assert ceiling(found) == {"users": ["alan@github"]}


def test_two_entries_of_one_group_are_bound_once(environment: Build) -> None:
    access = [{"from": source, "role": "view", "impersonate": "leads"} for source in ("group:a", "tag:ci-runner")]
    found = register(environment(access=access))
    bound = [row.inputs["subjects"] for row in found.rows.values() if row.type.endswith(":ClusterRoleBinding")]
    assert [[subject["name"] for subject in subjects] for subjects in bound].count(["leads"]) == 1
    assert len(found.rows["acme-prod-access"].inputs["sections"]["grants"]) == 2


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        (ACCESS[0], {"as": {"group": "sre"}, "posture": ["node:os == 'macos'", "node:osVersion >= '14'"]}),
        (ACCESS[1], {"as": {"user": "alan@github"}, "posture": []}),
        (ACCESS[2], {"as": {"group": "tag:ci-runner"}, "posture": ["posture:managed-linux"]}),
    ],
)
def test_the_output_says_who_gets_in_as_what(entry: dict[str, Any], said: dict[str, Any]) -> None:
    assert who_gets_in(Access.model_validate(entry)) == {"from": entry["from"], "role": entry["role"], **said}


def test_the_stack_has_it_as_an_output(mixed: Registered) -> None:
    assert "access" in (mixed.rows["acme-prod"].outputs or [])


def test_any_user_by_exception_asks_for_no_roster_and_leaves_the_groups_bounded(environment: Build) -> None:
    settings = environment(access=ACCESS, anyUser={"reason": "the identity provider fills the group"})
    rules = register(settings).rows["acme-prod-ceiling-role"].inputs["rules"]
    assert [(rule["resources"], rule.get("resourceNames")) for rule in rules] == [
        (["groups"], ["sre", "tag:ci-runner"]),
        (["users"], None),
    ]
    assert any("may impersonate any user" in notice for notice in notices(settings))
    assert notices(environment(access=ACCESS)) == []


def test_access_that_is_over_is_named_and_not_made(environment: Build) -> None:
    over = {"from": "group:b", "role": "cluster-admin", "reason": "repairs of last year", "until": "2025-12-31"}
    settings = environment(access=[*ACCESS, over]).on(date(2026, 1, 1))
    assert "group:b as cluster-admin was until 2025-12-31" in " ".join(notices(settings))
    found = register(settings)
    assert "b" not in ceiling(found)["groups"]
    assert "group:b" not in str(found.rows["acme-prod-identity"].inputs)
    assert not [name for name in found.rows if name.endswith("roles-b")]


def test_the_kinds_that_role_read_only_may_read_besides_are_in_it(environment: Build) -> None:
    found = register(environment(readOnly={"resources": ["widgets.example.com"]}))
    rules = found.rows["acme-prod-roles-read-only"].inputs["rules"]
    assert {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get", "list", "watch"]} in rules
