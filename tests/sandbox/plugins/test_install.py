"""Stand-ins lie where a download would lie, and only where the real program is missing."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.plugins.install import LANGUAGE_HOST, install, sdk_version


@pytest.fixture(autouse=True)
def nothing_real(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A PATH with no plugins on it but what a test puts there."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", str(folder))
    return folder


def test_a_stand_in_has_the_version_that_the_sdk_asks_for(tmp_path: Path) -> None:
    used = install(tmp_path / "home", Path(sys.executable))
    program = (
        tmp_path / "home" / "plugins" / f"resource-tailscale-v{sdk_version('tailscale')}" / "pulumi-resource-tailscale"
    )
    assert os.access(program, os.X_OK)
    assert used["pulumi-resource-tailscale"] == "stand-in"
    assert used[LANGUAGE_HOST] == "stand-in"


def test_a_real_program_is_left_to_do_its_work(tmp_path: Path, nothing_real: Path) -> None:
    for name in ("pulumi-resource-aws", LANGUAGE_HOST):
        (nothing_real / name).touch(mode=0o755)
    used = install(tmp_path / "home", Path(sys.executable))
    assert used["pulumi-resource-aws"] == f"real ({nothing_real / 'pulumi-resource-aws'})"
    assert used[LANGUAGE_HOST] == f"real ({nothing_real / LANGUAGE_HOST})"
    assert not list((tmp_path / "home" / "plugins").glob("resource-aws-*"))
    assert not list((tmp_path / "home" / "plugins").glob("language-*"))


def test_a_package_without_its_sdk_is_left_out(tmp_path: Path) -> None:
    used = install(tmp_path / "home", Path(sys.executable))
    for package in ("aws", "gcp", "azure-native"):
        assert (f"pulumi-resource-{package}" in used) == (sdk_version(package) is not None)


def test_an_installed_stand_in_serves_from_any_folder_and_ends_quietly(tmp_path: Path) -> None:
    install(tmp_path / "home", Path(sys.executable))
    [program] = (tmp_path / "home" / "plugins").glob("resource-tailscale-*/pulumi-resource-tailscale")
    with subprocess.Popen(
        ["/bin/sh", program, "127.0.0.1:9"], cwd="/", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as plugin:
        assert plugin.stdout
        assert int(plugin.stdout.readline()) > 0
        plugin.terminate()
        said, complained = plugin.communicate(timeout=10)
    assert (plugin.returncode, said, complained) == (0, b"", b"")
