"""A stack that is not found, by the engine or by its name alone, is told with the way on."""

from __future__ import annotations

from pathlib import Path

import pytest

from supportctl.kill.target import TargetError, target
from supportctl.stack import StackError, outputs_of

FOLDER = (
    "no Pulumi.yaml project file found (searching upwards from /here). If you have not created a project yet, use"
    " `pulumi new` to do so: no project file found"
)


@pytest.mark.parametrize(
    ("said", "way_on"),
    [
        (FOLDER, "--project FOLDER"),
        ("no stack named 'acme-prd' found", "`pulumi stack ls` lists the stacks"),
        ("could not get cloud url", None),
    ],
)
def test_a_mistake_of_everybody_is_told_with_the_way_on(
    said: str, way_on: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f'#!/bin/sh\ncat >&2 <<"END"\nerror: {said}\nEND\nexit 255\n')
    pulumi.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(StackError) as caught:
        outputs_of("acme-prd", Path())
    first, _, rest = str(caught.value).partition("\n")
    assert said in first
    assert f"failed in {tmp_path}:" in first, "a dot names no folder to somebody who is in the wrong one"
    assert way_on in rest if way_on else not rest


def test_a_customers_name_in_place_of_a_stacks_is_told_how_to_go_on() -> None:
    with pytest.raises(TargetError, match=r"as in acme-prod\. A whole customer goes by --customer\."):
        target("acme", None)
