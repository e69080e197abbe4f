"""Settings of an on-call rotation: a group whose members are chosen by date, under `support-access:tailnet.rotas`.

Owns names, defaults and forms. Does not own who is on call when (`tailnet/rota.py`). Nothing in it can leave a gap: no
turn is empty, turns follow each other without end, and of two overrides that overlap neither is taken.
"""

from __future__ import annotations

import itertools
from datetime import date, time
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, model_validator

from components.settings import forms, tailnet_forms
from components.settings.forms import Settings
from components.settings.problems import refuse

Address = Annotated[str, AfterValidator(forms.address)]
People = Annotated[tuple[Address, ...], BeforeValidator(forms.filled), AfterValidator(forms.distinct)]


class Override(Settings):
    """Other people than the order says, from the handover on one day until the handover on a later one."""

    begins: Annotated[date, BeforeValidator(forms.day)] = Field(
        alias="from",
        description="From that day's handover on the people of the override are on call.",
        examples=["2026-12-24"],
    )
    until: Annotated[date, BeforeValidator(forms.day)] = Field(
        description="At that day's handover the order counts again.", examples=["2026-12-27"]
    )
    members: People = Field(
        description="They are on call in place of whoever's turn it is.", examples=[["grace@example.com"]]
    )

    @model_validator(mode="after")
    def _ends_after_it_begins(self) -> Override:
        if self.until <= self.begins:
            raise refuse(
                f"It ends on {self.until} and begins on {self.begins}.",
                why="An override holds from the handover on its first day until the handover on a later one.",
            )
        return self


def _apart(overrides: tuple[Override, ...]) -> tuple[Override, ...]:
    ordered = sorted(overrides, key=lambda override: override.begins)
    for earlier, later in itertools.pairwise(ordered):
        if later.begins < earlier.until:
            raise refuse(
                f"The override from {later.begins} begins before the one from {earlier.begins} ends.",
                why="Two overrides for one day would say two different things.",
            )
    return overrides


class Rota(Settings):
    """Who takes which turn."""

    starts: Annotated[date, BeforeValidator(forms.day)] = Field(
        description="The first turn begins at that day's handover; before it nobody of the order is in the group.",
        examples=["2026-11-23"],
    )
    turn_days: Annotated[StrictInt, Field(ge=1, le=366)] = Field(
        default=7, description="So many days one turn lasts.", examples=[7]
    )
    handover: Annotated[time, BeforeValidator(tailnet_forms.clock)] = Field(
        default=time(9),
        description="The time of day, in the rota's time zone, at which turns change.",
        examples=["09:00"],
    )
    timezone: Annotated[str, AfterValidator(tailnet_forms.zone)] = Field(
        default="UTC",
        description="Handover is at the same time on the clock there, in summer and in winter.",
        examples=["Europe/Berlin"],
    )
    order: Annotated[tuple[People, ...], BeforeValidator(forms.filled)] = Field(
        description="Each turn names who is on call together; after the last comes the first again.",
        examples=[[["ada@example.com"], ["grace@example.com"]]],
    )
    always: Annotated[tuple[Address, ...], AfterValidator(forms.distinct)] = Field(
        default=(), description="They are in the group whoever's turn it is.", examples=[["lin@example.com"]]
    )
    overrides: Annotated[tuple[Override, ...], AfterValidator(_apart)] = Field(
        default=(),
        description="Holidays and swaps.",
        examples=[[{"from": "2026-12-24", "until": "2026-12-27", "members": ["grace@example.com"]}]],
    )
