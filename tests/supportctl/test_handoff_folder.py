"""The folder holds exactly one handoff, and the same one every time."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from supportctl.handoff.command import WRITTEN
from supportctl.handoff.folder import CHECKSUMS, FolderError, write_folder
from tests.supportctl.handing_over import contents


def test_the_same_stack_gives_the_same_bytes_and_its_checksums_hold(
    handoff: Callable[..., int], tmp_path: Path
) -> None:
    assert handoff() == WRITTEN
    first = contents(tmp_path / "out")
    assert handoff() == WRITTEN
    assert contents(tmp_path / "out") == first
    checked = subprocess.run(["sha256sum", "--check", CHECKSUMS], cwd=tmp_path / "out", capture_output=True, check=True)
    assert checked.stdout.count(b": OK") == len(first) - 1


def test_a_folder_with_something_else_in_it_is_refused_and_left_alone(tmp_path: Path) -> None:
    (tmp_path / "notes.txt").write_text("for us only")
    with pytest.raises(FolderError, match=r"notes\.txt"):
        write_folder(tmp_path, {"README.md": "x"})
    assert contents(tmp_path) == {"notes.txt": b"for us only"}


def test_a_file_that_is_no_longer_part_of_it_goes(tmp_path: Path) -> None:
    write_folder(tmp_path, {"README.md": "x", "objects.yaml": "y"})
    write_folder(tmp_path, {"README.md": "x"})
    assert set(contents(tmp_path)) == {"README.md", CHECKSUMS}
