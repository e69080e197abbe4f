"""Tools: PATH comes first, what is missing is built once and whole, and what goes wrong is said clearly."""

from __future__ import annotations

import io
import os
import shutil
import subprocess
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from rich.console import Console

from sandbox import tools
from sandbox.tools import Tool, ToolError

GREET = Tool("greet", "greet", "example.test/greet", "/cmd/greet", "example.test/greet/version.Version")
CACHED = Path("tools") / "greet-v1.2.3"


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SUPPORT_ACCESS_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


FILES = {
    "go.mod": """module tool

go 1.26

require example.test/greet v1.2.3

replace example.test/greet => ./greet
""",
    "greet/go.mod": "module example.test/greet\n\ngo 1.26\n",
    "greet/version/version.go": 'package version\n\nvar Version = "unknown"\n',
    "greet/cmd/greet/main.go": """package main

import "example.test/greet/version"

func main() { println(version.Version) }
""",
}


@pytest.fixture
def modules(tmp_path: Path) -> Path:
    """A folder like tools/, with one small module that needs no network."""
    folder = tmp_path / "tools" / "greet"
    for name, content in FILES.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(content)
    return folder.parent


def quiet() -> Console:
    return Console(file=io.StringIO())


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def executable(file: Path, script: str) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"#!/bin/sh\n{script}\n")
    file.chmod(0o755)
    return file


def test_a_tool_on_the_path_is_used_as_it_is(
    cache: Path, modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = executable(tmp_path / "bin" / "greet", "echo own")
    monkeypatch.setenv("PATH", str(own.parent))
    assert tools.ensure(quiet(), [GREET], modules) == {"greet": own}
    assert not cache.exists()
    assert tools.on_path({"greet": own}) == []


def test_a_missing_tool_is_built_once_with_its_version(cache: Path, modules: Path) -> None:
    console = quiet()
    found = tools.ensure(console, [GREET], modules)
    assert found == {"greet": cache / CACHED / "greet"}
    assert "[1 of 1] greet: built" in text(console)
    assert subprocess.run([found["greet"]], capture_output=True, text=True, check=True).stderr == "v1.2.3\n"
    assert tools.on_path(found) == [cache / CACHED]

    again = quiet()
    assert tools.ensure(again, [GREET], modules) == found
    assert text(again) == ""


def test_another_pinned_version_is_another_build(cache: Path, modules: Path) -> None:
    tools.ensure(quiet(), [GREET], modules)
    pinned = modules / "greet" / "go.mod"
    pinned.write_text(pinned.read_text().replace("v1.2.3", "v1.3.0"))
    assert tools.locate([GREET], modules) == {}


def test_an_interrupted_build_leaves_no_tool(
    cache: Path, modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A Go that dies while it writes: the file after -o is there, executable, and worth nothing.
    script = f"""
[ "$1" = build ] || exec {shutil.which("go")} "$@"
while [ "$1" != -o ]; do shift; done
echo half > "$2"; chmod +x "$2"
kill -9 $$"""
    dying = executable(tmp_path / "bin" / "go", script)
    with monkeypatch.context() as patched:
        patched.setenv("PATH", f"{dying.parent}{os.pathsep}{os.environ['PATH']}")
        with pytest.raises(ToolError, match="go build"):
            tools.ensure(quiet(), [GREET], modules)
    assert tools.locate([GREET], modules) == {}

    found = tools.ensure(quiet(), [GREET], modules)
    assert subprocess.run([found["greet"]], capture_output=True, text=True, check=True).stderr == "v1.2.3\n"
    assert {file.name for file in (cache / CACHED).iterdir()} == {"greet", ".greet.lock"}


def test_two_runs_at_once_build_once(cache: Path, modules: Path) -> None:
    consoles = [quiet(), quiet()]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda console: tools.ensure(console, [GREET], modules), consoles))
    assert found[0] == found[1] == {"greet": cache / CACHED / "greet"}
    assert sum(text(console).count(": built") for console in consoles) == 1


def test_without_go_the_error_says_what_to_install(
    cache: Path, modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(ToolError, match=r"Go is not on PATH.*\n.*Install Go 1\.26"):
        tools.ensure(quiet(), [GREET], modules)


def test_a_go_that_is_too_old_is_named_as_the_reason(
    cache: Path, modules: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOTOOLCHAIN", "local")
    pinned = modules / "greet" / "go.mod"
    pinned.write_text(pinned.read_text().replace("go 1.26\n", "go 1.999\n"))
    with pytest.raises(ToolError, match=r"(?s)too old.*requires go >= 1\.999"):
        tools.ensure(quiet(), [GREET], modules)


def test_a_build_that_fails_shows_the_last_lines_of_go(cache: Path, modules: Path) -> None:
    (modules / "greet" / "greet" / "version" / "version.go").write_text("package version\n\nvar Version = missing\n")
    console = quiet()
    with pytest.raises(ToolError, match="undefined: missing"):
        tools.ensure(console, [GREET], modules)
    assert "greet: failed" in text(console)


def test_a_module_that_cannot_be_fetched_points_at_the_proxy(
    cache: Path, modules: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GOPROXY", "off")
    monkeypatch.setenv("GOMODCACHE", str(tmp_path / "empty"))
    pinned = modules / "greet" / "go.mod"
    pinned.write_text(pinned.read_text().split("replace")[0])
    checksum = "h1:47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU="
    sums = [f"example.test/greet v1.2.3{part} {checksum}\n" for part in ("", "/go.mod")]
    (modules / "greet" / "go.sum").write_text("".join(sums))
    with pytest.raises(ToolError, match=r"(?s)module lookup disabled.*GOPROXY"):
        tools.ensure(quiet(), [GREET], modules)


def test_every_tool_of_the_world_has_a_pinned_version() -> None:
    for tool in tools.TOOLS:
        assert tool.version().startswith("v"), tool.name
        assert (tools.MODULES / tool.folder / "go.sum").exists(), tool.name
