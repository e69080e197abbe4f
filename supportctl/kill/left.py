"""What is in the cluster of a killed environment, by its labels and not by its state: rights deleted, the rest named.

Owns when they are deleted, for the state may have dropped them while the namespace that owns them is stuck, and the
lines of what remains. It looks as `supportctl verify --gone` does. A cluster that is known by the name of a context
alone is only read: nothing says that this program manages it. Raises nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from components.naming import Names
from providers.cluster.look import ClusterLook
from providers.tailnet.sweep import sweep
from supportctl.kill.in_cluster import finishing
from supportctl.kill.recorded import Recorded


@dataclass(slots=True)
class Seen:
    """done: what was deleted, and what Kubernetes is deleting. left: what remains, and why anything is not known, with
    the commands to be run there."""

    done: list[str] = field(default_factory=list)
    left: list[str] = field(default_factory=list)


def left_in_cluster(stack: str, project: Path, known: Recorded | None = None, commands: tuple[str, ...] = ()) -> Seen:
    """What became of the objects in the cluster. known: the cluster of the state. commands: to be run there for what
    remains; () where the state names none."""
    seen = Seen()
    try:
        _look(Names.split(stack), project, known, seen)
    except Exception as error:  # access is revoked by now: no fault of a look may keep that from being said
        seen.left.append(f"not known what is left: {type(error).__name__}: {error}")
    lines = [f"in the cluster of {stack}: {line}" for line in seen.left]
    seen.left = [*lines, finishing(stack, commands)] if lines else []
    return seen


def _look(names: Names, project: Path, known: Recorded | None, seen: Seen) -> None:
    # Imported here: it takes a second, and nothing of it is needed to revoke.
    from supportctl.verify.gone import cluster_of, declared
    from supportctl.verify.gone_cluster import cluster_lines

    def connect() -> ClusterLook:
        look = cluster_of(names, project, known)
        if known or declared(names, project):
            seen.done += [f"deleted {it}" for it in sweep(look, names.labels, (), "").removed]
        return look

    for line in cluster_lines(connect, names):
        if line.answer == "left":
            seen.left += [f"{line.what}: {said}" for said in line.said]
        elif line.answer == "deleting":
            seen.done += line.said
        elif line.answer == "unknown":
            # A cluster that says nothing says so for every line: told once.
            seen.left += [it for it in (f"not known what is left: {said}" for said in line.said) if it not in seen.left]
