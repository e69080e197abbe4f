"""Which stacks a change can touch, by the paths that it changes.

Owns the rules. Pure: paths in, stacks out; does not ask git (git.py). What no rule names may be read by the program
and touches every stack, so a new folder is never overlooked; only what is named here touches none.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

TAILNET = "tailnet"
STACK_FILE = re.compile(r"stacks/Pulumi\.([A-Za-z0-9][A-Za-z0-9_.-]*)\.yaml")
LIMITS_FILE = re.compile(r"policy/limits/([A-Za-z0-9][A-Za-z0-9_.-]*)\.json")
NO_STACK = (
    re.compile(r"(docs|tests|benchmarks|sandbox|tools|supportctl|\.github|\.ci)/.*"),
    re.compile(r"[^/]+\.md"),
    re.compile(r"LICENSE|Makefile|pyproject\.toml|\.gitignore|stacks/waves\.yaml"),
)
"""What no stack's program and no policy reads."""
JUDGES = (
    re.compile(r"(policy|supportctl|\.github|requirements)/.*"),
    re.compile(r"Makefile|pyproject\.toml|requirements[^/]*|stacks/waves\.yaml"),
)
"""What decides whether and how a change is judged, or runs where it is: a change of it is told in the comment."""


@dataclass(frozen=True, slots=True)
class Change:
    """path: from the repository's root. status: git's letter, A added, D deleted, M and all else changed."""

    path: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Affected:
    """stacks: name -> why, in a sorted order, `tailnet` first. added, removed: stacks that come and go, in `stacks`
    too. judges: paths by which the change touches what judges it."""

    stacks: dict[str, str] = field(default_factory=dict)
    added: tuple[str, ...] = ()
    removed: tuple[str, ...] = ()
    judges: tuple[str, ...] = ()


def affected(
    changes: Iterable[Change],
    standing: Iterable[str],
    links: Iterable[str] = (),
    named: Mapping[str, Iterable[str]] | None = None,
) -> Affected:
    """standing: the stacks that have a file after the change. links: paths of symbolic links after it: what is read by
    way of one has another path than it seems, so any change may be one of every stack. named: files and folders that a
    stack's settings name, as a chart, by stack."""
    changes, standing = list(changes), set(standing)
    reasons: dict[str, str] = {}
    added: set[str] = set()
    removed: set[str] = set()
    everything: str | None = None
    for change in changes:
        if stack := STACK_FILE.fullmatch(change.path):
            name = stack[1]
            if change.status == "D":
                removed.add(name)
            elif change.status == "A":
                added.add(name)
            reasons[name] = change.path
            if name == TAILNET:
                everything = everything or change.path
        elif (limits := LIMITS_FILE.fullmatch(change.path)) and limits[1] in standing:
            reasons.setdefault(limits[1], change.path)
        elif not _harmless(change.path):
            everything = everything or change.path
        for name, paths in (named or {}).items():
            if any(change.path == path or change.path.startswith(f"{path}/") for path in paths):
                reasons.setdefault(name, change.path)
    if changes and everything is None:
        everything = next((f"{link}, a link" for link in sorted(links) if not _harmless(link)), None)
    if everything is not None:
        for name in standing:
            reasons.setdefault(name, everything)
    return Affected(
        stacks={name: reasons[name] for name in in_order(reasons)},
        added=tuple(sorted(added)),
        removed=tuple(sorted(removed)),
        judges=tuple(sorted({c.path for c in changes if any(judge.fullmatch(c.path) for judge in JUDGES)})),
    )


def _harmless(path: str) -> bool:
    return any(each.fullmatch(path) for each in NO_STACK)


def in_order(stacks: Iterable[str]) -> list[str]:
    """Sorted, with what the others stand on first."""
    return sorted(stacks, key=lambda name: (name != TAILNET, name))
