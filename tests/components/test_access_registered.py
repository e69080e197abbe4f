"""What an environment with every kind of source registers, from the grant to the role in the cluster."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from components.settings.access import Access
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs, who_gets_in
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
