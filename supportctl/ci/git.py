"""What a change is, as git knows it: paths since the common ancestor, and the stacks that have a file.

Owns asking git. Changes nothing, and takes no name of a revision for an option.
"""

from __future__ import annotations

import subprocess
from pathlib import Path

from supportctl.ci.affected import STACK_FILE, Change

LIMIT = 60.0
"""Seconds for one question."""


class GitError(Exception):
    """What git does not say, why, and how to mend it."""


def changes(project: Path, base: str, head: str | None) -> list[Change]:
    """Paths that differ between the common ancestor of both and head. head None: the files as they lie there."""
    start = ancestor(project, base, head)
    end = [] if head is None else [revision(project, head)]
    words = _ask(project, "diff", "--name-status", "--no-renames", "-z", start, *end).split("\0")
    found = [Change(path, status[:1]) for status, path in zip(words[::2], words[1::2], strict=False)]
    if head is None:
        new = _ask(project, "ls-files", "--others", "--exclude-standard", "-z").split("\0")
        found += [Change(path, "A") for path in new if path]
    return found


def ancestor(project: Path, base: str, head: str | None) -> str:
    """The common ancestor: what was merged to base since is no part of the change."""
    return _ask(project, "merge-base", revision(project, base), revision(project, head or "HEAD")).strip()


def revision(project: Path, name: str) -> str:
    """The full hash of a commit. Raises GitError for a name that is none."""
    return _ask(project, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{name}^{{commit}}").strip()


def stacks(project: Path, head: str | None) -> list[str]:
    """Names of the stacks that have a file at head."""
    if head is None:
        paths = [f"stacks/{file.name}" for file in (project / "stacks").glob("Pulumi.*.yaml")]
    else:
        paths = _ask(project, "ls-tree", "--name-only", "-z", revision(project, head), "stacks/").split("\0")
    return sorted(found[1] for path in paths if (found := STACK_FILE.fullmatch(path)))


def _ask(project: Path, *words: str) -> str:
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *words],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=LIMIT,
            check=False,
        )
    except OSError as error:
        raise GitError(f"git cannot be started: {error.strerror}. Put it on PATH.") from None
    except subprocess.TimeoutExpired:
        raise GitError(f"`git {words[0]}` did not answer within {LIMIT:.0f} s.") from None
    if done.returncode != 0:
        said = done.stderr.strip() or f"no commit is called {words[-1].removesuffix('^{commit}')!r}"
        raise GitError(
            f"`git {words[0]}` failed in {project}: {said}. In CI, check out the whole history (fetch-depth: 0)."
        )
    return done.stdout
