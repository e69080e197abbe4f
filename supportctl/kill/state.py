"""Clearing the state: the `pulumi destroy` that follows once nothing at Tailscale is left.

Owns the flags, the time limit and the reading of what stopped it. By now access is gone, so nothing here may undo or
delay that: whatever fails is told with the command that finishes it. Runs no program: a destroy needs none.
"""

from __future__ import annotations

import json
import os
import re
import signal
import socket
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

FLAGS = ("--yes", "--skip-preview", "--refresh", "--continue-on-error", "--non-interactive", "--suppress-outputs")
"""--refresh and the variable below let what an unreachable cluster holds go from the state (release included)."""
UNREACHABLE = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
LIMIT = 300.0
"""Seconds for the destroy."""
GRACE = 10.0
"""Seconds for the engine to end after it was asked to."""

_LOCK = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of the state. left: resources that it still names; error: what stopped it and how to go on."""

    clear: bool
    left: tuple[str, ...] = ()
    unreachable: bool = False
    """Whether the customer's cluster did not answer: what is in it was dropped from the state and still is there."""
    error: str | None = None


@dataclass(slots=True)
class Stack:
    """A stack in the backend that the environment names. project: folder of Pulumi.yaml."""

    name: str
    project: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))

    def clear(self, limit: float = LIMIT) -> Cleared:
        """Destroys the stack; a lock of a run of this machine that is dead is lifted first."""
        before = self._resources()
        if before.error is not None or not before.rows:
            return Cleared(clear=before.error is None, error=before.error)
        command = ("destroy", "-s", self.name, *FLAGS)
        code, output = self._run(*command, limit=limit)
        if code != 0 and (locks := list(_LOCK.finditer(output))):
            alive = [lock for lock in locks if not _is_dead(lock["host"], int(lock["pid"]))]
            if alive:
                return Cleared(clear=False, left=_names(before.rows), error=_locked(self.name, alive[0]))
            self._run("cancel", "-s", self.name, "--yes", "--non-interactive", limit=60)
            code, output = self._run(*command, limit=limit)
        after = self._resources()
        unreachable = "unreachable" in output
        if code == 0 and not after.rows and after.error is None:
            return Cleared(clear=True, unreachable=unreachable)
        why = f"it did not end within {limit:.0f} s" if code is None else _last_error(output)
        return Cleared(
            clear=False,
            left=_names(after.rows),
            unreachable=unreachable,
            error=f"{why}\nAccess is cut all the same. Finish with: PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy "
            f"-s {self.name} --refresh --continue-on-error",
        )

    def _resources(self) -> _Resources:
        code, output = self._run("stack", "export", "-s", self.name, "--non-interactive", limit=60, merge=False)
        if code != 0:
            if "no stack named" in output:
                return _Resources([], None)
            return _Resources([], f"the state cannot be read: {_last_error(output)}")
        try:
            deployment = json.loads(output)["deployment"] or {}
        except (ValueError, KeyError, TypeError):
            return _Resources([], "the state cannot be read: `pulumi stack export` printed no JSON")
        return _Resources(deployment.get("resources") or [], None)

    def _run(self, *words: str, limit: float, merge: bool = True) -> tuple[int | None, str]:
        """Exit code (None: stopped at the limit) and output; stderr only on failure where they are not merged."""
        try:
            process = subprocess.Popen(
                ["pulumi", *words],
                cwd=self.project,
                env={**self.environ, **UNREACHABLE, "PULUMI_SKIP_UPDATE_CHECK": "true"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT if merge else subprocess.PIPE,
                text=True,
                start_new_session=True,
            )
        except OSError as error:
            return 127, f"pulumi cannot be started: {error}"
        try:
            out, err = process.communicate(timeout=limit)
        except subprocess.TimeoutExpired:
            out, err = _stop(process)
            return None, out + (err or "")
        return process.returncode, out if process.returncode == 0 else out + (err or "")


@dataclass(frozen=True, slots=True)
class _Resources:
    rows: list[dict[str, Any]]
    error: str | None


def _stop(process: subprocess.Popen[str]) -> tuple[str, str | None]:
    """Asks the engine to end and, after a while, ends it and the plugins that it started."""
    for sign, wait in ((signal.SIGINT, GRACE), (signal.SIGTERM, GRACE), (signal.SIGKILL, None)):
        os.killpg(process.pid, sign)
        try:
            return process.communicate(timeout=wait)
        except subprocess.TimeoutExpired:
            continue
    raise AssertionError("a killed process ends")


def _is_dead(host: str, pid: int) -> bool:
    """Whether the process that holds the lock ran on this machine and is no more."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _locked(stack: str, lock: re.Match[str]) -> str:
    return (
        f"another run holds the stack's lock ({lock['user']} on {lock['host']}, process {lock['pid']}). It cannot "
        f"bring access back: the killed-group refuses it. When it has ended, or if it is dead (`pulumi cancel -s "
        f"{stack}`), run `supportctl kill {stack}` again: that clears the state."
    )


def _names(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    return tuple(row["urn"].rpartition("::")[2] for row in rows if not row["type"].startswith("pulumi:pulumi:"))


def _last_error(output: str) -> str:
    """The lines of the engine's output that say what was wrong, at most ten."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return "\n".join((errors or lines)[-10:]) or "pulumi said nothing"
