"""Settings of the egress targets in Azure, one model per target.

Owns names, forms, defaults and descriptions. Which objects a target makes is its component's (azure_*.py). The
customer's object is named by its whole id, which says the subscription too. No credential is a setting: they come from
the environment (a workload identity, a managed identity, the Azure CLI).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, ClassVar, Literal

from pydantic import AfterValidator, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.endpoints.published import Udp
from components.settings.egress_target import (
    TARGET,
    CertificateAuthoritySetting,
    Cidrs,
    DerpSetting,
    TargetSettings,
    UdpSetting,
)
from components.settings.problems import refuse, shown

ID = re.compile(
    r"/subscriptions/(?P<subscription>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"/resourceGroups/(?P<group>[\w.()-]{0,89}[\w()-])"
    r"/providers/Microsoft\.Network/(?P<kind>[A-Za-z]+)"
    r"/(?P<name>[A-Za-z0-9]([A-Za-z0-9_.-]{0,78}[A-Za-z0-9_])?)(?P<child>/[^/]+/[^/]+)?",
    re.IGNORECASE,
)
MANAGED_GROUP, MANAGED_NAME = re.compile(r"MC_.*", re.IGNORECASE), re.compile(r"aks-agentpool-.*-nsg", re.IGNORECASE)
"""What AKS calls the node resource group, unless the customer chose a name, and the security group that it keeps."""


def resource_id(identifier: str, kind: str, noun: str) -> str:
    """The id of one object of Microsoft.Network/`kind`; `noun` says what that is."""
    found = ID.fullmatch(identifier)
    if found is None:
        what = "its name" if re.fullmatch(r"[\w.-]+", identifier) else "no such id"
        raise refuse(f"{shown(identifier)} is {what}, and the whole id of {noun} is wanted.")
    if found["child"] or found["kind"].lower() != kind.lower():
        actual = found["kind"] + "".join(f"/{part}" for part in (found["child"] or "").split("/")[1:2])
        raise refuse(f"It is the id of one of {actual}, and that of {noun} ({kind}) is wanted.")
    return identifier


def policy_id(identifier: str) -> str:
    return resource_id(identifier, "firewallPolicies", "a firewall policy")


def security_group_id(identifier: str) -> str:
    resource_id(identifier, "networkSecurityGroups", "a network security group")
    found = ID.fullmatch(identifier)
    if found and (MANAGED_GROUP.fullmatch(found["group"]) or MANAGED_NAME.fullmatch(found["name"])):
        raise refuse(
            f"{found['name']} in {found['group']} is kept by AKS itself.",
            why="AKS writes that group anew and takes foreign rules out. Rules go to the group of the nodes' subnet.",
        )
    return identifier


def version_4(values: Any) -> Any:
    version_6 = [cidr for cidr in values if ":" in cidr] if isinstance(values, tuple) else []
    if version_6:
        raise refuse(
            f"It has IPv6 ranges: {', '.join(version_6)}.",
            why="The rules are of IPv4, in which everything that is needed answers: a rule of a security group takes"
            " ranges of one family only, and Azure Firewall filters no other.",
        )
    return values


class AzureTarget(TargetSettings):
    """An object of the customer's, by its id in `place`, and who is let out through it."""

    caseless: ClassVar = True

    sources: Annotated[Cidrs, AfterValidator(version_4)] = Field(
        description="The rules let out the nodes' (or pods') addresses only, as packets have them when they arrive.",
        examples=[["10.64.0.0/16"]],
    )
    udp: UdpSetting = "off"

    @property
    def opens_udp(self) -> Udp:
        return self.udp

    @property
    def identifier(self) -> str:
        """The id as the stack's file has it."""
        raise NotImplementedError

    @property
    def place(self) -> str:
        return self.identifier.lower()  # Azure compares ids without regard to case

    @property
    def subscription(self) -> str:
        return self._part("subscription").lower()

    @property
    def resource_group(self) -> str:
        return self._part("group")

    @property
    def name(self) -> str:
        return self._part("name")

    def _part(self, part: str) -> str:
        found = ID.fullmatch(self.identifier)
        if found is None:
            raise ValueError(f"{self.identifier!r} is not an id.")
        return found[part]


class AzureFirewallPolicyEgress(AzureTarget):
    """A rule collection group of our own in the policy of a firewall that the customer has."""

    target: Literal["azure-firewall-policy"] = Field(**TARGET)
    unique: ClassVar = (("policy", "priority"),)
    policy: Annotated[str, AfterValidator(policy_id)] = Field(
        description="The rule collection group is added to this policy, which is looked up and never changed itself.",
        examples=[
            "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/hub/providers/Microsoft.Network"
            "/firewallPolicies/egress"
        ],
    )
    priority: Annotated[StrictInt, Field(ge=100, le=65000)] = Field(
        description="Groups are asked from the lowest number on: ours must come before the one that denies. It is"
        " unique in a policy.",
        examples=[1000],
    )
    uninspected: StrictBool = Field(
        default=False,
        description="Decrypted on the way, the operator's connections fail. Our rules decrypt nothing; true says that"
        " no rule of the customer that is asked before them does so for the sources.",
        examples=[True],
    )
    inherited: StrictBool = Field(
        default=False,
        description="A policy with children gives its rules to the firewalls of all of them, where the sources may be"
        " somebody else's addresses. true says that this is meant.",
        examples=[True],
    )

    @property
    def identifier(self) -> str:
        return self.policy


class AzureNsgEgress(AzureTarget):
    """Security rules in a network security group that the customer has."""

    target: Literal["azure-nsg"] = Field(**TARGET)
    unique: ClassVar = (("nsg", "priority"), ("nsg", "udpPriority"))
    nsg: Annotated[str, AfterValidator(security_group_id)] = Field(
        description="Rules are added to this group, which is that of the nodes' subnet.",
        examples=[
            "/subscriptions/00000000-0000-0000-0000-000000000000/resourceGroups/network/providers/Microsoft.Network"
            "/networkSecurityGroups/nodes"
        ],
    )
    priority: Annotated[StrictInt, Field(ge=100, le=4096)] = Field(
        description="Rules are asked from the lowest number on: ours must come before the one that denies. It is unique"
        " among the outbound rules of a group.",
        examples=[400],
    )
    udp_priority: Annotated[StrictInt, Field(ge=100, le=4096)] | None = Field(
        default=None,
        validate_default=True,
        description="A rule is of one protocol, and two rules have two priorities.",
        examples=[401],
    )
    derp: DerpSetting
    certificate_authority: CertificateAuthoritySetting = None

    @field_validator("derp", "certificate_authority")
    @classmethod
    def _version_4(cls, value: Any) -> Any:
        return version_4(value)

    @field_validator("udp_priority")
    @classmethod
    def _for_udp_alone(cls, value: int | None, info: ValidationInfo) -> int | None:
        udp, priority = info.data.get("udp"), info.data.get("priority")
        if udp in ("stun", "any") and value is None:
            raise refuse(f"It is missing, and udp is {udp}.")
        if udp == "off" and value is not None:
            raise refuse(
                "It is set, and udp is off.", why="A number that no rule has looks as if UDP were open.", remove=()
            )
        if value is not None and value == priority:
            raise refuse(f"It is {value}, and so is priority.", example=value + 1 if value < 4096 else value - 1)
        return value

    @property
    def identifier(self) -> str:
        return self.nsg
