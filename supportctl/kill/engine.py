"""`pulumi` as a child process with an end: a command that does not end is asked to, then ended with its plugins.

Owns the process. Knows nothing of what the commands mean. Dies with whoever waits for it: interrupted, it ends the
child first, for one that went on alone would hold the stack's lock.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

GRACE = 10.0
"""Seconds for the engine to end after it was asked to."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`pulumi` in the folder of a project, with these variables and no others."""

    project: Path
    environ: Mapping[str, str]

    def run(self, *words: str, limit: float, merge: bool = True) -> tuple[int | None, str]:
        """Exit code (None: stopped at `limit` seconds) and output; stderr only on failure where it is not merged."""
        try:
            process = subprocess.Popen(
                ["pulumi", *words],
                cwd=self.project,
                env=dict(self.environ),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                encoding="utf-8",
                errors="replace",
                start_new_session=True,
            )
        except OSError as error:
            return 127, f"pulumi cannot be started: {error}"
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            out, err = _stopped(process)
            return None, out + (err or "")
        except BaseException:
            _stopped(process)
            raise
        return process.returncode, out if process.returncode == 0 else out + (err or "")


def _stopped(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, sign)
        try:
            return process.communicate(timeout=GRACE)
        except subprocess.TimeoutExpired:
            continue
    # It is dead, and something that it started lives on in a session of its own and keeps the pipe open.
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return "", None
