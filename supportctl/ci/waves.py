"""In which order stacks are deployed, and behind which gate of GitHub's each stands.

Owns the three waves. `tailnet`: what all others stand on. `early`: environments that are no production, and those that
stacks/waves.yaml names under `early`. `late`: the rest. Each wave has a GitHub environment of its own, whose reviewers
are the gate; a wave that fails stops the next one.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from components.documents import DocumentError, read_yaml
from components.naming import Names
from supportctl.ci.affected import TAILNET
from supportctl.stack import StackError

WAVES = ("tailnet", "early", "late")
PRODUCTION = "prod"


def waves(stacks: Iterable[str], project: Path) -> dict[str, list[str]]:
    """Every wave with its stacks, sorted. Raises StackError for a file that names what is no stack."""
    named, early = set(stacks), _early(project)
    found: dict[str, list[str]] = {wave: [] for wave in WAVES}
    for stack in sorted(named):
        found[_wave(stack, early)].append(stack)
    return found


def _wave(stack: str, early: set[str]) -> str:
    if stack == TAILNET:
        return "tailnet"
    if stack in early:
        return "early"
    try:
        environment = Names.split(stack).environment
    except ValueError:
        return "late"  # what cannot be placed waits the longest
    return "late" if environment == PRODUCTION else "early"


def _early(project: Path) -> set[str]:
    file = project / "stacks" / "waves.yaml"
    if not file.exists():
        return set()
    try:
        contents = read_yaml(file)
    except DocumentError as error:
        raise StackError(str(error)) from None
    early = contents.get("early")
    if set(contents) != {"early"} or not isinstance(early, list):
        raise StackError(f"{file} must hold `early: [STACK, ...]` and nothing else.")
    unknown = [name for name in map(str, early) if not (project / "stacks" / f"Pulumi.{name}.yaml").exists()]
    if unknown:
        raise StackError(f"{file} names {', '.join(unknown)} under early, and there is no such stack.")
    return set(map(str, early))
