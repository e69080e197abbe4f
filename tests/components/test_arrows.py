"""Folders depend one way: what is below knows nothing of what is above it."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]

TREES = {
    "providers": set[str](),
    "components": {"providers"},
    "supportctl": {"components", "providers", "policy"},
    "policy": set[str](),
    "sandbox": set[str](),
}
"""Each to those that it may import. What judges the program, policy and sandbox, takes nothing from it."""

PARTS = {
    "endpoints": set[str](),
    "documents": set[str](),
    "naming": set[str](),
    "versions": set[str](),
    "settings": {"documents", "endpoints", "naming", "versions"},
    "features": {"naming", "settings"},
    "people": {"settings"},
    "tailnet": {"features", "naming", "settings"},
    "egress": {"endpoints", "features", "naming", "settings"},
    "manifests": {"egress", "endpoints", "features", "naming", "settings", "versions"},
}
"""The folders of components/ and the modules beside them; whatever is not here stands above all of these."""

KNOW_NO_RESOURCES = ("endpoints", "documents", "naming", "versions", "settings", "features", "manifests")


def imported(path: Path) -> Iterator[str]:
    """Modules, with the names taken from them; wherever in the file, since an import in a function is an arrow too."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = path.relative_to(ROOT).parts[: -node.level] if node.level else ()
            yield from (".".join([*above, *filter(None, [node.module]), name.name]) for name in node.names)


def modules(*parts: str) -> list[Path]:
    """Of one folder without what a tool keeps in it (a virtualenv), or the one module of that name."""
    place = ROOT.joinpath(*parts)
    found = [
        path for path in place.rglob("*.py") if not any(part.startswith(".") for part in path.relative_to(place).parts)
    ]
    return sorted(found) or [place.with_suffix(".py")]


def parts() -> dict[str, set[str]]:
    """Each part of components/ to those that it imports."""
    places = [place for place in (ROOT / "components").iterdir() if place.suffix == ".py" or list(place.glob("*.py"))]
    names = {place.stem for place in places} - {"__init__"}
    found = {}
    for name in names:
        arrows = [arrow.split(".") for path in modules("components", name) for arrow in imported(path)]
        found[name] = ({arrow[1] for arrow in arrows if arrow[0] == "components"} & names) - {name}
    return found


@pytest.mark.parametrize("tree", TREES)
def test_no_tree_imports_one_that_it_may_not_know(tree: str) -> None:
    trees = {arrow.partition(".")[0] for path in modules(tree) for arrow in imported(path)} & TREES.keys()
    assert trees - {tree} <= TREES[tree]


@pytest.mark.parametrize("part", PARTS)
def test_no_part_imports_one_that_stands_above_it(part: str) -> None:
    assert parts()[part] <= PARTS[part]


def test_no_two_parts_import_each_other() -> None:
    order = list(TopologicalSorter(parts()).static_order())
    assert order.index("endpoints") < order.index("settings") < order.index("egress") < order.index("cluster")


@pytest.mark.parametrize("tree", TREES)
def test_no_modules_import_each_other_in_a_circle(tree: str) -> None:
    paths = {".".join(path.relative_to(ROOT).with_suffix("").parts): path for path in modules(tree)}
    arrows = {
        name: {target for arrow in imported(path) for target in (arrow, arrow.rpartition(".")[0])} & paths.keys()
        for name, path in paths.items()
    }
    assert any(arrows.values())
    TopologicalSorter(arrows).prepare()  # raises CycleError, which names the circle


@pytest.mark.parametrize("part", KNOW_NO_RESOURCES)
def test_what_knows_nothing_of_resources_runs_without_pulumi(part: str) -> None:
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts) for path in modules("components", part)]
    code = f"import sys, {', '.join(names)}; print([name for name in sys.modules if name.startswith('pulumi')])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert done.stdout.strip() == "[]"
