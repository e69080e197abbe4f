"""What is left in the cluster of a stack whose state holds nothing of it any more: dropped long ago, or never there.

Owns the lines of it and when they are said. Asks what `supportctl verify --gone` asks, and changes nothing.
"""

from __future__ import annotations

from pathlib import Path

from components.naming import Names
from supportctl.kill.in_cluster import finishing


def left_in_cluster(stack: str, project: Path) -> list[str]:
    """What is left, or why that is not known, and the commands to be run there. Empty when all was seen to be gone."""
    try:
        found = _looked(Names.split(stack), project)
    except Exception as error:  # access is cut by now: no fault of a look may keep that from being said
        found = [f"{type(error).__name__}: {error}"]
    return [*(f"in the cluster of {stack}: {line}" for line in found), *([finishing(stack, ())] if found else [])]


def _looked(names: Names, project: Path) -> list[str]:
    # Imported here: it takes a second, and nothing of it is needed to cut.
    from supportctl.verify.gone import cluster_of
    from supportctl.verify.gone_cluster import cluster_lines

    lines = [line for line in cluster_lines(lambda: cluster_of(names, project), names) if line.answer != "gone"]
    left = [f"{line.what}: {said}" for line in lines if line.answer == "left" for said in line.said]
    # A cluster that says nothing says so for every line: told once.
    unknown = dict.fromkeys(said for line in lines if line.answer == "unknown" for said in line.said)
    return [*left, *(f"not known what is left: {said}" for said in unknown)]
