"""Who of a rotation is on call at a moment, and when that changes next.

Pure: a rotation's settings and a moment in, people out; nothing here asks a clock. Turns are counted in days on the
rota's own clock and compared as moments, so a handover is neither lost nor repeated when clocks change. Does not own
who may be in a group at all (`shared`). Dies by: nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from itertools import chain
from zoneinfo import ZoneInfo

from components.settings.rota import Rota


@dataclass(frozen=True, slots=True)
class Shift:
    """One stretch of time with the same people. until: the handover that ends it, on the rota's clock."""

    members: tuple[str, ...]
    """Without those who are in the group always; empty before the rota starts."""
    until: datetime


def shift(rota: Rota, now: datetime) -> Shift:
    """The shift that `now` lies in; a handover belongs to the shift that it begins. `now` must know its time zone."""
    if now.tzinfo is None:
        raise ValueError("the moment must have a time zone")
    override = next((o for o in rota.overrides if _handover(rota, o.begins) <= now < _handover(rota, o.until)), None)
    if override is not None:
        return _shift(rota, override.members, _handover(rota, override.until))
    turn = _turn(rota, now)
    members = rota.order[turn % len(rota.order)] if turn >= 0 else ()
    changes = [_turn_begins(rota, max(turn + 1, 0)), *(_handover(rota, later.begins) for later in rota.overrides)]
    return _shift(rota, members, min(moment for moment in changes if moment > now))


def everybody(rota: Rota) -> list[str]:
    """All who may ever be on call, each once, as they stand in the settings."""
    return list(dict.fromkeys(chain(rota.always, *rota.order, *(override.members for override in rota.overrides))))


def _shift(rota: Rota, members: tuple[str, ...], until: datetime) -> Shift:
    return Shift(members, until.astimezone(ZoneInfo(rota.timezone)))


def _turn(rota: Rota, now: datetime) -> int:
    """Which turn `now` lies in, counted from 0; below 0 before the start."""
    turn = (now.astimezone(ZoneInfo(rota.timezone)).date() - rota.starts).days // rota.turn_days
    while _turn_begins(rota, turn) > now:  # on the day of a handover the turn before still counts until then
        turn -= 1
    return turn


def _turn_begins(rota: Rota, turn: int) -> datetime:
    return _handover(rota, rota.starts + timedelta(days=rota.turn_days * turn))


def _handover(rota: Rota, day: date) -> datetime:
    """The handover of a day, in UTC: moments of one zone compare by the clock, which repeats an hour each autumn."""
    return datetime.combine(day, rota.handover, ZoneInfo(rota.timezone)).astimezone(UTC)
