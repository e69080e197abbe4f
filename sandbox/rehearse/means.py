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


def destroy(stage: Stage, _documented: Documented) -> Ended:
    return stage.run("destroy", DESTROY)


def destroy_flags(stage: Stage, documented: Documented) -> Ended:
    for words in documented.before:
        stage.run("before", words)
    return stage.run("destroy-flags", ["env", UNREACHABLE, *DESTROY, *FLAGS, *documented.flags])


def kill_words(stage: Stage) -> list[str]:
    record = ["--record", str(stage.folder / "kills"), "--project", str(stage.project)]
    return [sys.executable, "-m", "supportctl", "kill", CUT, "--yes", "--reason", "rehearsal", *record]


def kill(stage: Stage, _documented: Documented) -> Ended:
    return stage.run("kill", kill_words(stage))


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
