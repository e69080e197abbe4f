"""Whatever stands in `access`: what comes of it opens nothing but what a named source was given."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from components.manifests.ceiling import impersonation_rules
from components.settings.access import Access
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from components.tailnet.policy import KUBERNETES_CAPABILITY, access_sections
from providers.tailnet.tags import is_scheme_tag

WORD = st.from_regex(r"[a-z][a-z0-9]{0,6}", fullmatch=True)
HOSTILE = st.sampled_from(
    [
        "*",
        "autogroup:member",
        "autogroup:tagged",
        "autogroup:admin",
        "user:*@example.com",
        "tag:kube-globex-prod",
        "tag:k8s-operator-globex",
        "tag:CUST-globex",
        "tag:svc-acme-prod-web",
        "tag:support-access-deployer",
        "0.0.0.0/0",
        "system:masters",
        "ipset:all",
        "svc:web",
        "tag:x,tag:y",
        "group:a\ngroup:b",
    ]
)
SOURCE = st.one_of(
    WORD.map("group:{}".format),
    WORD.map("tag:{}".format),
    WORD.map("{}@example.com".format),
    HOSTILE,
    st.builds("{}{}".format, HOSTILE, WORD),
    st.text(max_size=20),
)
CONDITION = st.one_of(
    st.sampled_from(
        ["node:os == 'macos'", "node:osVersion >= '14'", "custom:tier NOT SET", "posture:managed-mac", "posture:*"]
    ),
    st.text(max_size=20),
)
RULE = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]}
ROLE = st.sampled_from(
    [
        {"role": "read-only"},
        {"role": "view"},
        {"role": "namespaces", "namespaces": ["shop"]},
        {"role": "namespaces", "namespaces": ["billing"], "namespaceRole": "view"},
        {"role": "custom", "rules": [RULE]},
        {"role": "cluster-admin", "reason": "on-call engineers repair things"},
    ]
)


def with_role(entries: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[dict[str, Any]]:
    return st.builds(lambda entry, role: {**entry, **role}, entries, ROLE)


ENTRY = st.fixed_dictionaries(
    {"from": SOURCE},
    optional={
        "impersonate": st.one_of(WORD, HOSTILE, st.just("tag:x"), st.none(), st.text(max_size=10)),
        "posture": st.lists(CONDITION, max_size=3),
    },
)
RIGHT = st.fixed_dictionaries(
    {
        "from": st.one_of(WORD.map("group:{}".format), WORD.map("tag:{}".format), WORD.map("{}@example.com".format)),
    },
    optional={
        "impersonate": WORD,
        "posture": st.sampled_from(
            [["posture:managed-mac"], ["node:os == 'macos'"], ["node:osVersion >= '14'", "custom:tier IS SET"]]
        ),
    },
)
ENTRIES = st.lists(with_role(RIGHT), min_size=1, max_size=4) | st.lists(
    with_role(RIGHT | ENTRY), min_size=1, max_size=3
)
CONFIG = {"support-access:customer": "acme", "support-access:environment": "prod"}


def loaded(entries: list[dict[str, Any]]) -> EnvironmentSettings | None:
    """The settings, or None where they are refused."""
    try:
        settings = load("acme-prod", {**CONFIG, "support-access:access": json.dumps(entries)})
    except SettingsError:
        return None
    assert isinstance(settings, EnvironmentSettings)
    return settings


@given(ENTRIES)
def test_a_grant_lets_only_named_sources_reach_only_this_environment(entries: list[dict[str, Any]]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    for grant in access_sections(settings.names, settings)["grants"]:
        (source,) = grant["src"]
        assert re.fullmatch(r"group:[^:*\s]+|tag:[A-Za-z][A-Za-z0-9-]*|[^:*\s@]+@[^:*\s@]+", source)
        assert not is_scheme_tag(source)
        assert source in [entry["from"] for entry in entries]
        assert grant["dst"] == ["tag:kube-acme-prod"]
        assert grant["ip"] == ["tcp:443"]
        assert grant["app"].keys() == {KUBERNETES_CAPABILITY}


@given(ENTRIES)
def test_no_group_of_the_cluster_itself_is_ever_impersonated(entries: list[dict[str, Any]]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    for entry, grant in zip(settings.access, access_sections(settings.names, settings)["grants"], strict=True):
        (rule,) = grant["app"][KUBERNETES_CAPABILITY]
        groups = rule["impersonate"]["groups"]
        assert groups == ([entry.subject.name] if entry.subject.kind == "Group" else [])
        assert all(":" not in group or group == entry.source for group in groups)
        assert groups or "@" in entry.source, "only a person is let in without a group"


@given(ENTRIES)
def test_a_declared_posture_always_reaches_the_grant(entries: list[dict[str, Any]]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    sections = access_sections(settings.names, settings)
    named = {name for grant in sections["grants"] for name in grant.get("srcPosture", [])}
    for given_entry, grant in zip(entries, sections["grants"], strict=True):
        assert bool(given_entry.get("posture")) == ("srcPosture" in grant)
        if "srcPosture" in grant:
            (name,) = grant["srcPosture"]  # Tailscale takes several as alternatives
            wanted = sorted(given_entry["posture"])
            assert wanted == [name] or wanted == sections["postures"][name]
    assert sections.get("postures", {}).keys() <= named
    assert all(settings.names.tags.owns_name(name) for name in sections.get("postures", {}))


@given(ENTRIES, st.lists(st.text(min_size=1), max_size=3))
def test_the_ceiling_names_every_group_and_has_no_empty_list(entries: list[dict[str, Any]], users: list[str]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    groups = [entry.impersonate for entry in settings.access if entry.impersonate is not None]
    rules = impersonation_rules(groups=groups, users=users)
    assert all(rule["resourceNames"] for rule in rules), "an empty list would mean everybody to Kubernetes"
    named = {rule["resources"][0]: set(rule["resourceNames"]) for rule in rules}
    assert named == {kind: set(who) for kind, who in (("groups", groups), ("users", users)) if who}


@given(ENTRIES)
def test_nobody_in_the_cluster_has_two_roles(entries: list[dict[str, Any]]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    for entry in settings.access:
        same = [other for other in settings.access if other.subject == entry.subject]
        assert all((other.role, other.bounds) == (entry.role, entry.bounds) for other in same)


@given(ENTRIES)
def test_a_role_that_needs_a_posture_is_never_a_persons_own(entries: list[dict[str, Any]]) -> None:
    settings = loaded(entries)
    assume(settings)
    assert settings
    assert all(entry.subject.kind == "Group" for entry in settings.access if entry.posture)


@pytest.mark.parametrize("source", ["group:a", "tag:ci-runner", "ada@example.com"])
def test_the_right_entries_are_not_all_refused(source: str) -> None:
    assert loaded([{"from": source, "role": "view"}]), "else the properties above would hold of nothing"


def test_an_entry_that_is_loaded_says_the_same_when_it_is_written_and_read_again() -> None:
    until = {"role": "cluster-admin", "reason": "on-call engineers repair things", "until": "2027-01-31"}
    for more in (
        {},
        {"impersonate": "x"},
        {"posture": ["node:os == 'macos'"]},
        {"role": "custom", "rules": [RULE]},
        until,
    ):
        for source in ("group:a", "tag:ci-runner", "ada@example.com"):
            once = Access.model_validate({"from": source, "role": "view", **more})
            again = Access.model_validate(once.model_dump(mode="json", by_alias=True, exclude_none=True))
            assert once == again
