"""What of an environment the stack's state still names, and with it the rules in the customer's cloud.

Owns the reading of an exported state. The engine takes a resource out of it only when its provider said that it is
gone, except in a cluster that did not answer: so a state that names no rule any more is what is known here of the
customer's cloud, and where the backend has no such stack nothing is known of it.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.documents import DocumentError, read_yaml
from components.settings.problems import PROJECT, stack_file
from supportctl.kill.engine import Engine
from supportctl.kill.state import begun
from supportctl.verify.absence import Line, UnseenError, looked

LIMIT = 60.0
"""Seconds for the export."""

OURS = ("pulumi", "support-access", "tailnet", "tailscale", "kubernetes")
"""Packages whose resources lie at Tailscale or in the cluster, which are asked themselves. All others are a cloud's."""


@dataclass(frozen=True, slots=True)
class State:
    """What the backend has of a stack. rows: its resources; begun: those that a run was making when it was cut short,
    of which nobody knows whether they are there; there: False when it has no such stack; error: why it could not be
    read."""

    rows: Sequence[dict[str, Any]] = field(default=())
    begun: Sequence[dict[str, Any]] = field(default=())
    there: bool = True
    error: str | None = None


def exported(stack: str, project: Path) -> State:
    """The stack's state. Runs no program, and needs no key: secrets stay encrypted."""
    engine = Engine(project, {**os.environ, "PULUMI_SKIP_UPDATE_CHECK": "true"})
    code, output = engine.run("stack", "export", "-s", stack, "--non-interactive", limit=LIMIT, merge=False)
    if code == 0:
        try:
            deployment = json.loads(output)["deployment"] or {}
            return State(deployment.get("resources") or [], begun(deployment))
        except (ValueError, KeyError, TypeError):
            return State(error="`pulumi stack export` printed no JSON")
    if "no stack named" in output:
        return State(there=False)
    said = next((line for line in output.splitlines() if "error:" in line), "it did not end in time")
    return State(error=f"the state cannot be read: {said.strip()}")


def state_lines(stack: str, project: Path, state: State) -> Iterator[Line]:
    """What the state still names, and what is known of the rules in the customer's cloud."""
    rows = [row for row in state.rows if row.get("custom") and not is_provider(row)]
    unsure = [row for row in state.begun if not is_provider(row)]

    def readable() -> None:
        if state.error is not None:
            raise UnseenError(state.error)

    def named() -> list[str]:
        readable()
        return [*map(_named, rows), *(_doubted(stack, row) for row in unsure)]

    def rules() -> list[str]:
        readable()
        if not state.there:
            raise UnseenError(
                "the backend has no such stack, so nothing here knows of its rules. " + _ask(stack, project)
            )
        there = [_named(row) for row in rows if _package(row) not in OURS]
        if not there and any(_package(row) not in OURS for row in unsure):
            raise UnseenError(f"a run was cut short while it made one: see the line above. {_ask(stack, project)}")
        return there

    how = f"pulumi stack export -s {stack}"
    yield looked("state", how, named)
    yield looked("cloud rules", f"{how}: the engine drops a rule when the cloud has confirmed that it is gone", rules)


def is_provider(row: dict[str, Any]) -> bool:
    """Whether the row is a provider or the stack itself, which are nothing outside of the state."""
    return str(row["type"]).startswith("pulumi:")


def _package(row: dict[str, Any]) -> str:
    return str(row["type"]).partition(":")[0]


def _named(row: dict[str, Any]) -> str:
    return f"{row['urn'].rpartition('::')[2]} ({row['type']}, {row.get('id')})"


def _doubted(stack: str, row: dict[str, Any]) -> str:
    return (
        f"{row['urn'].rpartition('::')[2]} ({row['type']}) was being made when a run was cut short, and may be there: "
        f"look for it, then `pulumi refresh -s {stack} --yes --clear-pending-creates`"
    )


def _ask(stack: str, project: Path) -> str:
    """How to look in the cloud itself, by the egress targets that the stack's file declares, if it is still there."""
    try:
        config = read_yaml(project / stack_file(stack)).get("config")
    except DocumentError:
        config = None
    targets = config.get(f"{PROJECT}:egress") if isinstance(config, dict) else None
    rows = [row for row in targets if isinstance(row, dict)] if isinstance(targets, list) else []
    if not rows:
        return f"Look for rules whose description or name has {stack} where its egress was opened, if it was"
    return "Look in the customer's cloud: " + "; ".join(_where(stack, row) for row in rows)


def _where(stack: str, target: dict[str, Any]) -> str:
    if target.get("target") == "aws-security-group":
        return (
            f"aws ec2 describe-security-group-rules --region {target.get('region')} --filters "
            f"Name=group-id,Values={target.get('securityGroup')} (no Description names {stack})"
        )
    place = ", ".join(f"{key} {value}" for key, value in target.items() if isinstance(value, str) and key != "target")
    return f"{target.get('target')} ({place}): nothing there names {stack}"
