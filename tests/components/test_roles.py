"""Each entry is bound to its role, where it says, and to nothing else."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from components.manifests import Manifest
from components.manifests.roles import roles
from components.settings.access import Access

RULE = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]}
ROLES = st.sampled_from(
    [
        {"role": "read-only"},
        {"role": "view"},
        {"role": "namespaces", "namespaces": ["shop", "billing"]},
        {"role": "namespaces", "namespaces": ["shop"], "namespaceRole": "view"},
        {"role": "namespaces", "namespaces": ["shop"], "namespaceRole": "custom", "rules": [RULE]},
        {"role": "custom", "rules": [RULE]},
        {"role": "cluster-admin", "reason": "on-call engineers repair things"},
        {"role": "own-credential"},
    ]
)
SOURCES = st.sampled_from(["group:sre", "group:read-only", "group:in", "tag:ci", "ada@example.com", "alan@github"])
ACCESS = st.dictionaries(SOURCES, ROLES, min_size=1)


def made(access: dict[str, dict[str, Any]], **more: Any) -> dict[str, Manifest]:
    return roles([Access.model_validate({"from": source, **role}) for source, role in access.items()], {}, **more)


def identity(manifest: Manifest) -> tuple[str, str | None, str]:
    return manifest["kind"], manifest["metadata"].get("namespace"), manifest["metadata"]["name"]


@given(ACCESS)
def test_every_object_is_there_once_and_every_bound_role_of_ours_is_made(access: dict[str, dict[str, Any]]) -> None:
    found = list(made(access).values())
    assert len({identity(each) for each in found}) == len(found)
    ours = {each["metadata"]["name"] for each in found if each["kind"] == "ClusterRole"}
    bound = {each["roleRef"]["name"] for each in found if "roleRef" in each}
    assert bound - {"view", "cluster-admin"} == ours


@given(ACCESS)
def test_who_has_what_is_what_the_entries_say(access: dict[str, dict[str, Any]]) -> None:
    expected = set()
    for source, role in access.items():
        name = source.removeprefix("group:")
        kind = role.get("namespaceRole", "read-only") if role["role"] == "namespaces" else role["role"]
        if kind == "own-credential":
            continue
        expected |= {(name, kind, place) for place in role.get("namespaces", [None])}
    found = set()
    for each in made(access).values():
        if "roleRef" in each:
            (subject,) = each["subjects"]
            role = each["roleRef"]["name"]
            kind = "read-only" if role == "highflame-sre" else "custom" if role.startswith("support-access:") else role
            found.add((subject["name"], kind, each["metadata"].get("namespace")))
    assert found == expected


@given(ACCESS)
def test_nobody_bound_in_namespaces_has_anything_in_the_whole_cluster(access: dict[str, dict[str, Any]]) -> None:
    local = {source.removeprefix("group:") for source, role in access.items() if role["role"] == "namespaces"}
    wide = [each for each in made(access).values() if each["kind"] == "ClusterRoleBinding"]
    assert not local & {subject["name"] for each in wide for subject in each["subjects"]}


def test_custom_rules_are_the_entrys_own_and_only_its_own() -> None:
    other = {**RULE, "verbs": ["get"], "resourceNames": ["web"]}
    found = made({"group:a": {"role": "custom", "rules": [RULE]}, "group:b": {"role": "custom", "rules": [other]}})
    rules = {each["metadata"]["name"]: each["rules"] for each in found.values() if each["kind"] == "ClusterRole"}
    assert rules == {"support-access:custom:a": [RULE], "support-access:custom:b": [other]}


def test_more_kinds_for_role_read_only_are_read_and_nothing_else_changes() -> None:
    def rules(**more: Any) -> list[Any]:
        return made({"group:a": {"role": "read-only"}}, **more)["read-only"]["rules"]

    (added,) = [rule for rule in rules(readable={"example.com": ("widgets",)}) if rule not in rules()]
    assert added == {"apiGroups": ["example.com"], "resources": ["widgets"], "verbs": ["get", "list", "watch"]}
    assert [rule for rule in rules() if rule not in rules(readable={"example.com": ("widgets",)})] == []
