"""The ways to cut access, as the command lines that a person types.

Owns the words. What the documents say to do besides on a particular day is the fault's.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass, field

from sandbox.rehearse.command import Ended
from sandbox.rehearse.stage import CUT, Stage

DESTROY = ["pulumi", "destroy", "-s", CUT, "--yes", "--skip-preview", "--non-interactive"]
FLAGS = ["--refresh", "--continue-on-error"]
UNREACHABLE = "PULUMI_K8S_DELETE_UNREACHABLE=true"


@dataclass(slots=True)
class Documented:
    """What docs/kill-switch.md says to do besides on such a day: commands before the destroy, and flags of it."""

    before: list[list[str]] = field(default_factory=list)
    flags: list[str] = field(default_factory=list)
    patience: float | None = None
    """Seconds after which a person interrupts a destroy that does not end; `kill` then limits its own to as much."""


def destroy(stage: Stage, documented: Documented) -> Ended:
    return stage.run("destroy", DESTROY, documented.patience)


def destroy_flags(stage: Stage, documented: Documented) -> Ended:
    for words in documented.before:
        stage.run("before", words)
    words = ["env", UNREACHABLE, *DESTROY, *FLAGS, *documented.flags]
    return stage.run("destroy-flags", words, documented.patience)


def kill_words(stage: Stage) -> list[str]:
    record = ["--record", str(stage.folder / "kills"), "--project", str(stage.project)]
    return [sys.executable, "-m", "supportctl", "kill", CUT, "--yes", "--reason", "rehearsal", *record]


def kill(stage: Stage, documented: Documented) -> Ended:
    limit = [] if documented.patience is None else ["--limit", f"{documented.patience:.0f}"]
    return stage.run("kill", [*kill_words(stage), *limit])


def uninstall(stage: Stage, _documented: Documented) -> Ended:
    words = ["helm", "--kube-context", CUT, "uninstall", "tailscale-operator", "-n", "tailscale", "--timeout", "30s"]
    return stage.run("uninstall", words)


CUTS: dict[str, Callable[[Stage, Documented], Ended]] = {
    "destroy": destroy,
    "destroy-flags": destroy_flags,
    "kill": kill,
    "uninstall": uninstall,
}
"""By the names of cell.MEANS."""


def read_words(stage: Stage) -> dict[str, list[str]]:
    """By the names of cell.READS."""
    project = ["--project", str(stage.project), "--out", str(stage.folder / "drift")]
    flags = ["-s", CUT, "--yes", "--skip-preview", "--non-interactive"]
    return {
        "refresh": ["pulumi", "refresh", *flags],
        "up-refresh": ["pulumi", "up", "--refresh", *flags],
        "drift": [sys.executable, "-m", "supportctl", "ci", "drift", CUT, *project],
    }
