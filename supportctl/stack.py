"""One stack as Pulumi knows it: its settings, validated, and its outputs.

Owns asking the Pulumi CLI, which finds the backend and the key of the secrets by the environment. Changes nothing.
Outputs may be secret: they stay in memory, and no message holds one.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.endpoints.relays import Relays, from_plain
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from providers import process

LIMIT = 120.0
"""Seconds for one question to the CLI: a backend in a cloud is slow, and none is that slow."""
GRACE = 10.0
"""Seconds for it to end after each signal."""


class StackError(Exception):
    """What of the stack cannot be read, why, and how to mend it."""


def settings_of(stack: str, project: Path) -> EnvironmentSettings:
    """The environment's settings, with what Pulumi.yaml says for all stacks."""
    config = {key: row.get("value", "") for key, row in _ask(stack, project, "config", "--json").items()}
    try:
        settings = load(stack, config)
    except SettingsError as error:
        raise StackError(str(error)) from None
    if not isinstance(settings, EnvironmentSettings):
        raise StackError(f"{stack} is the stack of the whole tailnet: name a customer's environment, as in acme-prod.")
    return settings


def outputs_of(stack: str, project: Path) -> dict[str, Any]:
    """What the last `pulumi up` exported, secrets in clear. Empty for a stack that was never up."""
    return _ask(stack, project, "stack", "output", "--json", "--show-secrets")


def shown_outputs_of(stack: str, project: Path) -> dict[str, Any]:
    """As outputs_of, with every secret blanked out by the engine."""
    return _ask(stack, project, "stack", "output", "--json")


def relays_in(outputs: Mapping[str, Any]) -> Relays:
    """Which relays the tailnet used at the last `pulumi up`; the published ones for a stack that was never up."""
    return from_plain((outputs.get("requiredEgress") or {}).get("relays"))


def stacks_of(project: Path) -> list[str]:
    """Names of the stacks that the backend has of this project."""
    rows = _printed(project, "stack", "ls", "--json")
    return sorted(str(row["name"]).rpartition("/")[2] for row in rows)


def _ask(stack: str, project: Path, *words: str) -> dict[str, Any]:
    return dict(_printed(project, *words, "-s", stack))


def _printed(project: Path, *words: str) -> Any:
    command = ["pulumi", *words, "--non-interactive"]
    try:
        done = process.run(command, environ=os.environ, limit=LIMIT, grace=GRACE, folder=project)
    except OSError as error:
        raise StackError(f"pulumi cannot be started: {error.strerror}. Put it on PATH.") from None
    if done.code is None:
        raise StackError(f"`pulumi {words[0]}` did not answer within {LIMIT:.0f} s: is the backend there?")
    if done.code != 0:
        said = done.errors.strip().removeprefix("error: ") or "it said nothing"
        raise StackError(f"`{' '.join(command)}` failed in {project.absolute()}: {said}{_mend(said)}")
    try:
        return json.loads(done.output)
    except ValueError:
        raise StackError(f"`{' '.join(command)}` printed no JSON.") from None


def _mend(said: str) -> str:
    """What the engine's own words leave out for two mistakes of everybody."""
    if "no Pulumi.yaml project file found" in said:
        return "\nRun it in the project's folder, or name that: --project FOLDER"
    if "no stack named" in said:
        return "\n`pulumi stack ls` lists the stacks that this backend (`pulumi whoami -v`) has"
    return ""
