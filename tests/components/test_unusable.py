"""Access is written only for an operator that engineers can reach, and the output `pending` holds the fix."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from components.outputs import pending
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components import registered as run

Build = Callable[..., EnvironmentSettings]
REASON = "acme-prod-kube is registered, but it is not approved"


@pytest.mark.parametrize(("status", "active"), [("online", True), ("unusable", False), ("pending", False)])
def test_only_an_operator_that_is_online_gets_its_grants(
    environment: Build, monkeypatch: pytest.MonkeyPatch, status: str, active: bool
) -> None:
    monkeypatch.setattr(run, "ENROLLED", {"status": status, "reason": REASON if status == "unusable" else None})
    settings = environment()
    seen = run.registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    assert seen.rows["acme-prod-access"].inputs["active"] is active


def test_pending_names_why_nobody_reaches_the_operator() -> None:
    first, second = pending("unusable", "waiting", suspended=False, reason=REASON)
    assert REASON in first
    assert "No grant is written" in second
    (line,) = pending("unusable", "written", suspended=False, reason=REASON)
    assert REASON in line
    assert "install it" not in line
