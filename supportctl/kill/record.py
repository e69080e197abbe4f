"""The record of a kill: who, when, why, what was done, and how long each step took.

Owns the form of the JSON and the lines on the screen. Written after every step, so that a kill that is itself cut
short has said what it did. Holds ids, names and times; no secret ever reaches it.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Status = Literal["done", "nothing to do", "failed", "skipped", "would be done"]


@dataclass(frozen=True, slots=True)
class Step:
    """One step. seconds: since the kill began, when the step ended. what: one line per thing that went."""

    name: str
    status: Status
    seconds: float
    what: tuple[str, ...] = ()
    error: str | None = None


@dataclass(slots=True)
class Record:
    """What a kill did. `say` gets each step as it happens; `path` is where the JSON goes, or None for a dry run."""

    target: str
    who: str
    why: str
    path: Path | None
    say: Callable[[Step], None]
    clock: Callable[[], float] = time.monotonic
    started: str = field(default_factory=lambda: now())
    steps: list[Step] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    """What the kill could not take away, each with the command that finishes it."""
    _began: float = 0.0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def add(self, name: str, status: Status, what: list[str] | tuple[str, ...] = (), error: str | None = None) -> None:
        """One step is over: shown, kept, and saved."""
        step = Step(name, status, round(self.clock() - self._began, 3), tuple(what), error)
        self.steps.append(step)
        self.say(step)
        self.save()

    @property
    def failed(self) -> list[Step]:
        """Steps that failed and were not made good by a later step of the same name."""
        last = {step.name: step for step in self.steps}
        return [step for step in last.values() if step.status == "failed"]

    def seconds_to(self, name: str) -> float | None:
        """When a step had first succeeded, in seconds since the kill began; None when it never did."""
        return next((step.seconds for step in self.steps if step.name == name and step.status != "failed"), None)

    def save(self) -> None:
        """Writes the JSON in one go: half a record is worse than the one before."""
        if self.path is None:
            return
        self.path.parent.mkdir(parents=True, exist_ok=True)
        content = {
            "target": self.target,
            "who": self.who,
            "why": self.why,
            "started": self.started,
            "saved": now(),
            "steps": [asdict(step) for step in self.steps],
            "left": self.left,
        }
        temporary = self.path.with_suffix(".tmp")
        with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(json.dumps(content, indent=2, ensure_ascii=False) + "\n")
        temporary.replace(self.path)


def now() -> str:
    """The time as records have it, RFC 3339 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
