"""A preview reports what of the tailnet's settings keeps engineers out, and an update does not ask again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pulumi
import pytest

from components import support_access, tailnet_base
from components.settings.environment import EnvironmentSettings
from components.settings.tailnet import TailnetSettings
from components.support_access import SupportAccess, SupportAccessArgs
from components.tailnet import conditions
from components.tailnet.conditions import report_conditions
from components.tailnet_base import TailnetBase, TailnetBaseArgs
from tests.components.registered import registered

HTTPS = {"name": "https", "state": "failed", "message": "HTTPS is off"}
OWNER = {"name": "policyOwner", "state": "warning", "message": "another owner"}
UNKNOWN = [{"name": name, "state": "unknown", "message": f"{name} is not checked"} for name in ("magicDns", "https")]


class Log:
    """What a person sees."""

    def __init__(self) -> None:
        self.warnings: list[str] = []
        self.infos: list[str] = []


@pytest.fixture
def report(monkeypatch: pytest.MonkeyPatch) -> Callable[..., Log]:
    """`report([...])`: what a preview, or an update, says of these conditions."""

    def run(found: Any, *, preview: bool = True, only: str | None = None) -> Log:
        log = Log()

        def answer(_options: object) -> Any:
            if isinstance(found, Exception):
                raise found
            return found

        monkeypatch.setattr(pulumi.runtime, "is_dry_run", lambda: preview)
        monkeypatch.setattr(pulumi, "InvokeOptions", lambda **_: None)
        monkeypatch.setattr(conditions, "get_tailnet_conditions", answer)
        monkeypatch.setattr(pulumi.log, "warn", log.warnings.append)
        monkeypatch.setattr(pulumi.log, "info", log.infos.append)
        report_conditions(None, only=only)  # type: ignore[arg-type]
        return log

    return run


def test_what_fails_or_may_end_access_is_a_warning(report: Callable[..., Log]) -> None:
    log = report([HTTPS, OWNER, {"name": "magicDns", "state": "ok", "message": ""}])
    assert (log.warnings, log.infos) == (["HTTPS is off.", "another owner."], [])


def test_what_could_not_be_checked_is_one_notice(report: Callable[..., Log]) -> None:
    log = report(UNKNOWN)
    assert (log.warnings, log.infos) == ([], ["magicDns is not checked. https is not checked."])


def test_the_tailnet_stack_is_warned_of_another_owner_and_not_of_what_it_sets_itself(
    report: Callable[..., Log],
) -> None:
    log = report([HTTPS, OWNER, UNKNOWN[0]], only="policyOwner")
    assert (log.warnings, log.infos) == (["another owner."], [])


def test_an_update_asks_nothing(report: Callable[..., Log]) -> None:
    log = report(AssertionError("asked"), preview=False)
    assert (log.warnings, log.infos) == ([], [])


def test_a_query_that_fails_holds_nothing_up(report: Callable[..., Log]) -> None:
    log = report(RuntimeError("no credential"))
    assert log.warnings == []
    assert "no credential" in log.infos[0]


def test_both_kinds_of_stacks_report(
    environment: Callable[..., EnvironmentSettings], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for module, component, name, args in (
        (support_access, SupportAccess, "acme-prod", SupportAccessArgs(settings=environment())),
        (
            tailnet_base,
            TailnetBase,
            "tailnet",
            TailnetBaseArgs(
                settings=TailnetSettings.model_validate({"groups": {"group:highflame-sre": ["ada@example.com"]}})
            ),
        ),
    ):
        monkeypatch.setattr(
            module, "report_conditions", lambda _, only=None, name=name: (tmp_path / name).write_text(str(only))
        )
        registered(component, name, args)
    assert (tmp_path / "acme-prod").read_text() == "None"
    assert (tmp_path / "tailnet").read_text() == "policyOwner"
