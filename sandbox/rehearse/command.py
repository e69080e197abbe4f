"""A command of the cut, with an end: what does not end in time is ended, and said to hang.

Owns the child process and everything that it starts: each command leads a session of its own, and the session ends as
a whole, since the engine gives every plugin a process group of its own.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIMIT = 240.0
"""Seconds after which a command counts as hung: longer than every time limit of the program's own."""
GRACE = 5.0
"""Seconds that a command has after each interruption."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended. code: its exit code, None when it hung."""

    code: int | None
    output: str
    seconds: float


@dataclass(slots=True)
class Command:
    """A command that runs. Output goes to a file, so that no plugin that holds a pipe can hang its reader."""

    process: subprocess.Popen[bytes]
    log: Path
    began: float

    def ended(self, limit: float = LIMIT) -> Ended:
        """Waits for its end, at most `limit` seconds. Then interrupts it as a person does, twice, and kills it."""
        try:
            code: int | None = self.process.wait(limit)
        except subprocess.TimeoutExpired:
            code = None
            below = descendants(self.process.pid)
            self._interrupt()
            self.kill(below)
        seconds = time.monotonic() - self.began
        return Ended(code, self.log.read_text(errors="replace"), round(seconds, 2))

    def _interrupt(self) -> None:
        """Ctrl-C in a terminal: SIGINT to the process group."""
        for _ in range(2):
            with contextlib.suppress(ProcessLookupError, subprocess.TimeoutExpired):
                os.killpg(self.process.pid, signal.SIGINT)
                self.process.wait(GRACE)

    def kill(self, below: Sequence[int] = ()) -> None:
        """SIGKILL to it, to its session and to the sessions of its children, as when the machine fails. below: children
        that it had, and that may live on without it."""
        for pid in [*below, *descendants(self.process.pid), self.process.pid]:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self.process.wait()


def start(words: Sequence[str], *, env: Mapping[str, str], cwd: Path, log: Path) -> Command:
    """Starts `words`; stdout and stderr go to `log` together."""
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("wb") as out:
        process = subprocess.Popen(
            list(words),
            cwd=cwd,
            env=dict(env),
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Command(process, log, time.monotonic())


def descendants(pid: int) -> list[int]:
    """Every living process below `pid`, the deepest first."""
    children: dict[int, list[int]] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            with contextlib.suppress(OSError):
                # pid (name) state ppid ...; the name may hold anything, so from the last bracket on.
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                children.setdefault(parent, []).append(int(folder.name))
    found: list[int] = []
    waiting = [pid]
    while waiting:
        below = children.get(waiting.pop(), [])
        found += below
        waiting += below
    return found[::-1]
