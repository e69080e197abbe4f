"""A small Pulumi project in a folder of its own, run by the real engine with the sandbox's stand-ins."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console

from sandbox import tools
from sandbox.plugins.install import install

PULUMI_YAML = """name: tiny
runtime:
  name: python
  options:
    virtualenv: {virtualenv}
"""
LIMIT_SECONDS = 120.0
FROM_PATH = "warning: using pulumi-resource-"
"""What the engine says of a real provider plugin on the PATH."""


def warnings(said: str) -> list[str]:
    """Lines of the engine's output that warn, other than of a real provider plugin."""
    return [line for line in said.splitlines() if "warning:" in line and FROM_PATH not in line]


class Project:
    """One stack, `dev`, with its state and its PULUMI_HOME below `folder`. `variables` join the environment."""

    def __init__(self, folder: Path, variables: Mapping[str, str] | None = None) -> None:
        self.folder = folder / "project"
        found = tools.ensure(Console(stderr=True), [tool for tool in tools.TOOLS if tool.name == "pulumi"])
        self.used = install(folder / "home", Path(sys.executable))
        for part in (self.folder, folder / "state"):
            part.mkdir()
        self.variables = {
            "HOME": str(folder),
            "PATH": os.pathsep.join([*map(str, tools.on_path(found)), os.environ["PATH"]]),
            "PULUMI_HOME": str(folder / "home"),
            "PULUMI_BACKEND_URL": f"file://{folder / 'state'}",
            "PULUMI_CONFIG_PASSPHRASE": "made-up",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            **(variables or {}),
        }
        self.use_virtualenv(sys.prefix)
        self.program("")
        self.run("stack", "init", "dev")

    def use_virtualenv(self, virtualenv: str) -> None:
        (self.folder / "Pulumi.yaml").write_text(PULUMI_YAML.format(virtualenv=virtualenv))

    def program(self, text: str) -> None:
        (self.folder / "__main__.py").write_text(text)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        """A command of the engine, with stdout and stderr together."""
        return subprocess.Popen(
            ["pulumi", "--non-interactive", *arguments],
            cwd=self.folder,
            env=self.variables,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def run(self, *arguments: str, fails: bool = False) -> str:
        """Runs a command of the engine to its end and returns all that it said. `fails` is what is expected of it."""
        with self.start(*arguments) as process:
            said, _ = process.communicate(timeout=LIMIT_SECONDS)
        assert (process.returncode != 0) is fails, said
        return said

    def up(self, fails: bool = False) -> str:
        return self.run("up", "--yes", "--skip-preview", fails=fails)

    def outputs(self) -> dict[str, Any]:
        """The stack's outputs, secrets in the clear."""
        return json.loads(self.run("stack", "output", "--json", "--show-secrets"))

    def state(self) -> list[dict[str, Any]]:
        """The resources of the state as they are stored: secrets are encrypted in it."""
        return json.loads(self.run("stack", "export"))["deployment"].get("resources", [])
