"""What the settings of every egress target share, whichever cloud it is for.

Owns the base of the targets' models and the forms of values that more than one of them takes. Does not own the list of
targets (components/settings/egress.py) nor any cloud's own words (egress_aws.py). Imports no cloud's SDK.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field

from components.egress.destinations import Udp
from components.settings import forms
from components.settings.forms import Settings
from components.settings.problems import refuse, shown


class TargetSettings(Settings):
    """One target. Subclasses make `target` a Literal that begins with the cloud and a hyphen, and fill in the rest."""

    target: Any

    unique: ClassVar[tuple[str, ...]]
    """Keys, as in the stack's file, whose values together no second stack may have: `("vpc", "priority")`."""

    @property
    def opens_udp(self) -> Udp:
        """How wide it opens UDP; `off` where a target knows no such thing."""
        return "off"

    @property
    def place(self) -> str:
        """The customer's object that the rules hang on, unique in its cloud; part of every resource name."""
        raise NotImplementedError


def cidrs(values: object) -> object:
    """A list of networks, each in canonical form and none of them everything."""
    if not isinstance(values, list):
        return values  # its type is refused by the field
    if not values:
        raise refuse("It is empty.")
    return list(forms.networks(values))


Cidrs = Annotated[tuple[str, ...], BeforeValidator(cidrs)]


def udp(value: object) -> object:
    if value in (41641, "41641"):
        raise refuse(
            f"{shown(value)} is the port that a client sends from, and rules compare the port that it sends to.",
            why="A rule for it would let nothing through: peers are at any port. Direct paths need any.",
            example="any",
        )
    return value


UdpSetting = Annotated[
    Udp,
    BeforeValidator(udp),
    Field(
        description="Everything works by relays over TCP 443. stun lets relays be measured by UDP 3478; any opens every"
        " UDP port of every host, which is what direct paths need.",
        examples=["off"],
    ),
]
"""`off`, `stun` or `any`; each model gives it the default `off`."""
