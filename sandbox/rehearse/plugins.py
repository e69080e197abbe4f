"""Which provider plugins a cell runs on, found the way the engine finds them (the PATH before PULUMI_HOME), and how one
of them is hidden from it.
"""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

OWN = "tailnet"
"""This repository's own provider: what runs here is what runs anywhere."""


def kind(name: str, env: Mapping[str, str]) -> str:
    """`own`, `real`, or `stand-in`, whose timing says nothing about the real one."""
    if name == OWN:
        return "own"
    return "real" if shutil.which(program(name), path=env["PATH"]) else "stand-in"


@contextmanager
def hidden(name: str, env: dict[str, str], folder: Path) -> Iterator[None]:
    """Without the plugin, wherever it lies: a stand-in's folder is renamed; a real one is left out of the PATH, whose
    folder then stands in `folder` with links to everything else in it."""
    kept = env["PATH"]
    if kind(name, env) == "real":
        env["PATH"] = os.pathsep.join(_without(program(name), Path(part), folder) for part in kept.split(os.pathsep))
        try:
            yield
        finally:
            env["PATH"] = kept
        return
    place = next(Path(env["PULUMI_HOME"], "plugins").glob(f"resource-{name}-v*"))
    aside = place.with_name(f"aside-{place.name}")
    place.rename(aside)
    try:
        yield
    finally:
        aside.rename(place)


def program(name: str) -> str:
    """The executable of a plugin."""
    return f"pulumi-resource-{name}"


def _without(missing: str, part: Path, folder: Path) -> str:
    """A folder of the PATH, or one like it without one program."""
    if not (part / missing).exists():
        return str(part)
    like = folder / hashlib.sha256(str(part).encode()).hexdigest()[:8]
    like.mkdir(parents=True, exist_ok=True)
    for item in part.iterdir():
        link = like / item.name
        if item.name != missing and not link.is_symlink():
            link.symlink_to(item)
    return str(like)
