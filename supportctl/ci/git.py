"""What a change is, as git knows it: paths since the common ancestor, and the stacks that have a file.

Owns asking git. Changes nothing, and takes no name of a revision for an option.
"""

from __future__ import annotations

import posixpath
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from components.documents import DocumentError, read_yaml, yaml_mapping
from supportctl.ci.affected import STACK_FILE, Change

LINK = "120000 "
"""How git's rows of symbolic links begin."""
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


def known(project: Path, commit: str | None) -> str | None:
    """The commit, if the history that is here has it."""
    try:
        return revision(project, commit) if commit else None
    except GitError:
        return None


def stacks(project: Path, head: str | None) -> list[str]:
    """Names of the stacks that have a file at head."""
    if head is None:
        paths = [f"stacks/{file.name}" for file in (project / "stacks").glob("Pulumi.*.yaml")]
    else:
        paths = _ask(project, "ls-tree", "--name-only", "-z", revision(project, head), "stacks/").split("\0")
    return sorted(found[1] for path in paths if (found := STACK_FILE.fullmatch(path)))


def named(project: Path, head: str | None) -> dict[str, set[str]]:
    """Paths inside the repository that the file of each stack names, from the root. A file that is no YAML names none:
    its own preview says so."""
    return {stack: set(_paths(_settings(project, head, stack))) for stack in stacks(project, head)}


def _settings(project: Path, head: str | None, stack: str) -> Any:
    path = f"stacks/Pulumi.{stack}.yaml"
    try:
        if head is None:
            return read_yaml(project / path)
        return yaml_mapping(_ask(project, "show", f"{revision(project, head)}:{path}").encode(), path)
    except DocumentError:
        return None


def _paths(value: Any) -> Iterator[str]:
    if isinstance(value, str) and value.startswith(("./", "../")):
        yield posixpath.normpath(value)
    for item in value.values() if isinstance(value, dict) else value if isinstance(value, list) else ():
        yield from _paths(item)


def links(project: Path, head: str | None) -> list[str]:
    """Paths of the symbolic links that are kept at head."""
    words = ("ls-files", "-s") if head is None else ("ls-tree", "-r", revision(project, head))
    rows = _ask(project, words[0], "-z", *words[1:]).split("\0")
    return sorted(row.partition("\t")[2] for row in rows if row.startswith(LINK))


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
