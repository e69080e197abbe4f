"""A suspended access: nothing of it is declared, and nothing else of the environment changes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from components.outputs import pending, who_gets_in
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.registered import Registered, registered

Build = Callable[..., EnvironmentSettings]
ACCESS = [
    {"from": "group:highflame-sre", "role": "read-only", "posture": ["node:os == 'macos'"]},
    {"from": "group:platform", "role": "view"},
]
STACK = {
    "support-access:customer": "acme",
    "support-access:environment": "prod",
    "support-access:access": json.dumps(ACCESS),
}


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


def test_it_takes_out_every_grant_and_posture_first_of_all_and_changes_nothing_else(environment: Build) -> None:
    before = register(environment(access=ACCESS))
    suspended = register(environment(access=ACCESS, suspended=True))

    assert suspended.rows.keys() == before.rows.keys()
    changed = {name for name, row in suspended.rows.items() if row.inputs != before.rows[name].inputs}
    assert changed == {"acme-prod-identity", "acme-prod-access"}
    identity, access = suspended.rows["acme-prod-identity"], suspended.rows["acme-prod-access"]
    assert identity.inputs["declared"] == {"grants": []}
    assert identity.inputs["sections"] == before.rows["acme-prod-identity"].inputs["sections"]
    assert access.inputs["sections"] == {"grants": []}
    assert not suspended.names(identity.depends_on), "what narrows must wait for nothing"


def test_the_roster_and_the_ceiling_stay_as_they_are(environment: Build) -> None:
    """To lift a suspension must need no cluster: whom the operator may impersonate does not follow it."""
    rules = [
        register(environment(access=ACCESS, suspended=value)).rows["acme-prod-ceiling-role"].inputs["rules"]
        for value in (False, True)
    ]
    assert rules[0] == rules[1]


def test_the_outputs_say_so(environment: Build) -> None:
    entry = environment(access=ACCESS).access[0]
    assert who_gets_in(entry, suspended=True) == {**who_gets_in(entry, suspended=False), "suspended": True}
    assert "suspended" not in who_gets_in(entry, suspended=False)
    assert pending("online", "written", suspended=False) == []
    (line,) = pending("online", "written", suspended=True)
    assert "suspended" in line
    assert "support-access:suspended" in line


@pytest.mark.parametrize(("value", "suspended"), [("true", True), ("false", False)])
def test_it_is_set_by_a_plain_truth_value(value: str, suspended: bool) -> None:
    settings = load("acme-prod", {**STACK, "support-access:suspended": value})
    assert isinstance(settings, EnvironmentSettings)
    assert settings.suspended is suspended


@pytest.mark.parametrize("value", ["yes", "1", '"true"', "null", "on"])
def test_what_might_be_meant_as_one_is_refused(value: str) -> None:
    """A suspension that is taken for none would leave access open."""
    with pytest.raises(SettingsError, match="suspended"):
        load("acme-prod", {**STACK, "support-access:suspended": value})
