"""What becomes of a stack's lock when its state is to be cleared: lifted from the dead, waited for with the living."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from typing import Any

import pytest

from supportctl.kill.turn import turn
from tests.supportctl.scripted_engine import Engine, dead_pid, lock


def test_a_lock_of_a_dead_run_is_lifted(engine: Engine) -> None:
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1
    with turn("acme-prod") as another:
        assert another(), "its turn ends with its destroy"


@pytest.mark.parametrize("host", [None, "elsewhere"])
def test_a_run_that_may_live_is_waited_for_and_never_robbed_of_its_lock(engine: Engine, host: str | None) -> None:
    engine.answers((255, lock(os.getpid(), host)), (0, "done"))
    assert engine.stack().clear().clear
    assert engine.calls("cancel") == []


def test_a_run_that_does_not_end_is_named_with_the_way_on(engine: Engine) -> None:
    engine.answers((255, lock(os.getpid())))
    cleared = engine.stack(lock_patience=0).clear()
    assert not cleared.clear
    assert f"process {os.getpid()}" in str(cleared.error)
    assert "supportctl kill acme-prod" in str(cleared.error)
    assert "acme-prod-operator-release" in cleared.left
    assert engine.calls("cancel") == []


def test_of_two_kills_at_once_the_second_never_takes_the_fresh_lock_of_the_first(engine: Engine) -> None:
    """Both have seen the lock of a dead run, and `pulumi cancel` takes whatever is there by then."""
    engine.answers((255, lock(dead_pid())), (255, lock(os.getpid())), (0, "done"))
    with turn("acme-prod") as first:
        assert first()
        assert engine.stack().clear().clear
    assert engine.calls("cancel") == []


def test_a_kill_that_died_leaves_its_turn_to_the_next(engine: Engine) -> None:
    code = "import os, signal; from supportctl.kill.turn import turn\nwith turn('acme-prod') as mine: assert mine(); "
    died = subprocess.run([sys.executable, "-c", code + "os.kill(os.getpid(), signal.SIGKILL)"], check=False)
    assert died.returncode == -signal.SIGKILL
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_a_kill_of_another_stack_is_not_waited_for(engine: Engine) -> None:
    engine.answers((255, lock(dead_pid())), (0, "done"))
    with turn("acme-dev") as other:
        assert other()
        assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_where_there_is_no_place_for_the_turn_a_dead_lock_is_lifted_all_the_same(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = os.open

    def full(path: Any, *words: Any, **more: Any) -> int:
        if str(path).endswith("support-access-acme-prod.lock"):
            raise OSError(28, "No space left on device")
        return here(path, *words, **more)

    monkeypatch.setattr(os, "open", full)
    engine.answers((255, lock(dead_pid())), (0, "done"))
    assert engine.stack().clear().clear
    assert len(engine.calls("cancel")) == 1


def test_a_lock_that_cannot_be_lifted_ends_the_wait(engine: Engine) -> None:
    gone = dead_pid()
    engine.answers((255, lock(gone)), (255, lock(gone)))
    cleared = engine.stack(lock_patience=0).clear()
    assert not cleared.clear
    assert "pulumi cancel" in str(cleared.error)
    assert len(engine.calls("cancel")) == 1
