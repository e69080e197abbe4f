"""Programs under the real engine: what reaches a program, and what reaches the user when it fails."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from pathlib import Path

import pytest

from tests.sandbox.pulumi_project import Project, warnings

pytestmark = pytest.mark.engine
SLEEPER = "import os, pathlib, time\npathlib.Path('pid').write_text(str(os.getpid()))\ntime.sleep(3600)\n"


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return Project(tmp_path_factory.mktemp("programs"))


@pytest.fixture(autouse=True)
def usual(project: Project) -> None:
    """Every test begins with a virtualenv that works; the program is the test's own."""
    (project.folder / "pid").unlink(missing_ok=True)


def await_program(project: Project) -> int:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        text = (project.folder / "pid").read_text() if (project.folder / "pid").exists() else ""
        if text:
            return int(text)
        time.sleep(0.05)
    raise AssertionError("the program did not start")


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 15
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_a_program_gets_its_configuration_and_the_secret_ones_stay_secret(project: Project) -> None:
    project.run("config", "set", "open", "a b")
    project.run("config", "set", "--secret", "hidden", "tell nobody")
    project.program(
        "import pulumi\n"
        "config = pulumi.Config()\n"
        "pulumi.export('open', config.require('open'))\n"
        "pulumi.export('hidden', config.require_secret('hidden'))\n"
        "pulumi.export('where', [pulumi.get_project(), pulumi.get_stack(), pulumi.get_organization()])\n"
        "pulumi.export('dry', pulumi.runtime.is_dry_run())\n"
    )
    assert "tell nobody" not in project.up()
    assert project.outputs() == {
        "open": "a b",
        "hidden": "tell nobody",
        "where": ["tiny", "dev", "organization"],
        "dry": False,
    }
    assert "tell nobody" not in str(project.state())
    project.run("config", "rm", "hidden")


def test_a_second_up_changes_nothing_and_says_nothing_of_the_host(project: Project) -> None:
    project.program("import pulumi\npulumi.export('one', 1)\n")
    project.up()
    said = project.up()
    assert "unchanged" in said
    assert not warnings(said)
    assert "pulumi-language-python" not in said


def test_a_run_error_is_told_once_and_without_a_traceback(project: Project) -> None:
    project.program("import pulumi\nraise pulumi.RunError('customer is missing')\n")
    said = project.run("preview", fails=True)
    assert "error: customer is missing" in said
    assert "Traceback" not in said
    assert "unhandled" not in said


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("def inner():\n    raise ValueError('boom')\n\ninner()\n", "ValueError: boom"),
        ("import pulumi\npulumi.Output.from_input(0).apply(lambda x: 1 / x)\n", "ZeroDivisionError"),
        ("import not_there\n", "No module named 'not_there'"),
        ("def broken(:\n", "SyntaxError"),
    ],
)
def test_any_other_failure_shows_the_programs_own_frames(project: Project, program: str, told: str) -> None:
    project.program(program)
    said = project.run("preview", fails=True)
    diagnostics = said[said.index("Diagnostics:") :]
    assert diagnostics.count("error:") == 1
    assert told in diagnostics
    assert f'File "{project.folder}/__main__.py", line ' in diagnostics
    assert "sandbox/language" not in diagnostics


def test_an_exit_code_is_told(project: Project) -> None:
    project.program("import sys\nsys.exit(3)\n")
    assert "exited with code 3" in project.run("preview", fails=True)


def test_a_missing_virtualenv_is_named_with_the_way_to_make_it(project: Project) -> None:
    original = (project.folder / "Pulumi.yaml").read_text()
    project.use_virtualenv("gone")
    try:
        said = project.run("preview", fails=True)
    finally:
        (project.folder / "Pulumi.yaml").write_text(original)
    assert f"python3 -m venv {project.folder / 'gone'}" in said


def test_a_virtualenv_without_the_sdk_is_told_what_to_install(project: Project) -> None:
    original = (project.folder / "Pulumi.yaml").read_text()
    empty = project.folder / "empty"
    (empty / "bin").mkdir(parents=True)
    base = Path(os.path.realpath(Path(original.split("virtualenv: ")[1].strip()) / "bin" / "python"))
    (empty / "bin" / "python").symlink_to(base)
    (empty / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
    project.use_virtualenv("empty")
    try:
        said = project.run("preview", fails=True)
    finally:
        (project.folder / "Pulumi.yaml").write_text(original)
    assert "pip install -r requirements.txt" in said
    assert "Traceback" not in said


def test_an_interrupt_ends_the_program_and_adds_nothing_to_the_output(project: Project) -> None:
    project.program(SLEEPER)
    with project.start("preview") as engine:
        pid = await_program(project)
        engine.send_signal(signal.SIGINT)
        said, _ = engine.communicate(timeout=30)
    assert gone(pid)
    assert "Traceback" not in said
    assert "KeyboardInterrupt" not in said
    assert "exited" not in said


def test_a_killed_engine_leaves_no_program_behind(project: Project) -> None:
    project.program(SLEEPER)
    with project.start("preview") as engine:
        pid = await_program(project)
        engine.kill()
    assert gone(pid)


def test_a_killed_language_host_leaves_no_program_behind(project: Project) -> None:
    project.program(SLEEPER)
    with project.start("preview") as engine:
        pid = await_program(project)
        parent = subprocess.run(["ps", "-o", "ppid=", "-p", str(pid)], capture_output=True, check=True, text=True)
        os.kill(int(parent.stdout), signal.SIGKILL)
        assert gone(pid)
        engine.communicate(timeout=30)
