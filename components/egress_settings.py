"""Settings of the way out of the customer's network, one model per target.

Owns names, defaults and descriptions of `support-access:egress`. Which rules a target makes is its component's.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, ValidationInfo, field_validator

from components import forms
from components.forms import Settings
from components.problems import refuse


class NoEgress(Settings):
    """No rule in the customer's cloud; what must be reachable is an output of the stack."""

    target: Literal["none"] = Field(
        description="It says which kind of rule opens the way out: the cloud decides which kinds there are.",
        examples=["none"],
    )


class AwsSecurityGroupEgress(Settings):
    """Standalone egress rules in a security group that the customer has."""

    target: Literal["aws-security-group"]
    region: Annotated[str, AfterValidator(forms.aws_region)] = Field(
        description="Security groups live in one region.", examples=["eu-central-1"]
    )
    security_group: Annotated[str, AfterValidator(forms.security_group)] = Field(
        description="Rules are added to this group of the nodes, by its id: a name is not unique.",
        examples=["sg-0123456789abcdef0"],
    )
    ipv6: StrictBool = Field(
        default=False, description="IPv6 rules are refused in a network without it.", examples=[False]
    )
    derp: Annotated[Literal["any443"] | tuple[str, ...], BeforeValidator(forms.derp)] = Field(
        description="Relays have no fixed addresses: either TCP 443 is open to everywhere (any443), or the"
        " customer lists the ranges that it allows.",
        examples=[["198.51.100.0/24"]],
    )

    @field_validator("derp")
    @classmethod
    def _ipv6_only_on_request(cls, derp: str | tuple[str, ...], info: ValidationInfo) -> str | tuple[str, ...]:
        version_6 = [cidr for cidr in derp if ":" in cidr]
        if version_6 and info.data.get("ipv6") is False:
            raise refuse(f"It has IPv6 ranges, {', '.join(version_6)}, and ipv6 is false.")
        return derp
