"""Processes of the world: alive or not is known from the folder alone, and stopping leaves nothing."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox import process

SLEEP = [sys.executable, "-c", "import time; time.sleep(600)"]


@pytest.fixture(autouse=True)
def stopped(tmp_path: Path) -> Iterator[None]:
    yield
    process.stop(process.known(tmp_path), 0)


def test_whoever_has_the_folder_sees_and_stops_what_runs_in_it(tmp_path: Path) -> None:
    started = process.start(tmp_path, "sleeper", SLEEP)
    found = process.running(tmp_path)
    assert [(p.name, p.pid) for p in found] == [("sleeper", started.pid)]
    process.stop(found, 5)
    assert not started.alive
    assert process.known(tmp_path) == []


STUBBORN = """
import os, signal, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = os.fork()
while True:
    print("child" if child == 0 else "parent", flush=True)
    time.sleep(0.01)
"""


def test_stopping_ends_descendants_that_refuse_to_end(tmp_path: Path) -> None:
    started = process.start(tmp_path, "stubborn", [sys.executable, "-c", STUBBORN])
    process.wait_ready(started, lambda: {"child", "parent"} <= set(started.log.read_text().split()), 10)
    process.stop([started], 0.2)
    written = started.log.stat().st_size
    time.sleep(0.1)
    assert started.log.stat().st_size == written


GRACEFUL = """
import signal, sys, time
signal.signal(signal.SIGTERM, lambda *_: sys.exit("ended by itself"))
print("up", flush=True)
time.sleep(600)
"""


def test_a_frozen_process_is_stopped_without_force(tmp_path: Path) -> None:
    started = process.start(tmp_path, "frozen", [sys.executable, "-c", GRACEFUL])
    process.wait_ready(started, lambda: "up" in started.log.read_text(), 10)
    started.signal_group(signal.SIGSTOP)
    process.stop([started], 10)
    assert "ended by itself" in started.log.read_text()


def test_a_process_that_ends_too_early_shows_the_end_of_its_log(tmp_path: Path) -> None:
    started = process.start(tmp_path, "failing", [sys.executable, "-c", "raise SystemExit('port is taken')"])
    with pytest.raises(process.ProcessError, match=r"(?s)failing ended before it was ready.*port is taken"):
        process.wait_ready(started, lambda: False, 10)


def test_a_process_that_never_becomes_ready_is_an_error_after_the_deadline(tmp_path: Path) -> None:
    started = process.start(tmp_path, "slow", SLEEP)
    with pytest.raises(process.ProcessError, match="not ready within 0 s"):
        process.wait_ready(started, lambda: False, 0.1)


def test_a_second_process_of_the_same_name_is_refused(tmp_path: Path) -> None:
    process.start(tmp_path, "only", SLEEP)
    with pytest.raises(process.ProcessError, match="already runs"):
        process.start(tmp_path, "only", SLEEP)


def test_a_program_that_is_not_there_is_a_clear_error(tmp_path: Path) -> None:
    with pytest.raises(process.ProcessError, match="could not be started"):
        process.start(tmp_path, "missing", [tmp_path / "no-such-program"])
    assert process.running(tmp_path) == []


def test_an_id_that_now_belongs_to_somebody_else_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "long-dead").write_text(str(os.getpgrp()))  # nobody holds its lock
    stale = process.Process(tmp_path, "long-dead")
    assert not stale.alive
    process.stop([stale], 0)  # or this test run would end here
