"""Settings of the egress targets in AWS, one model per target.

Owns names, forms, defaults and descriptions. Which objects a target makes is its component's (aws_*.py). No credential
is a setting: they come from the environment (a profile, a role, a workload identity), and `account` only says which
account they must be of.
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.endpoints.published import Udp
from components.settings import forms
from components.settings.egress_target import (
    TARGET,
    CertificateAuthoritySetting,
    Cidrs,
    DerpSetting,
    TargetSettings,
    UdpSetting,
    ipv6_on_request,
)
from components.settings.problems import refuse, shown

POLICY_ARN = re.compile(
    r"arn:(?P<partition>aws[a-z-]*):network-firewall:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12})"
    r":firewall-policy/(?P<name>[A-Za-z0-9-]{1,128})"
)
PARTITIONS = {"cn-": "aws-cn", "eusc-": "aws-eusc", "us-gov-": "aws-us-gov"}
"""Regions by how they begin; all others that a customer can order are of the partition `aws`."""


def account_digits(number: object) -> object:
    """Refuses digits that YAML read as a number, and shows them as the text that they should be."""
    if isinstance(number, float) and number.is_integer():
        number = int(number)
    if isinstance(number, bool) or not isinstance(number, int) or not 0 <= number < 10**12:
        return number
    digits, octal = f"{number:012d}", f"0{number:o}"
    raise refuse(
        f"{digits} is a number here, and must be text: twelve digits, in quotes."
        + (f" It may also have been {octal}, which is read as an octal number." if len(octal) == len(digits) else ""),
        why="YAML reads digits without quotes as a number: a leading zero is lost. Compare the account with the one"
        " that you mean.",
        example=digits,
    )


def account_number(number: str) -> str:
    if not re.fullmatch(r"[0-9]{12}", number):
        raise refuse(f"{shown(number)} is not an AWS account: twelve digits, in quotes.")
    return number


def security_group_id(identifier: str) -> str:
    if identifier.startswith("arn:"):
        raise refuse(f"{shown(identifier)} is an ARN, and a security group's id is wanted.")
    return forms.security_group(identifier)


def vpc_id(identifier: str) -> str:
    if identifier.startswith("arn:"):
        raise refuse(f"{shown(identifier)} is an ARN, and a VPC's id is wanted.")
    if not re.fullmatch(r"vpc-([0-9a-f]{8}|[0-9a-f]{17})", identifier):
        raise refuse(f"{shown(identifier)} is not a VPC's id.")
    return identifier


def policy_arn(arn: str) -> str:
    found = re.fullmatch(r"arn:[^:]*:network-firewall:[^:]*:[^:]*:(firewall|stateful-rulegroup)/.*", arn)
    if found:
        raise refuse(f"{shown(arn)} is the ARN of a {found[1]}, and that of the firewall's policy is wanted.")
    if not POLICY_ARN.fullmatch(arn):
        raise refuse(f"{shown(arn)} is not the ARN of a firewall policy.")
    return arn


def partition(region: str) -> str:
    return next((name for start, name in PARTITIONS.items() if region.startswith(start)), "aws")


class AwsTarget(TargetSettings):
    """Where an AWS target lives, and as whom."""

    region: Annotated[str, AfterValidator(forms.aws_region)] = Field(
        description="What it makes lives in one region, whatever region the environment's credentials prefer.",
        examples=["eu-central-1"],
    )
    account: Annotated[str, BeforeValidator(account_digits), AfterValidator(account_number)] | None = Field(
        default=None,
        description="Credentials of another account are refused before anything is made.",
        examples=["111122223333"],
    )

    @property
    def accounts(self) -> set[str]:
        """Accounts that the credentials must be of: at most one in a target that is right."""
        return {self.account} if self.account else set()


class AwsSecurityGroupEgress(AwsTarget):
    """Standalone egress rules in a security group that the customer has."""

    target: Literal["aws-security-group"] = Field(**TARGET)
    unique: ClassVar = (("securityGroup",),)
    security_group: Annotated[str, AfterValidator(security_group_id)] = Field(
        description="Rules are added to this group of the nodes, by its id: a name is not unique.",
        examples=["sg-0123456789abcdef0"],
    )
    ipv6: StrictBool = Field(
        default=False, description="IPv6 rules are refused in a network without it.", examples=[False]
    )
    derp: Annotated[DerpSetting, AfterValidator(ipv6_on_request)]
    certificate_authority: Annotated[CertificateAuthoritySetting, AfterValidator(ipv6_on_request)] = None
    udp: UdpSetting = "off"

    @property
    def opens_udp(self) -> Udp:
        return self.udp

    @property
    def place(self) -> str:
        return self.security_group


class AwsNetworkFirewallEgress(AwsTarget):
    """A stateful rule group of our own, which the customer adds to the policy of its network firewall."""

    target: Literal["aws-network-firewall"] = Field(**TARGET)
    unique: ClassVar = (("policy", "priority"),)
    policy: Annotated[str, AfterValidator(policy_arn)] = Field(
        description="The rule group must fit this policy, which is looked up and never changed.",
        examples=["arn:aws:network-firewall:eu-central-1:111122223333:firewall-policy/inspection"],
    )
    rule_order: Literal["STRICT_ORDER", "DEFAULT_ACTION_ORDER"] = Field(
        description="A policy takes rule groups of its own order only, and a group's order is for ever.",
        examples=["STRICT_ORDER"],
    )
    priority: Annotated[StrictInt, Field(ge=1, le=65535)] | None = Field(
        default=None,
        validate_default=True,
        description="In STRICT_ORDER groups are asked from the lowest number on: ours must come before the group that"
        " drops. The customer writes the number into its policy.",
        examples=[100],
    )
    sources: Cidrs = Field(
        description="Server names can be forged, so the rules let out the nodes' (or pods') addresses only, as the"
        " firewall sees them.",
        examples=[["10.64.0.0/16"]],
    )
    uninspected: StrictBool = Field(
        default=False,
        description="A policy that decrypts TLS breaks the operator's connections. true says that the customer has left"
        " the sources out of the inspection.",
        examples=[True],
    )
    udp: UdpSetting = "off"

    @property
    def opens_udp(self) -> Udp:
        return self.udp

    @field_validator("policy")
    @classmethod
    def _in_the_region(cls, policy: str, info: ValidationInfo) -> str:
        found = POLICY_ARN.fullmatch(policy)
        region, declared = info.data.get("region"), info.data.get("account")
        if found is None or region is None:
            return policy  # either has a problem of its own
        if found["region"] != region:
            raise refuse(f"The policy is in {found['region']}, and region is {region}.", why="Both live in one region.")
        if found["partition"] != partition(region):
            raise refuse(f"The ARN is of partition {found['partition']}, and {region} is in {partition(region)}.")
        if declared and found["account"] != declared:
            raise refuse(
                f"The policy is of account {found['account']}, and account is {declared}.",
                why="A policy takes rule groups of its own account; nothing is shared between accounts here.",
            )
        return policy

    @field_validator("priority")
    @classmethod
    def _with_strict_order_alone(cls, priority: int | None, info: ValidationInfo) -> int | None:
        order = info.data.get("rule_order")
        if order == "STRICT_ORDER" and priority is None:
            raise refuse("It is missing, and ruleOrder is STRICT_ORDER.")
        if order == "DEFAULT_ACTION_ORDER" and priority is not None:
            raise refuse(
                "It is set, and ruleOrder is DEFAULT_ACTION_ORDER.",
                why="There every pass comes before every drop.",
                remove=(),
            )
        return priority

    @property
    def accounts(self) -> set[str]:
        return {self.policy.split(":")[4]}

    @property
    def place(self) -> str:
        return self.policy


class AwsDnsFirewallEgress(AwsTarget):
    """Names that Route 53 Resolver DNS Firewall answers in a VPC."""

    target: Literal["aws-dns-firewall"] = Field(**TARGET)
    unique: ClassVar = (("vpc", "priority"),)
    vpc: Annotated[str, AfterValidator(vpc_id)] = Field(
        description="The rule group is associated with the VPC of the nodes.", examples=["vpc-0123456789abcdef0"]
    )
    priority: Annotated[StrictInt, Field(gt=100, lt=9900)] = Field(
        description="Rule groups are asked from the lowest number on: ours must come before the one that blocks. It is"
        " unique in a VPC, between 100 and 9900, neither included.",
        examples=[101],
    )

    @property
    def place(self) -> str:
        return self.vpc
