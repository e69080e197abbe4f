"""Which provider plugins a cell ran on, found the way the engine finds them: the PATH before PULUMI_HOME."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
from pathlib import Path

OWN = "tailnet"
"""This repository's own provider: what runs here is what runs anywhere."""


def kind(name: str, env: Mapping[str, str]) -> str:
    """`own`, `real`, or `stand-in`, whose timing says nothing about the real one."""
    if name == OWN:
        return "own"
    return "real" if shutil.which(f"pulumi-resource-{name}", path=env["PATH"]) else "stand-in"


def folder(name: str, env: Mapping[str, str]) -> Path | None:
    """Where the plugin lies below PULUMI_HOME; None when the engine takes one from the PATH."""
    if kind(name, env) != "stand-in":
        return None
    return next(Path(env["PULUMI_HOME"], "plugins").glob(f"resource-{name}-v*"))
