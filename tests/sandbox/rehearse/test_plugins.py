"""Hiding a plugin from the engine, wherever it lies."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from sandbox.rehearse.plugins import hidden, kind, program


def executable(file: Path) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("#!/bin/sh\n")
    file.chmod(0o755)
    return file


@pytest.mark.parametrize("real", [True, False])
def test_hidden_plugin_is_found_nowhere_and_everything_else_is(tmp_path: Path, real: bool) -> None:
    home = tmp_path / "home"
    stand_in = executable(home / "plugins" / "resource-kubernetes-v4.34.2" / program("kubernetes"))
    other = executable(home / "plugins" / "resource-tailscale-v0.29.2" / program("tailscale"))
    tools = [executable(tmp_path / folder / name) for folder, name in (("first", "helm"), ("second", "kubectl"))]
    if real:  # twice, as where a package manager and a person both installed it
        stand_in.unlink()
        for folder in ("first", "second"):
            executable(tmp_path / folder / program("kubernetes"))
    path = os.pathsep.join(str(tool.parent) for tool in tools)
    env = {"PATH": path, "PULUMI_HOME": str(home)}
    assert kind("kubernetes", env) == ("real" if real else "stand-in")

    with hidden("kubernetes", env, tmp_path / "links"):
        assert shutil.which(program("kubernetes"), path=env["PATH"]) is None
        assert not stand_in.exists()
        assert other.exists()
        for tool in tools:
            found = shutil.which(tool.name, path=env["PATH"])
            assert found is not None
            assert Path(found).resolve() == tool
    assert env["PATH"] == path
    assert stand_in.exists() is not real
