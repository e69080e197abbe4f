"""A person has one spelling, whatever the stack's file says, and an apostrophe is part of a name."""

from __future__ import annotations

import json
import shlex
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import pulumi
import pytest

from components import people
from components.manifests.ceiling import ceiling
from components.manifests.roles import roles
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from components.settings.spelling import spelling_notices
from components.settings.tailnet import TailnetSettings
from components.tailnet import policy, shared
from providers.tailnet.resources import SourceUsers

Build = Callable[..., EnvironmentSettings]
PERSON = {"from": "Ada@Example.com", "role": "view"}
OBRIEN = "o'brien@example.com"


def config(**values: Any) -> dict[str, str]:
    return {
        f"support-access:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in values.items()
    }


def environment_config(**values: Any) -> dict[str, str]:
    return config(customer="acme", environment="prod", **{"access": [PERSON], **values})


def tailnet(**values: Any) -> TailnetSettings:
    least = {"groups": {"group:highflame-sre": ["Ada@Example.com", OBRIEN]}}
    found = load("tailnet", config(tailnet={**least, **values}))
    assert isinstance(found, TailnetSettings)
    return found


def problems(settings: dict[str, str], stack: str = "acme-prod") -> str:
    with pytest.raises(SettingsError) as caught:
        load(stack, settings)
    return str(caught.value)


def test_a_person_in_access_is_one_spelling_in_grant_role_and_limit() -> None:
    settings = load("acme-prod", environment_config(roster=["ADA@example.com", "Grace@Example.com"]))
    assert isinstance(settings, EnvironmentSettings)
    (entry,) = settings.access
    assert entry.source == "ada@example.com"
    assert settings.roster == ("ada@example.com", "grace@example.com")
    assert policy.grants(settings.names, settings)[0]["src"] == ["ada@example.com"]
    (binding,) = roles(settings.access, {}).values()
    assert binding["subjects"][0]["name"] == "ada@example.com"
    limit = ceiling(groups=[], users=settings.roster or (), labels={})["role"]
    assert limit["rules"][0]["resourceNames"] == ["ada@example.com", "grace@example.com"]


def test_two_spellings_in_access_are_one_person_with_two_roles() -> None:
    text = problems(environment_config(access=[PERSON, {"from": "ada@example.com", "role": "read-only"}]))
    assert 'User "ada@example.com" has role "view" in an earlier entry' in text


def test_two_spellings_in_access_are_one_entry_twice() -> None:
    assert "An earlier entry says the same" in problems(
        environment_config(access=[PERSON, {"from": "ada@example.com", "role": "view"}])
    )


def test_the_roster_names_a_person_in_any_spelling() -> None:
    assert load("acme-prod", environment_config(roster=["aDa@example.com"]))


def test_two_spellings_in_one_list_are_one_name_twice() -> None:
    assert "It names ada@example.com twice." in problems(
        environment_config(roster=["Ada@example.com", "ada@example.com"])
    )


def test_a_group_of_the_tailnet_is_written_in_one_spelling() -> None:
    settings = tailnet(revoked=["EVE@example.com"])
    now = datetime(2026, 12, 1, tzinfo=UTC)
    assert shared.groups(settings, now) == {"group:highflame-sre": ["ada@example.com", OBRIEN]}
    assert shared.groups(tailnet(revoked=["ADA@EXAMPLE.COM"]), now) == {"group:highflame-sre": [OBRIEN]}


def test_rotas_and_tests_are_written_in_one_spelling() -> None:
    rota = {
        "starts": "2026-11-23",
        "order": [["Ada@Example.com"]],
        "always": ["Lin@Example.com"],
        "overrides": [{"from": "2026-12-24", "until": "2026-12-27", "members": ["Grace@Example.com"]}],
    }
    settings = tailnet(
        rotas={"group:oncall": rota}, tests=[{"src": "Ada@Example.com", "deny": ["tag:support-access-sentinel:443"]}]
    )
    found = shared.sections(settings, datetime(2026, 12, 25, tzinfo=UTC))
    assert found["groups"]["group:oncall"] == ["lin@example.com", "grace@example.com"]
    assert shared.on_call(settings, datetime(2026, 12, 1, tzinfo=UTC))["group:oncall"]["everybody"] == [
        "lin@example.com",
        "ada@example.com",
        "grace@example.com",
    ]
    assert found["tests"][0]["src"] == "ada@example.com"


