"""Whether the stack's file still says what the last `pulumi up` made.

A handoff is made of both: rules and names of the file, the credential and the people of the state. Where the file has
moved on, the customer would get the old credential under a new name, or a ceiling of new groups and old people. Owns
that comparison, of everything that is declared. Does not own what is declared (`EnvironmentSettings.declared`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from components.settings.environment import EnvironmentSettings
from components.settings.problems import KeyPath, config_key, shown, stack_file

OUTPUT = "declared"


def disagreement(stack: str, settings: EnvironmentSettings, outputs: dict[str, Any]) -> str | None:
    """Why nothing can be handed over yet, with every key in which file and state differ; None where none does."""
    made = outputs.get(OUTPUT)
    if made is None:
        return (
            f"It is not known what the last `pulumi up` of {stack} was run with: an older version of this program ran"
            f" it. Run `pulumi up -s {stack}` first."
        )
    moved = [
        f"  {config_key(path)}: {_said(now)} now, {_said(before)} at the last `pulumi up`"
        for path, before, now in _differences(made, settings.declared)
    ]
    if not moved:
        return None
    return "\n".join(
        [
            f"{stack_file(stack)} is not what the last `pulumi up` made:",
            *moved,
            "Why:  The folder is made of the file, and the credential and the people are those of that update: the"
            " customer would get parts that do not fit.",
            f"Mend: Run `pulumi up -s {stack}`, or put the file back.",
        ]
    )


_ABSENT = object()


def _differences(before: Any, now: Any, path: KeyPath = ()) -> Iterator[tuple[KeyPath, Any, Any]]:
    """The deepest places in which two values differ; a list of another length is one place."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in sorted({*before, *now}):
            yield from _differences(before.get(key, _ABSENT), now.get(key, _ABSENT), (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from _differences(old, new, (*path, index))
    elif before != now:
        yield path, before, now


def _said(value: Any) -> str:
    return "not set" if value is _ABSENT else shown(value)
