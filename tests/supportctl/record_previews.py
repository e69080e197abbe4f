"""Records what the engine says of each made pull request: `python -m tests.supportctl.record_previews`.

Writes tests/supportctl/data/ci/<request>.json: the paths that it changes, the stacks that have a file, and of each
stack that it touches the events that supportctl.ci.events reads, with the members that it reads and no others. Secrets
are blanked out by the engine itself.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Any
from unittest import mock

from supportctl.ci import engine, events, git
from supportctl.ci.affected import affected
from tests.supportctl.pull_requests import REQUESTS, Repository, repository

DATA = Path(__file__).parent / "data" / "ci"
METADATA = ("op", "urn", "type")


def main() -> None:
    DATA.mkdir(parents=True, exist_ok=True)
    wanted = sys.argv[1:] or list(REQUESTS)
    with tempfile.TemporaryDirectory() as folder, repository(Path(folder)) as made:
        for name in wanted:
            with made.request(REQUESTS[name]):
                text = lines(recorded(made)).replace(str(made.folder.parent), "/somewhere")
            (DATA / f"{name}.json").write_text(text)
            print(f"{name}: {len(text)} characters")


def recorded(made: Repository) -> dict[str, Any]:
    changes, standing = git.changes(made.folder, "main", "HEAD"), git.stacks(made.folder, "HEAD")
    said: dict[str, Any] = {}
    for stack in affected(changes, standing).stacks:
        lines: list[str] = []
        with mock.patch.dict(os.environ, made.environ, clear=True), mock.patch.object(events, "read", taking(lines)):
            found = engine.preview(stack, made.folder)
        said[stack] = [small(json.loads(line)) for line in lines if counts(line)] or {"outputs": found.before}
    return {"changes": [[each.path, each.status] for each in changes], "standing": standing, "said": said}


def lines(recorded: dict[str, Any]) -> str:
    """As JSON, one event a line."""
    stacks = [f"{json.dumps(stack)}: {_of_stack(told)}" for stack, told in recorded["said"].items()]
    rest = [f"{json.dumps(name)}: {json.dumps(recorded[name])}" for name in ("changes", "standing")]
    return "{\n" + ",\n".join([*rest, '"said": {\n' + ",\n".join(stacks) + "\n}"]) + "\n}\n"


def _of_stack(told: Any) -> str:
    if isinstance(told, dict):
        return json.dumps(told)
    return "[\n" + ",\n".join(json.dumps(event, ensure_ascii=False) for event in told) + "\n]"


def taking(lines: list[str]) -> Any:
    """As events.read, and keeps the lines."""
    read = events.read

    def taken(found: Iterable[str]) -> events.Said:
        lines.extend(found)
        return read(lines)

    return taken


def counts(line: str) -> bool:
    try:
        event = json.loads(line)
    except ValueError:
        return False
    return event.get("diagnosticEvent", {}).get("severity") != "debug" and bool(small(event))


def small(event: dict[str, Any]) -> dict[str, Any]:
    for kind in ("resourcePreEvent", "resOutputsEvent"):
        if kind in event:
            metadata = event[kind]["metadata"]
            sides = {side: row(metadata["type"], metadata.get(side)) for side in ("old", "new")}
            return {kind: {"metadata": {**{name: metadata[name] for name in METADATA}, **sides}}}
    for kind in ("preludeEvent", "diagnosticEvent", "policyEvent", "summaryEvent"):
        if kind in event:
            unread = ("PolicyPacks", "durationSeconds", "policyPackVersion", "policyPackVersionTag", "color")
            return {kind: {name: value for name, value in event[kind].items() if name not in unread}}
    return {}


def row(kind: str, whole: dict[str, Any] | None) -> dict[str, Any] | None:
    if not whole:
        return None
    if kind == events.STACK:
        return {"outputs": events.kept(whole["outputs"]) | scopes(whole["outputs"])} if "outputs" in whole else {}
    inputs = whole.get("inputs") or {}
    names = ("part", "sections", "declared") if kind == events.SLICE else ()
    if kind.startswith(events.RBAC):
        names = ("metadata", *events.RULES)
    return {"inputs": {name: inputs[name] for name in names if name in inputs}}


def scopes(outputs: dict[str, Any]) -> dict[str, Any]:
    found = events.kept(outputs).get("scopes")
    return {} if found is None else {"credential": {"scopes": found}}


if __name__ == "__main__":
    main()
