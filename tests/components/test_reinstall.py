"""An operator that the customer uninstalled comes back only for who has agreed to it after that."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from components.cluster.reinstall import question
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError

NOW = datetime(2026, 11, 21, 16, 0, 30, 250_000, tzinfo=UTC)
HOUR = timedelta(hours=1)


def device(seen: datetime | None = NOW - HOUR, *, online: bool = False, name: str = "acme-prod-kube") -> dict[str, Any]:
    told = {} if seen is None or online else {"lastSeen": seen.strftime("%Y-%m-%dT%H:%M:%SZ")}
    return {"name": name, "nodeId": "n1", "online": online, **told}


def asked(*known: dict[str, Any], agreed: datetime | None = None) -> str | None:
    return question("acme-prod", list(known), agreed, NOW)


def test_the_first_installation_is_no_question() -> None:
    assert asked() is None


def test_one_that_was_there_before_is_with_both_ways_on() -> None:
    said = asked(device())
    assert said is not None
    assert "acme-prod-kube, last seen 2026-11-21T15:00:30Z" in said
    assert "pulumi config set --stack acme-prod --path support-access:operator.reinstall 2026-11-21T16:00:30Z" in said
    assert "pulumi destroy -s acme-prod --refresh" in said


def test_who_agreed_since_is_taken_at_their_word() -> None:
    assert asked(device(), agreed=NOW - HOUR / 2) is None


def test_the_answer_that_is_offered_is_taken() -> None:
    offered = NOW.replace(microsecond=0)
    assert question("acme-prod", [device(NOW - timedelta(seconds=5))], offered, NOW) is None


@pytest.mark.parametrize(
    ("known", "agreed"),
    [
        ([device(NOW - HOUR)], NOW - 2 * HOUR),  # uninstalled again since
        ([device(NOW - HOUR)], NOW - HOUR - timedelta(milliseconds=250)),  # the moment itself is no later one
        ([device(NOW - 3 * HOUR), device(NOW - HOUR, name="acme-prod-kube-1")], NOW - 2 * HOUR),
        ([device(NOW - HOUR)], NOW + HOUR),  # nobody agrees in the future, which would answer for ever
        ([device(None)], NOW + HOUR),
    ],
)
def test_an_answer_to_something_else_is_none(known: list[dict[str, Any]], agreed: datetime) -> None:
    assert asked(*known, agreed=agreed) is not None


def test_one_that_is_online_elsewhere_is_never_joined_by_a_second() -> None:
    said = asked(device(), device(online=True, name="acme-prod-kube-1"), agreed=NOW)
    assert said is not None
    assert "online as acme-prod-kube-1" in said
    assert "reinstall" not in said, "agreeing is no way on here"


STACK = {
    "support-access:customer": "acme",
    "support-access:environment": "prod",
    "support-access:access": '[{"from": "group:highflame-sre", "role": "read-only"}]',
}


@pytest.mark.parametrize(
    "text",
    [
        "2026-11-21T16:00:00Z",
        "2026-11-21T17:00:00+01:00",
        "2026-11-21T16:00Z",
        "2026-11-21 16:00:00 +0000 UTC",  # what the engine makes of one that is not quoted
        "2026-11-21 17:00:00 +0100 +0100",
        "2026-11-21 16:00:00.000 +0000 UTC",
    ],
)
def test_the_setting_is_a_time_with_its_zone(text: str) -> None:
    settings = load("acme-prod", {**STACK, "support-access:operator": f'{{"reinstall": "{text}"}}'})
    assert isinstance(settings, EnvironmentSettings)
    assert settings.operator.reinstall == datetime(2026, 11, 21, 16, tzinfo=UTC)


@pytest.mark.parametrize("value", ['"yes"', "true", "1", '"2026-11-21"', '"2026-11-21T16:00:00"', '"20261121T160000Z"'])
def test_anything_else_is_refused(value: str) -> None:
    with pytest.raises(SettingsError, match=r"operator\.reinstall"):
        load("acme-prod", {**STACK, "support-access:operator": f'{{"reinstall": {value}}}'})
