"""The record of a kill: who, when, why, what was done, and how long each step took.

Owns the form of the JSON. Written after every step, so that a kill that is itself cut short has said what it did. A
folder that cannot be written and a screen that is gone hold up nothing. Holds ids, names and times; no secret ever
reaches it.
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

Status = Literal["under way", "done", "nothing to do", "failed", "skipped", "would be done"]


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
    exit: int | None = None
    """The exit code (kill.py); None in the record of a kill that has not ended, or was cut short."""
    unsaved: str | None = None
    """Why the JSON could not be written the last time; None when it was."""
    _began: float = 0.0

    def __post_init__(self) -> None:
        self._began = self.clock()

    def add(self, name: str, status: Status, what: list[str] | tuple[str, ...] = (), error: str | None = None) -> None:
        """One step is over: shown, kept, and saved."""
        step = Step(name, status, self._seconds(), tuple(what), error)
        self.steps.append(step)
        self._tell(step)
        self.save()

    def begin(self, name: str, what: str) -> None:
        """One step begins that may take long: shown, and not kept."""
        self._tell(Step(name, "under way", self._seconds(), (what,)))

    @property
    def failed(self) -> list[Step]:
        """Steps that failed and were not made good by a later step of the same name."""
        last = {step.name: step for step in self.steps}
        return [step for step in last.values() if step.status == "failed"]

    @property
    def text(self) -> str:
        """The record as JSON."""
        content = {
            "target": self.target,
            "who": self.who,
            "why": self.why,
            "started": self.started,
            "saved": now(),
            "exit": self.exit,
            "steps": [asdict(step) for step in self.steps],
            "left": self.left,
        }
        return json.dumps(content, indent=2)

    def save(self) -> None:
        """Writes the JSON in one go: half a record is worse than the one before. Raises nothing: see `unsaved`."""
        if self.path is None:
            return
        temporary = self.path.with_suffix(".tmp")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            with os.fdopen(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
                file.write(self.text + "\n")
            temporary.replace(self.path)
        except OSError as error:
            self.unsaved = str(error)
        else:
            self.unsaved = None

    def _seconds(self) -> float:
        return round(self.clock() - self._began, 3)

    def _tell(self, step: Step) -> None:
        with contextlib.suppress(OSError, ValueError):
            self.say(step)


def now() -> str:
    """The time as records have it, RFC 3339 in UTC."""
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
