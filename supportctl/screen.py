"""What a person sees: steps as they happen, with their time. Owns the form of the lines; prints no secret, ever.

A screen that nobody reads any more (`| head`) changes nothing of what is done, nor the exit code.
"""

from __future__ import annotations

import os

from rich.console import Console
from rich.markup import escape

from supportctl.kill.record import Step

_MARKS = {
    "under way": "[dim]under way[/]",
    "done": "[green]done[/]",
    "nothing to do": "[dim]nothing to do[/]",
    "failed": "[bold red]failed[/]",
    "skipped": "[yellow]skipped[/]",
    "would be done": "[yellow]would be done[/]",
}


class _Screen(Console):
    def on_broken_pipe(self) -> None:
        """Goes on in silence. The library would end the program with 1, which says of a kill that access is gone."""
        self.quiet = True
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self.file.fileno())
        os.close(nowhere)


def console(*, stderr: bool = False) -> Console:
    """A console that breaks no line: ids and commands are copied from it."""
    return _Screen(stderr=stderr, highlight=False, soft_wrap=True)


def show_step(to: Console, step: Step) -> None:
    """One step: its time since the beginning, its name, what became of it, and a line for each thing."""
    to.print(f"{step.seconds:7.1f} s  {escape(step.name)}: {_MARKS[step.status]}")
    for line in step.what:
        to.print(f"            {escape(line)}")
    for line in (step.error or "").splitlines():
        to.print(f"            [red]{escape(line)}[/]")
