"""How far the build of one tool is: a live bar on a terminal, now and then a plain line elsewhere.

Go names each module that it fetches and, with -v, each package that it compiles; the number of packages is
known before. Packages that Go has in its own cache are not named, so a repeated build jumps to its end. Dies
with its `with` block.
"""

from __future__ import annotations

import time
from types import TracebackType

from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    SpinnerColumn,
    TextColumn,
    TimeElapsedColumn,
)

PLAIN_SECONDS = 20


class BuildProgress:
    """Use as a context manager; feed every line of Go's stderr to `step`."""

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._count = 0
        self._total: int | None = None
        self._started = self._said = time.monotonic()
        self._bar = Progress(
            SpinnerColumn(),
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(f"{title}: fetching modules", total=None)

    def __enter__(self) -> BuildProgress:
        self._started = self._said = time.monotonic()
        self._bar.start()
        if not self._console.is_terminal:
            self._say("building")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bar.stop()
        self._say("failed" if kind else "built")

    def compiling(self, packages: int) -> None:
        """All modules are here; from now on `step` counts packages, of at most `packages`."""
        self._count, self._total = 0, packages
        self._bar.update(self._task, description=f"{self._title}: compiling packages", completed=0, total=packages)

    def step(self, text: str) -> None:
        """Takes a line of Go's output as one step."""
        self._count += 1
        self._bar.update(self._task, advance=1)
        if not self._console.is_terminal and time.monotonic() - self._said > PLAIN_SECONDS:
            doing = "fetching modules" if self._total is None else f"compiling, {self._count} of {self._total} packages"
            self._say(f"{doing} ({text})")

    def _say(self, what: str) -> None:
        self._said = time.monotonic()
        elapsed = self._said - self._started
        # A title holds brackets, which rich would take for markup.
        self._console.print(f"{self._title}: {what}, {elapsed:.0f} s", markup=False, highlight=False, soft_wrap=True)
