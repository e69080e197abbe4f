"""The sandbox's Tailscale API, a run of `supportctl handoff` without an engine, and an engine that is a script."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from supportctl.handoff import command
from supportctl.handoff.command import HandoffOptions, run_handoff
from tests.providers.tailnet_api import Api, running_api
from tests.supportctl.handing_over import OUTPUTS, declared
from tests.supportctl.scripted_engine import Engine


@pytest.fixture
def api() -> Iterator[Api]:
    """The API with a policy that people wrote; clients are an administrator's."""
    with running_api() as api:
        yield api


@pytest.fixture
def handoff(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[..., int]:
    """`handoff({...}, outputs=..., age=...)`: a run with such settings in the file; the folder is tmp_path/out.

    made: the settings at the last `pulumi up`, where they were others. outputs: what it told besides; {}: it never ran.
    """

    def run(
        bent: dict[str, Any] | None = None,
        *,
        made: dict[str, Any] | None = None,
        outputs: dict[str, Any] = OUTPUTS,
        **words: Any,
    ) -> int:
        stack = declared(**(bent or {}))
        before = stack if made is None else declared(**made)
        told = json.loads(json.dumps({"declared": before.declared, **outputs})) if outputs else {}
        monkeypatch.setattr(command, "settings_of", lambda *_: stack)
        monkeypatch.setattr(command, "outputs_of", lambda *_: told)
        least = {"stack": "acme-prod", "out": tmp_path / "out", "age": (), "credential": None, "project": tmp_path}
        return run_handoff(HandoffOptions(**{**least, "print_credential": False, **words}))

    return run


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Engine:
    """The one that a kill finds on its PATH; it waits for no lock longer than a moment."""
    monkeypatch.setattr("supportctl.kill.state.LOCK_LOOK", 0.01)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))  # turns of this test's own
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return Engine(tmp_path)
