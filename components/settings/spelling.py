"""Logins that a stack's file spells otherwise than the tailnet and the cluster do.

Owns the notice of them. The settings themselves take every spelling and keep the one that counts (forms.address), so
nothing here changes a value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.load import parsed
from components.settings.problems import shown, stack_file
from providers.tailnet.logins import is_login, lowered

NAMING_PEOPLE = ("access", "roster", "tailnet")
"""Settings in which a text that is a login is a person."""


def spelling_notices(stack: str, config: Mapping[str, str]) -> list[str]:
    """One notice that names every such login, or none. config: as for `load`."""
    raw = parsed(config)
    logins = dict.fromkeys(text for key in NAMING_PEOPLE for text in _texts(raw.get(key)) if is_login(text))
    respelled = [f"{shown(login)} counts as {lowered(login)}" for login in logins if login != lowered(login)]
    if not respelled:
        return []
    return [
        "The tailnet has logins in lower case, and Kubernetes compares names by case: "
        f"{', '.join(respelled)}. Fix: write them so in {stack_file(stack)}."
    ]


def _texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict | list):
        for inner in value.values() if isinstance(value, dict) else value:
            yield from _texts(inner)
