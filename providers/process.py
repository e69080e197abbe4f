"""A child process with an end: one that does not end in time is ended, with everything that it started.

Owns the process, its session and its pipes. Knows nothing of what the command means. Where the caller is interrupted
the child is ended first.
"""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Ended:
    """code: None when the time limit ended it. errors: empty where they were merged into the output."""

    code: int | None
    output: str
    errors: str


def run(
    words: Sequence[str],
    *,
    environ: Mapping[str, str],
    limit: float,
    grace: float,
    folder: Path | None = None,
    merge: bool = False,
) -> Ended:
    """Run a command without a terminal and without input. Raises OSError when it cannot be started.

    limit: seconds for the command. grace: seconds for each of SIGINT, SIGTERM and SIGKILL to have an effect afterwards.
    """
    process = _started(words, environ, folder, subprocess.PIPE, subprocess.STDOUT if merge else subprocess.PIPE)
    return _ended(process, limit, grace)


def show(
    words: Sequence[str], *, environ: Mapping[str, str], limit: float, grace: float, folder: Path | None = None
) -> int | None:
    """As run, with the command's output on this process's own. The exit code, None when the time limit ended it."""
    return _ended(_started(words, environ, folder, None, None), limit, grace).code


def _started(
    words: Sequence[str], environ: Mapping[str, str], folder: Path | None, output: int | None, errors: int | None
) -> subprocess.Popen[str]:
    return subprocess.Popen(
        list(words),
        cwd=folder,
        env=dict(environ),
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=errors,
        encoding="utf-8",
        errors="replace",
        start_new_session=True,
    )


def _ended(process: subprocess.Popen[str], limit: float, grace: float) -> Ended:
    try:
        output, errors = process.communicate(timeout=limit)
    except subprocess.TimeoutExpired:
        output, errors = _stopped(process, grace)
        return Ended(None, output or "", errors or "")
    except BaseException:
        _stopped(process, grace)
        raise
    return Ended(process.returncode, output or "", errors or "")


def _stopped(process: subprocess.Popen[str], grace: float) -> tuple[str, str | None]:
    for sign in (signal.SIGINT, signal.SIGTERM, signal.SIGKILL):
        os.killpg(process.pid, sign)
        try:
            return process.communicate(timeout=grace)
        except subprocess.TimeoutExpired:
            continue
    # It has ended, and something that it started in a session of its own keeps the pipe open.
    process.wait()
    for pipe in (process.stdout, process.stderr):
        if pipe is not None:
            pipe.close()
    return "", None
