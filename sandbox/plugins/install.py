"""Puts the stand-ins where the engine finds them: where a download of the real plugins would lie in PULUMI_HOME.

A real plugin on the PATH is left to do its work, since the engine prefers it. Overwrites what an earlier call
wrote; removes nothing else.
"""

from __future__ import annotations

import shlex
import shutil
from importlib import metadata
from pathlib import Path

LANGUAGE_HOST = "pulumi-language-python"
STAND_INS = {
    "aws": "sandbox.plugins.aws",
    "azure-native": "sandbox.plugins.azure_native",
    "gcp": "sandbox.plugins.gcp",
    "kubernetes": "sandbox.plugins.kubernetes",
    "tailscale": "sandbox.plugins.tailscale",
}
SCRIPT = """#!/bin/sh
exec {python} -P {launcher} {module} "$@"
"""


def install(pulumi_home: Path, python: Path) -> dict[str, str]:
    """Installs what is missing. `python` runs the stand-ins and needs requirements/dev.txt.

    Returns what the engine will use: program name to "real (its path)" or "stand-in". A package whose SDK
    `python`'s environment does not have (an optional cloud) is left out: no program in that environment can ask for
    it.
    """
    used = {LANGUAGE_HOST: _language_host(pulumi_home, python)}
    for package, module in STAND_INS.items():
        program = f"pulumi-resource-{package}"
        if real := shutil.which(program):
            used[program] = f"real ({real})"
        elif version := sdk_version(package):
            write(pulumi_home / "plugins" / f"resource-{package}-v{version}" / program, python, module)
            used[program] = "stand-in"
    return used


def sdk_version(package: str) -> str | None:
    """The version of the installed Python SDK of a package, which is the version of the plugin that it asks for."""
    try:
        return metadata.version(f"pulumi-{package}")
    except metadata.PackageNotFoundError:
        return None


def _language_host(pulumi_home: Path, python: Path) -> str:
    if real := shutil.which(LANGUAGE_HOST):
        return f"real ({real})"
    # Not a folder of the PATH: the engine takes one from there too, but warns about it at every command.
    folder = pulumi_home / "plugins" / f"language-python-v{metadata.version('pulumi')}"
    write(folder / LANGUAGE_HOST, python, "sandbox.language")
    return "stand-in"


def write(script: Path, python: Path, module: str) -> None:
    """Writes an executable that runs a module of this repository with `python`."""
    script.parent.mkdir(parents=True, exist_ok=True)
    launcher = shlex.quote(str(Path(__file__).resolve().with_name("launch.py")))
    script.write_text(SCRIPT.format(python=shlex.quote(str(python)), launcher=launcher, module=module))
    script.chmod(0o755)
