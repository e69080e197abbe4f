"""A stack that stands in one cluster is not carried on in another."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from components.cluster import survey as module
from components.cluster.elsewhere import elsewhere
from components.naming import Names
from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.registered import Answers, registered
from tests.components.test_survey import OURS, Cluster, named

Build = Callable[..., EnvironmentSettings]
ONLINE = {"name": "acme-prod-kube.tail0000.ts.net", "nodeId": "n1", "online": True, "version": "1.96.5"}
OFFLINE = {**ONLINE, "online": False}


def test_only_an_operator_that_is_online_says_that_the_environment_stands_elsewhere() -> None:
    names = Names("acme", "prod")
    assert elsewhere(names, "globex-dev", []) is None
    assert elsewhere(names, "globex-dev", [OFFLINE]) is None
    said = elsewhere(names, "globex-dev", [OFFLINE, ONLINE])
    assert said is not None
    for word in ("support-access:cluster.context is globex-dev", ONLINE["name"], "pulumi destroy -s acme-prod"):
        assert word in said


@pytest.mark.parametrize(
    ("labels", "device", "stopped"),
    [
        (None, ONLINE, True),
        ({**OURS, "support-access.highflame.ai/customer": "globex"}, ONLINE, True),
        (OURS, ONLINE, False),
        (None, OFFLINE, False),
    ],
)
def test_another_context_stops_the_run_before_anything_is_bound_there(
    environment: Build,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    labels: dict[str, str] | None,
    device: dict[str, Any],
    stopped: bool,
) -> None:
    real, made = Answers.call, Answers.new_resource
    rows = tmp_path / "rows"

    def call(self: Answers, args: Any) -> Any:
        return ({"operators": [device]}, []) if args.token == "tailnet:index:getOperators" else real(self, args)

    def noting(self: Answers, args: Any) -> tuple[str | None, dict[str, Any]]:
        with rows.open("a") as file:
            file.write(f"{args.name}\n")
        return made(self, args)

    there = [named("tailscale", labels=labels)] if labels else []
    monkeypatch.setattr(Answers, "call", call)
    monkeypatch.setattr(Answers, "new_resource", noting)
    monkeypatch.setattr(module, "_connected", lambda cluster: Cluster(**{"/api/v1/namespaces": there}))
    settings = environment()
    if stopped:
        with pytest.raises(Exception, match="not ready for this stack"):
            registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    else:
        registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))
    written = rows.read_text().splitlines()
    assert "acme-prod-identity" in written, "what takes access away is never held up"
    assert ("acme-prod-ceiling-role" in written) is not stopped
