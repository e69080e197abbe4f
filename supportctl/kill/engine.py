"""`pulumi` as a child process with a time limit, ended with its plugins.

Owns its folder and environment. Knows nothing of what the commands mean. Where the caller is interrupted the child is
ended first, for one that went on alone would hold the stack's lock.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from providers import process

GRACE = 10.0
"""Seconds for the engine to end after each signal."""


@dataclass(frozen=True, slots=True)
class Engine:
    """`pulumi` in the folder of a project, with these variables and no others."""

    project: Path
    environ: Mapping[str, str]

    def run(self, *words: str, limit: float, merge: bool = True) -> tuple[int | None, str]:
        """Exit code (None: stopped at `limit` seconds) and output; stderr only on failure where it is not merged."""
        try:
            ended = process.run(
                ["pulumi", *words], environ=self.environ, limit=limit, grace=GRACE, folder=self.project, merge=merge
            )
        except OSError as error:
            return 127, f"pulumi cannot be started: {error}"
        return ended.code, ended.output if ended.code == 0 else ended.output + ended.errors
