"""Who is on call at any moment: everybody's turn comes, nobody's is lost, and nobody is in before or after it."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.settings.rota import Rota
from components.settings.tailnet import TailnetSettings
from components.tailnet import rota, shared

ADA, GRACE, LIN = "ada@example.com", "grace@example.com", "lin@example.com"
BERLIN = "Europe/Berlin"
ZONES = st.sampled_from(["UTC", BERLIN, "America/New_York", "Asia/Kathmandu", "Pacific/Apia", "Australia/Lord_Howe"])
DAYS = st.dates(date(2009, 1, 1), date(2030, 1, 1))
MOMENTS = st.datetimes(datetime(2005, 1, 1), datetime(2034, 1, 1), timezones=st.just(UTC))


def people(number: int) -> list[str]:
    return [f"p{index}@example.com" for index in range(number)]


def declared(**bent: Any) -> Rota:
    least = {"starts": "2026-11-23", "order": [[ADA], [GRACE]], "handover": "09:00", "timezone": BERLIN}
    return Rota.model_validate({**least, **bent})


@st.composite
def rotas(draw: st.DrawFn, overrides: bool = True) -> Rota:
    starts = draw(DAYS)
    spans, first = [], starts + timedelta(days=draw(st.integers(-30, 30)))
    for gap, length in draw(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9)), max_size=4 if overrides else 0)):
        begins = first + timedelta(days=gap)
        first = begins + timedelta(days=length)
        spans.append({"from": str(begins), "until": str(first), "members": [f"o{len(spans)}@example.com"]})
    return Rota.model_validate(
        {
            "starts": str(starts),
            "turnDays": draw(st.integers(1, 30)),
            "handover": draw(st.times()).strftime("%H:%M"),
            "timezone": draw(ZONES),
            "order": [[person] for person in people(draw(st.integers(1, 6)))],
            "overrides": spans,
        }
    )


@given(rotas(), MOMENTS)
def test_every_moment_has_its_people_until_a_later_one(declared: Rota, now: datetime) -> None:
    """No gap: from the first turn on somebody is on call, and the end of a shift is the beginning of the next."""
    present = rota.shift(declared, now)
    assert present.until > now
    before = present.until.astimezone(UTC) - timedelta(microseconds=1)
    assert rota.shift(declared, before) == present
    started = now >= rota._handover(declared, declared.starts)
    assert bool(present.members) or not started


@given(rotas(overrides=False), st.integers(1, 5))
def test_everybody_has_equally_many_turns_of_equal_length(declared: Rota, rounds: int) -> None:
    now, turns = rota._handover(declared, declared.starts), Counter[str]()
    days = Counter[str]()
    for _ in range(rounds * len(declared.order)):
        present = rota.shift(declared, now)
        (person,) = present.members
        turns[person] += 1
        local = now.astimezone(present.until.tzinfo)
        days[person] += (present.until.date() - local.date()).days
        now = present.until.astimezone(UTC)
    if declared.timezone == "Pacific/Apia":  # it left out a day of 2011
        return
    assert set(turns.values()) == {rounds}
    assert set(days.values()) == {rounds * declared.turn_days}


@given(rotas(), MOMENTS)
def test_an_override_wins_for_just_its_days(declared: Rota, now: datetime) -> None:
    present = rota.shift(declared, now)
    plain = rota.shift(declared.model_copy(update={"overrides": ()}), now)
    in_force = [
        override
        for override in declared.overrides
        if rota._handover(declared, override.begins) <= now < rota._handover(declared, override.until)
    ]
    assert present.members == (in_force[0].members if in_force else plain.members)


@given(rotas(), MOMENTS)
def test_before_the_start_nobody_of_the_order_is_in(declared: Rota, now: datetime) -> None:
    if now < rota._handover(declared, declared.starts):
        assert not set(rota.shift(declared, now).members) & {person for turn in declared.order for person in turn}


@pytest.mark.parametrize(
    ("local", "members", "until"),
    [
        ("2026-11-23T08:59+01:00", (), "2026-11-23T09:00:00+01:00"),
        ("2026-11-23T09:00+01:00", (ADA,), "2026-11-30T09:00:00+01:00"),
        ("2026-11-30T08:59+01:00", (ADA,), "2026-11-30T09:00:00+01:00"),
        ("2026-11-30T08:00Z", (GRACE,), "2026-12-07T09:00:00+01:00"),
        ("2027-07-05T08:59+02:00", (GRACE,), "2027-07-05T09:00:00+02:00"),
    ],
)
def test_turns_change_at_the_handover_of_the_rotas_own_clock(local: str, members: tuple[str, ...], until: str) -> None:
    present = rota.shift(declared(), datetime.fromisoformat(local))
    assert (present.members, present.until.isoformat()) == (members, until)


def test_the_hour_that_autumn_repeats_does_not_bring_the_last_turn_back() -> None:
    turning = declared(starts="2026-10-18", handover="02:30")  # the second turn begins on the day clocks go back
    second = datetime(2026, 10, 25, 1, 10, tzinfo=UTC)  # 02:10 for the second time
    assert rota.shift(turning, second).members == (GRACE,)


def test_an_override_in_a_turn_gives_the_rest_of_it_back() -> None:
    covered = declared(overrides=[{"from": "2026-11-25", "until": "2026-11-26", "members": [LIN]}])

    def on_call(day: int, hour: int = 12) -> rota.Shift:
        return rota.shift(covered, datetime(2026, 11, day, hour, tzinfo=UTC))

    assert [on_call(24).members, on_call(25).members, on_call(26).members] == [(ADA,), (LIN,), (ADA,)]
    assert on_call(24).until.isoformat() == "2026-11-25T09:00:00+01:00"
    assert on_call(25).until.isoformat() == "2026-11-26T09:00:00+01:00"


def test_a_moment_without_a_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="time zone"):
        rota.shift(declared(), datetime(2026, 11, 25))


# --- in the groups ------------------------------------------------------------------------------------------


def settings(**bent: Any) -> TailnetSettings:
    rotation = {"starts": "2026-11-23", "order": [[ADA], [GRACE]], "always": [LIN]}
    least = {"groups": {"group:sre": [ADA, GRACE]}, "rotas": {"group:on-call": rotation}}
    return TailnetSettings.model_validate({**least, **bent})


WEDNESDAY = datetime(2026, 11, 25, 12, tzinfo=UTC)


def test_the_group_of_a_rotation_holds_who_is_on_call_and_those_who_always_are() -> None:
    assert shared.groups(settings(), WEDNESDAY)["group:on-call"] == [LIN, ADA]
    assert shared.groups(settings(), WEDNESDAY + timedelta(days=7))["group:on-call"] == [LIN, GRACE]
    assert shared.groups(settings(), WEDNESDAY - timedelta(days=7))["group:on-call"] == [LIN]


def test_what_the_outputs_say_is_what_the_group_holds() -> None:
    told = shared.on_call(settings(), WEDNESDAY)["group:on-call"]
    assert told == {
        "now": [ADA],
        "next": [GRACE],
        "handover": "2026-11-30T09:00:00+00:00",
        "everybody": [LIN, ADA, GRACE],
    }
    assert shared.next_handover(settings(), WEDNESDAY) == "2026-11-30T09:00:00+00:00"
    assert shared.next_handover(settings(rotas={}), WEDNESDAY) is None


@given(st.sampled_from([ADA, ADA.upper(), GRACE, LIN]), MOMENTS)
def test_who_is_revoked_is_in_no_group_at_any_time(revoked: str, now: datetime) -> None:
    cut = settings(revoked=[revoked], rotas={"group:on-call": declared().model_dump(by_alias=True, mode="json")
        | {"handover": "09:00", "always": [LIN], "overrides": [
            {"from": "2026-12-24", "until": "2026-12-27", "members": [GRACE, LIN]}]}})  # fmt: skip
    everywhere = [*shared.groups(cut, now).values(), *(o["everybody"] for o in shared.on_call(cut, now).values())]
    assert revoked.lower() not in {address.lower() for members in everywhere for address in members}


def test_a_person_named_twice_is_in_the_group_once() -> None:
    twice = settings(rotas={"group:on-call": {"starts": "2026-11-23", "order": [[ADA.upper()]], "always": [ADA]}})
    assert shared.groups(twice, WEDNESDAY)["group:on-call"] == [ADA]


def test_defaults_are_those_that_the_documentation_names() -> None:
    least = Rota.model_validate({"starts": "2026-11-23", "order": [[ADA]]})
    assert (least.turn_days, least.handover, least.timezone) == (7, time(9), "UTC")
