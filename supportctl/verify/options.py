"""The arguments of `supportctl verify`, as commands.py reads them and every question takes them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions:
    """needed, shut: `HOST[:PORT]`, in place of the stack's."""

    stack: str
    egress: bool
    gone: bool
    reachable: bool
    manifest: bool
    results: Path | None
    needed: tuple[str, ...]
    shut: tuple[str, ...]
    map_url: str
    map_file: Path | None
    limit: float
    project: Path
