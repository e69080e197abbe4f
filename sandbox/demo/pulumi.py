"""The real `pulumi`, run as a person would run it.

Owns the command lines and what they printed; keeps every output, so that it can be searched for secrets. Does not
interpret states: the tests do. Each call is one child process that ends before the call returns.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass, field
from pathlib import Path
from time import monotonic
from typing import Any

ROOT = Path(__file__).resolve().parents[2]


class CommandError(Exception):
    """A command ended with an exit code that the demo does not go on from; carries all that it printed."""


@dataclass(frozen=True, slots=True)
class Finished:
    """One command. output: stdout and stderr together; code: its exit code; seconds: wall time."""

    command: str
    output: str
    code: int
    seconds: float


@dataclass(slots=True)
class Pulumi:
    """`pulumi` in one world's environment. transcript: everything that it has printed so far."""

    env: dict[str, str]
    project: Path = ROOT
    transcript: list[Finished] = field(default_factory=list)

    def run(self, *words: str, check: bool = True) -> Finished:
        """Runs `pulumi WORDS`; CommandError on a non-zero exit, unless check is False."""
        start = monotonic()
        done = subprocess.run(
            ["pulumi", *words, "--non-interactive"],
            cwd=self.project,
            env=self.env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        finished = Finished(" ".join(["pulumi", *words]), done.stdout, done.returncode, monotonic() - start)
        self.transcript.append(finished)
        if check and finished.code != 0:
            raise CommandError(f"{finished.command} ended with {finished.code}:\n{finished.output}")
        return finished

    def init(self, stack: str) -> None:
        """Makes the stack in the backend, unless it is there."""
        self.run("stack", "select", "--create", stack)

    def preview(self, stack: str, *flags: str, check: bool = True) -> Finished:
        return self.run("preview", "-s", stack, *flags, check=check)

    def up(self, stack: str, *flags: str, check: bool = True) -> Finished:
        return self.run("up", "-s", stack, "--yes", "--skip-preview", *flags, check=check)

    def destroy(self, stack: str, *flags: str, check: bool = True) -> Finished:
        return self.run("destroy", "-s", stack, "--yes", "--skip-preview", *flags, check=check)

    def stacks(self) -> list[dict[str, Any]]:
        """Stacks of the backend: `name`, `resourceCount`, ..."""
        return json.loads(self.run("stack", "ls", "--json").output)

    def outputs(self, stack: str) -> dict[str, Any]:
        """Outputs as anybody may see them, secrets blanked out."""
        return json.loads(self.run("stack", "output", "-s", stack, "--json").output)

    def export(self, stack: str) -> dict[str, Any]:
        """The stack's state as the backend keeps it, secrets encrypted."""
        return json.loads(self.run("stack", "export", "-s", stack).output)
