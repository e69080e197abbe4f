"""What the whole tailnet has in the policy document: groups, the sentinel, postures, server tests.

Pure: settings and a moment in, sections of the document out. Owns the rule that whoever is revoked is in no group. Does
not own rotations (`rota`) nor how entries get into the document and out of it (`providers.tailnet`).
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from components.naming import SENTINEL_TAG
from components.settings.tailnet import TailnetSettings
from components.tailnet import rota


def sections(settings: TailnetSettings, now: datetime) -> dict[str, Any]:
    """Sections of the policy document at a moment; those in which nothing is declared are left out."""
    found = {
        "groups": groups(settings, now),
        "tagOwners": {SENTINEL_TAG: []},
        "postures": {name: list(conditions) for name, conditions in settings.postures.items()},
        "tests": [test.entry() for test in settings.tests],
    }
    return {section: content for section, content in found.items() if content}


def groups(settings: TailnetSettings, now: datetime) -> dict[str, list[str]]:
    """Every group with its members at a moment, those on call among them."""
    on_call = {name: (*r.always, *rota.shift(r, now).members) for name, r in settings.rotas.items()}
    return {name: _entitled(settings, members) for name, members in {**settings.groups, **on_call}.items()}


def on_call(settings: TailnetSettings, now: datetime) -> dict[str, dict[str, Any]]:
    """Of every rotation, by its group: `now` and `next`, who of the order is on call (nobody before the start);
    `handover`, when that changes, RFC 3339; `everybody`, who may ever be in the group.
    """
    found = {}
    for group, declared in settings.rotas.items():
        present = rota.shift(declared, now)
        found[group] = {
            "now": _entitled(settings, present.members),
            "next": _entitled(settings, rota.shift(declared, present.until).members),
            "handover": present.until.isoformat(),
            "everybody": _entitled(settings, rota.everybody(declared)),
        }
    return found


def next_handover(settings: TailnetSettings, now: datetime) -> str | None:
    """When the members of some group change next, RFC 3339 in UTC; None without rotations."""
    moments = [rota.shift(declared, now).until for declared in settings.rotas.values()]
    return min(moment.astimezone(UTC) for moment in moments).isoformat() if moments else None


def _entitled(settings: TailnetSettings, members: tuple[str, ...] | list[str]) -> list[str]:
    """The members, each once, without those who are revoked. Settings have every login in one spelling."""
    return [address for address in dict.fromkeys(members) if address not in settings.revoked]
