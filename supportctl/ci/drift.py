"""What stands otherwise than the state says: one issue for each stack, opened, kept current and closed.

Owns what counts as drift and the text of the issue. Finds it by `pulumi refresh --preview-only`, which runs no program
and changes nothing; what was added to objects in the cluster is in it (providers/tailnet/cluster_repair.py). A stack
that could not be asked is neither: its issue stays as it is, and the run fails.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supportctl.ci.events import Said
from supportctl.ci.github import GitHub
from supportctl.ci.markdown import block, cut, first, say
from supportctl.ci.model import Remark, Step

LIMIT = 60_000
"""Characters of an issue; GitHub refuses more than 65536, and then nobody would be told."""
LINES = (400, 40, 0)
"""Resources, and lines of what their providers say, that are shown: the most that fits is taken."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Drift:
    """What differs in one stack; steps: resources, remarks: what their providers say of it."""

    stack: str
    steps: tuple[Step, ...]
    remarks: tuple[Remark, ...]


def drift_of(stack: str, said: Said) -> Drift | None:
    """None where the world is as the state says."""
    if not said.drifted:
        return None
    remarks = tuple(remark for remark in said.remarks if remark.severity != "error")
    return Drift(stack=stack, steps=tuple(said.drifted), remarks=remarks)


def marker(stack: str) -> str:
    """The first line of the stack's issue."""
    return f"<!-- support-access: drift of {stack} -->"


def body(drift: Drift) -> str:
    """The issue's text, of at most LIMIT characters. The same drift gives the same text."""
    return next(text for most in LINES if len(text := _body(drift, most)) <= LIMIT or not most)


def _body(drift: Drift, most: int) -> str:
    steps = [
        say("{op} {name} ({type})", op=step.op, name=step.name, type=step.type)
        for step in sorted(drift.steps, key=lambda step: step.name)
    ]
    lines = [
        marker(drift.stack),
        say("What stands is not what {stack} last made. The next `pulumi up` changes it back.", stack=drift.stack),
        "",
        *(f"- {step}" for step in first(steps, most)),
    ]
    said = "\n".join(sorted(remark.text for remark in drift.remarks))
    if said and most:
        lines += ["", block(cut(said, most))]
    lines += [
        "",
        say(
            "Look: {look}. Keep it: declare it in the stack's file. Undo it: run the deployment.",
            look=f"pulumi refresh --preview-only -s {drift.stack}",
        ),
    ]
    return "\n".join(lines) + "\n"


def tell(github: GitHub, stack: str, found: Drift | None) -> str | None:
    """Opens, edits or closes the stack's issue: its URL; None where there is nothing to tell."""
    if found is None:
        return github.close_issue(marker(stack), "What stands is what the stack last made again.")
    return github.put_issue(marker(stack), f"Drift: {stack}", body(found))


def write(folder: Path, drift: Drift) -> Path:
    """The issue's text as a file, for a run that has no GitHub."""
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / f"{drift.stack}.md"
    file.write_text(body(drift))
    return file
