"""What the settings of every egress target share, whichever cloud it is for.

Owns the base of the targets' models and the forms of values that more than one of them takes. Does not own the list of
targets (components/settings/egress.py) nor any cloud's own words (egress_aws.py). Imports no cloud's SDK.
"""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo

from components.endpoints.published import Udp
from components.settings import forms
from components.settings.forms import Settings
from components.settings.problems import refuse, shown

TARGET = {
    "description": "It decides which object of the customer's cloud the way out goes through, and so which other"
    " settings there are.",
    "examples": ["aws-security-group"],
}


class TargetSettings(Settings):
    """One target. Subclasses make `target` a Literal that begins with the cloud and a hyphen, described by TARGET, and
    fill in the rest."""

    target: Any

    unique: ClassVar[tuple[tuple[str, ...], ...]]
    """Groups of keys, as in the stack's file, whose values together no second stack may have: `("vpc", "priority")`.
    Values of two groups are compared too. None where two stacks may say the same."""

    caseless: ClassVar[bool] = False
    """Whether the cloud takes values of `unique` that differ in case only for the same."""

    proxy: ClassVar[bool] = False
    """Whether it may be the HTTP proxy of `operator.httpProxy`, which is asked for the hosts behind it."""

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

DerpSetting = Annotated[
    Literal["any443"] | tuple[str, ...],
    BeforeValidator(forms.derp),
    Field(
        description="Relays have no fixed addresses: either TCP 443 is open to everywhere (any443), or the"
        " customer lists the ranges that it allows.",
        examples=[["198.51.100.0/24"]],
    ),
]
"""For rules that know addresses and no names; `any443`, or networks in canonical form."""


def ranges_or_elsewhere(value: object) -> object:
    if value is None or value == "elsewhere":
        return value
    if not isinstance(value, list):
        raise refuse(f"{shown(value)} is neither elsewhere nor a list of ranges.")
    return cidrs(value)


def authority_reached(value: str | tuple[str, ...] | None, info: ValidationInfo) -> str | tuple[str, ...] | None:
    derp = info.data.get("derp")
    if isinstance(derp, tuple) and value is None:
        raise refuse("It is missing, and derp is a list of ranges.")
    if derp == "any443" and value is not None:
        raise refuse(
            "It is set, and derp is any443.",
            why="TCP 443 to everywhere reaches the certificate authority; a bound that binds nothing misleads.",
            remove=(),
        )
    return value


CertificateAuthoritySetting = Annotated[
    Literal["elsewhere"] | tuple[str, ...] | None,
    BeforeValidator(ranges_or_elsewhere),
    AfterValidator(authority_reached),
    Field(
        validate_default=True,
        description="With a list of ranges in derp nothing here reaches the certificate authority, which has no fixed"
        " addresses: the operator is online and every kubectl fails in its TLS handshake. List the ranges that the"
        " customer allows for it, or say elsewhere when another rule of the customer lets it through.",
        examples=["elsewhere"],
    ),
]
"""Stands after `derp` in its model, and has the default None: only a list in `derp` needs it."""


def ipv6_on_request(value: Any, info: ValidationInfo) -> Any:
    """Networks of IPv6 only where `ipv6`, which stands before the field in its model, is true."""
    version_6 = [cidr for cidr in value if ":" in cidr] if isinstance(value, tuple) else []
    if version_6 and info.data.get("ipv6") is False:
        raise refuse(f"It has IPv6 ranges, {', '.join(version_6)}, and ipv6 is false.")
    return value