@pytest.mark.parametrize(
    "login", [OBRIEN, "d'arcy.o'neil@example.com", "ada+ops@example.com", "a!b^c~d_e-f@example.com"]
)
def test_what_identity_providers_allow_in_a_name_is_a_person(login: str) -> None:
    settings = load("acme-prod", environment_config(access=[{"from": login, "role": "view"}], roster=[login]))
    assert isinstance(settings, EnvironmentSettings)
    assert (settings.access[0].source, settings.roster) == (login, (login,))


@pytest.mark.parametrize(
    "login", ["a/b@example.com", "a b@example.com", "a#b@example.com", 'a"b@example.com', "a$b@example.com", "ä@ex.eu"]
)
def test_what_no_cluster_or_login_takes_is_refused(login: str) -> None:
    assert "is not one person's address" in problems(environment_config(roster=[login]))


def test_a_document_that_spells_members_otherwise_is_warned_of_and_the_spelling_that_counts_is_in_the_limit(
    environment: Build, monkeypatch: pytest.MonkeyPatch
) -> None:
    answer = SourceUsers({"group:highflame-sre": ["ada@example.com"]}, {"group:highflame-sre": ["Ada@Example.com"]})
    warnings: list[str] = []
    monkeypatch.setattr(people, "get_source_users", lambda *_: answer)
    monkeypatch.setattr(pulumi, "InvokeOptions", lambda **_: None)
    monkeypatch.setattr(pulumi.log, "warn", warnings.append)
    settings = environment(access=[{"from": "group:highflame-sre", "role": "view"}])
    assert people.roster(settings, None) == ["ada@example.com"]  # type: ignore[arg-type]
    (warning,) = warnings
    assert "group:highflame-sre" in warning
    assert "Ada@Example.com" in warning


def test_every_spelling_that_does_not_count_is_named_with_the_one_that_does() -> None:
    (line,) = spelling_notices("acme-prod", environment_config(roster=["Ada@Example.com", "grace@example.com"]))
    assert '"Ada@Example.com" counts as ada@example.com' in line
    assert "stacks/Pulumi.acme-prod.yaml" in line
    assert "grace" not in line
    (line,) = spelling_notices("tailnet", config(tailnet={"groups": {"group:x": ["A@x.com"]}, "revoked": ["B@x.com"]}))
    assert "a@x.com" in line
    assert "b@x.com" in line


def test_a_file_in_the_right_spelling_and_texts_that_name_nobody_are_no_notice() -> None:
    assert spelling_notices("acme-prod", environment_config(access=[{"from": "group:Sre@Example.com"}])) == []
    access = [{"from": "ada@example.com", "role": "view", "reason": "ask Ada@Example.com about it"}]
    assert spelling_notices("acme-prod", environment_config(access=access, egress=[{"x": "Sa@Example.com"}])) == []
    assert spelling_notices("acme-prod", {"support-access:access": "no JSON", "aws:region": "X@y.z"}) == []


@pytest.mark.parametrize(
    ("stack", "settings", "key"),
    [
        ("tailnet", config(tailnet={"groups": {"group:sre": "ada@example.com"}}), 'groups["group:sre"]'),
        ("tailnet", config(tailnet={"groups": {"group:x": ["a@x.com"]}, "revoked": "eve@x.com"}), "revoked"),
        (
            "tailnet",
            config(tailnet={"groups": {"group:x": ["a@x.com"]}, "tests": [{"src": "group:x", "deny": "tag:ci:443"}]}),
            "tests[0].deny",
        ),
        (
            "tailnet",
            config(
                tailnet={
                    "groups": {"group:x": ["a@x.com"]},
                    "rotas": {"group:y": {"starts": "2026-11-23", "order": ["a@x.com"]}},
                }
            ),
            'rotas["group:y"].order[0]',
        ),
        ("acme-prod", environment_config(roster="ada@example.com"), "roster"),
        ("acme-prod", environment_config(access="group:sre"), "access"),
        ("acme-prod", environment_config(access=[{**PERSON, "posture": "posture:mac"}]), "access[0].posture"),
        ("acme-prod", environment_config(access=[{**PERSON, "namespaces": "shop"}]), "access[0].namespaces"),
    ],
)
def test_a_list_that_is_written_as_a_text_is_called_a_text(stack: str, settings: dict[str, str], key: str) -> None:
    text = problems(settings, stack)
    assert f"support-access:{'tailnet.' if stack == 'tailnet' else ''}{key}\n  It must be a list, and is " in text


def test_a_printed_command_keeps_a_name_with_an_apostrophe_whole() -> None:
    text = problems(environment_config(access=[{"from": OBRIEN, "role": "view", "posture": ["node:os == 'macos'"]}]))
    command = next(line for line in text.splitlines() if "pulumi config set" in line)
    assert shlex.split(command)[-1] == "o-brien"
