"""A child process ends: in time by itself, or at its limit with everything that it started."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from providers import process
from tests.providers.processes import ended

HANGS = (
    "import os, subprocess, sys, time\n"
    "child = subprocess.Popen(['sleep', '600'])\n"
    "open(sys.argv[1], 'w').write(f'{os.getpid()} {child.pid}')\n"
    "print('begun', flush=True)\n"
    "time.sleep(600)\n"
)


def test_a_command_gives_its_code_and_both_outputs_and_gets_no_input(tmp_path: Path) -> None:
    program = "import sys; print(len(sys.stdin.read()), 'out'); print('error', file=sys.stderr); sys.exit(3)"
    done = process.run([sys.executable, "-c", program], environ=os.environ, limit=60, grace=5, folder=tmp_path)
    assert (done.code, done.output, done.errors) == (3, "0 out\n", "error\n")


@pytest.mark.parametrize("shown", [False, True], ids=["run", "show"])
def test_at_the_limit_the_command_and_its_children_are_ended(shown: bool, tmp_path: Path) -> None:
    words = [sys.executable, "-c", HANGS, str(tmp_path / "pids")]
    if shown:
        assert process.show(words, environ=os.environ, limit=3, grace=1) is None
    else:
        done = process.run(words, environ=os.environ, limit=3, grace=1)
        assert (done.code, done.output) == (None, "begun\n")
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert ended(pid), f"process {pid} still runs"


def test_what_is_shown_goes_to_our_own_output(capfd: pytest.CaptureFixture[str]) -> None:
    assert process.show([sys.executable, "-c", "print('shown')"], environ=os.environ, limit=60, grace=5) == 0
    assert capfd.readouterr().out == "shown\n"


def test_a_command_that_does_not_exist_is_an_os_error() -> None:
    with pytest.raises(OSError, match="no-such-command"):
        process.run(["no-such-command"], environ=os.environ, limit=1, grace=1)
