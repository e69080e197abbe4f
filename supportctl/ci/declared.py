"""What a stack's settings declare, in the form of its outputs: for a preview that failed before it had any.

Owns nothing but the translation; the words themselves are components'. A change that is refused is read most closely
of all, and the engine then shows what stands as if it were what comes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any


def declared(stack: str, config: Mapping[str, str]) -> dict[str, Any] | None:
    """`access`, `exposures`, `groups` and `scopes` as declared; None when the settings themselves are refused."""
    from components.settings.load import load
    from components.settings.problems import SettingsError
    from components.settings.tailnet import TailnetSettings

    try:
        settings = load(stack, config)
    except SettingsError:
        return None
    if isinstance(settings, TailnetSettings):
        from datetime import UTC, datetime

        from components.tailnet import shared

        now = datetime.now(UTC)
        return {"groups": shared.groups(settings, now), "onCall": shared.on_call(settings, now)}
    from components.exposed import exposed
    from components.features import scopes
    from components.outputs import who_gets_in

    return {
        "access": [who_gets_in(entry, suspended=settings.suspended) for entry in settings.access],
        "exposures": exposed(settings),
        "scopes": scopes(settings),
    }
