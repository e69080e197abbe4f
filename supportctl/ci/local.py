"""The whole of a pull request's check by one command on one machine: `supportctl ci run`.

Owns the order, which preview.yml has too: what is touched, a preview of each, one comment. Posts nothing. What it
costs beside the plain previews is measured by running those as well.
"""

from __future__ import annotations

from pathlib import Path
from time import monotonic

from rich.console import Console

from supportctl.ci import git
from supportctl.ci.affected import Affected, affected
from supportctl.ci.comment import comment
from supportctl.ci.engine import plain_preview, preview
from supportctl.ci.model import Preview


def touched(project: Path, base: str, head: str | None) -> Affected:
    """What the change touches. head None: the files as they lie there. Raises GitError."""
    changes, stacks = git.changes(project, base, head), git.stacks(project, head)
    return affected(changes, stacks, git.links(project, head), git.named(project, head))


def run(project: Path, base: str, out: Path, *, compare: bool, to: Console) -> bool:
    """Writes every preview and comment.md into `out`. Returns whether every preview succeeded. Raises GitError."""
    began = monotonic()
    found = touched(project, base, None)
    previews: list[Preview] = []
    for stack, why in found.stacks.items():
        started = monotonic()
        previews.append(preview(stack, project))
        previews[-1].write(out / f"{stack}.json")
        came = "would go through" if previews[-1].succeeded else "would be refused"
        to.print(f"{monotonic() - started:7.1f} s  {stack} ({why}): {came}", markup=False)
    file = out / "comment.md"
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(comment(previews, judges=found.judges))
    seconds = monotonic() - began
    to.print(f"{seconds:7.1f} s  all of it; the comment is in {file}", markup=False)
    if compare:
        _compare(project, [each.stack for each in previews if each.kind == "changed"], seconds, to)
    return all(each.succeeded for each in previews)


def _compare(project: Path, stacks: list[str], seconds: float, to: Console) -> None:
    """New and removed stacks have no plain preview to compare with."""
    if not stacks:
        return
    plain = sum(plain_preview(stack, project) for stack in stacks)
    to.print(f"{plain:7.1f} s  plain `pulumi preview` of {', '.join(stacks)}: {seconds / plain:.2f} times that")
