"""The order of a deployment: what all stand on first, production last."""

from __future__ import annotations

from pathlib import Path

import pytest

from supportctl.ci.waves import waves
from supportctl.stack import StackError

STACKS = ("tailnet", "acme-prod", "acme-dev", "globex-prod", "hand-made")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "stacks").mkdir()
    for stack in STACKS:
        (tmp_path / "stacks" / f"Pulumi.{stack}.yaml").write_text("config: {}")
    return tmp_path


def test_the_tailnet_comes_first_and_production_last(project: Path) -> None:
    assert waves(STACKS, project) == {
        "tailnet": ["tailnet"],
        "early": ["acme-dev", "hand-made"],
        "late": ["acme-prod", "globex-prod"],
    }


def test_a_canary_is_named_in_a_file(project: Path) -> None:
    (project / "stacks" / "waves.yaml").write_text("early: [globex-prod]\n")
    assert waves(STACKS, project)["late"] == ["acme-prod"]


def test_what_cannot_be_placed_waits_the_longest(project: Path) -> None:
    assert waves(["Odd", "nohyphen"], project)["late"] == ["Odd", "nohyphen"]


@pytest.mark.parametrize(
    "text", ["early: [gone-prod]", "late: [acme-prod]", "early: acme-prod", "[]", "early: [a]\nx: 1"]
)
def test_a_file_that_says_something_else_is_refused(project: Path, text: str) -> None:
    (project / "stacks" / "waves.yaml").write_text(text)
    with pytest.raises(StackError):
        waves(STACKS, project)
