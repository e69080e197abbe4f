"""The policy pack's limits for one stack: found, checked, and handed to the engine.

Owns the check. The engine passes over a name that it does not know, so a limit that was misspelled, and one word that
switches everything off, would count for nothing and for all. Owns no rule: which limits there are the pack's catalogue
says.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from policy.catalogue import CATALOGUE
from supportctl.ci.encryption import in_sandbox
from supportctl.stack import StackError

LEVEL = "enforcementLevel"
LEVELS = ("mandatory", "advisory", "disabled")
CHARTS = "SUPPORT_ACCESS_CHART_REPOSITORY"
"""Where the sandbox's chart is; elsewhere the limits themselves say which charts are allowed."""


@contextmanager
def pack(stack: str, project: Path, environ: Mapping[str, str] = os.environ) -> Iterator[list[str]]:
    """Flags for the policy pack with the limits of this stack: its own file, or the one of all stacks. StackError."""
    folder = project / "policy"
    files = (folder / "limits" / f"{stack}.json", folder / "limits.json")
    limits = next((read(file) for file in files if file.exists()), {})
    if (charts := environ.get(CHARTS)) and in_sandbox(environ):
        chart = {"charts": [f"{charts.rstrip('/')}/tailscale-operator"]}
        limits = {**limits, "chart-known": limits.get("chart-known", {}) | chart}
    with TemporaryDirectory(prefix="support-access-") as place:
        # What was checked is what the engine reads.
        file = Path(place) / "limits.json"
        file.write_text(json.dumps(limits))
        yield ["--policy-pack", str(folder), "--policy-pack-config", str(file)]


def read(file: Path) -> dict[str, dict[str, Any]]:
    """The limits by policy. Raises StackError that names everything that is wrong with them."""
    try:
        contents = json.loads(file.read_text())
    except (OSError, ValueError) as error:
        raise StackError(f"{file} is no JSON: {error}") from None
    if not isinstance(contents, dict):
        raise StackError(f"{file} must be an object of policies, each with its limits.")
    if wrong := [f"- {problem}" for name, limits in contents.items() for problem in _problems(name, limits)]:
        raise StackError("\n".join([f"{file}, which docs/policy.md describes:", *wrong]))
    return contents


def _problems(name: str, limits: Any) -> Iterator[str]:
    entry = next((entry for entry in CATALOGUE if entry.name == name), None)
    if entry is None:
        yield f"{name} is no policy: {', '.join(sorted(entry.name for entry in CATALOGUE))}."
    elif not isinstance(limits, dict):
        yield f"{name} must be an object, as in {{{json.dumps(LEVEL)}: {json.dumps(LEVELS[1])}}}."
    else:
        known = (LEVEL, *entry.config)
        for key in limits:
            if key not in known:
                yield f"{name} has no limit {key}: {', '.join(known)}."
        if LEVEL in limits and limits[LEVEL] not in LEVELS:
            yield f"{name}: {LEVEL} is {limits[LEVEL]!r} and must be one of {', '.join(LEVELS)}."
