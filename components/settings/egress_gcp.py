"""Settings of the egress targets in GCP, one model per target.

Owns names, forms, defaults and descriptions. Which objects a target makes is its component's (gcp_*.py). The
customer's object is named by its whole path, which says the project too: often that of a shared VPC, not the cluster's.
No credential is a setting: they come from the environment (a workload identity, a service account that is
impersonated).
"""

from __future__ import annotations

import re
from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.endpoints import derp_map
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
from components.settings.gcp_forms import (
    GATEWAY,
    NETWORK,
    POLICY,
    network_tag,
    only_stun,
    path_of,
    secure_tag,
    service_account,
    version_4,
)
from components.settings.problems import refuse

REGIONS = len(derp_map.NODES)
MAX_REGIONS = 60
"""A rule of a policy takes 100 names; those that are no relays must fit in too."""

MAX_ACCOUNTS = 10
MAX_SOURCES = 11
"""One matcher has at most 12 logical operators, of which two are for names and port."""

Accounts = Annotated[
    tuple[Annotated[str, AfterValidator(service_account)], ...],
    AfterValidator(forms.distinct),
    Field(
        max_length=MAX_ACCOUNTS,
        validate_default=True,
        description="The rules are for machines that run as these: the accounts of the cluster's nodes. Who is let out"
        " must be said; only allInstances, true, says that it is every machine of the network.",
        examples=[["gke-nodes@acme-prod.iam.gserviceaccount.com"]],
    ),
]
"""Stands after the tags and `all_instances` in its model, and has the default (): one of the three says who."""

AllInstances = Annotated[
    StrictBool,
    Field(description="True says that the rules are for every machine of the network.", examples=[False]),
]


def one_says_who(accounts: tuple[str, ...], info: ValidationInfo, tags: str, alias: str) -> tuple[str, ...]:
    """tags: the model's field of tags; alias: its name in the file."""
    if not {tags, "all_instances"} <= info.data.keys():
        return accounts  # either has a problem of its own
    said = {"serviceAccounts": accounts, alias: info.data[tags], "allInstances": info.data["all_instances"]}
    chosen = [name for name, value in said.items() if value]
    if not chosen:
        raise refuse(f"It is missing, and so are {alias} and allInstances.")
    if len(chosen) > 1:
        raise refuse(
            f"{' and '.join(chosen)} are set.",
            why="A rule is for machines by their accounts, or by their tags, or for all: Google takes one of them.",
        )
    return accounts


class GcpTarget(TargetSettings):
    """An object of the customer's, by its path."""

    form: ClassVar[re.Pattern[str]]

    @property
    def project(self) -> str:
        return self.part("project") or ""

    @property
    def name(self) -> str:
        return self.part("name") or ""

    def part(self, part: str) -> str | None:
        """One part of the path; None where it has none."""
        found = self.form.fullmatch(self.place)
        if found is None:
            raise ValueError(f"{self.place!r} is no path of {self.target}.")
        return found[part]


class GcpVpcFirewallEgress(GcpTarget):
    """Classic egress rules in a VPC network that the customer has."""

    target: Literal["gcp-vpc-firewall"] = Field(**TARGET)
    unique: ClassVar = ()  # every stack's rules have names of their own, and may say the same
    form: ClassVar = NETWORK
    network: Annotated[str, AfterValidator(path_of(NETWORK, "a network", "projects/PROJECT/global/networks/NAME"))] = (
        Field(
            description="Rules are added to this network, which is that of the nodes.",
            examples=["projects/acme-network/global/networks/prod"],
        )
    )
    priority: Annotated[StrictInt, Field(ge=0, le=65535)] = Field(
        description="Rules are asked from the lowest number on, and of two with the same number the one that denies"
        " wins: ours must be lower than the customer's deny.",
        examples=[900],
    )
    network_tags: Annotated[
        tuple[Annotated[str, AfterValidator(network_tag)], ...],
        AfterValidator(forms.distinct),
    ] = Field(
        default=(),
        description="The rules are for machines with these network tags, which whoever may edit a machine can set.",
        examples=[["gke-acme-prod-node"]],
    )
    all_instances: AllInstances = False
    service_accounts: Accounts = ()
    ipv6: StrictBool = Field(default=False, description="In a network without IPv6 the rules do nothing.")
    derp: Annotated[DerpSetting, AfterValidator(ipv6_on_request)]
    certificate_authority: Annotated[CertificateAuthoritySetting, AfterValidator(ipv6_on_request)] = None
    udp: UdpSetting = "off"

    @field_validator("service_accounts")
    @classmethod
    def _who(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return one_says_who(value, info, "network_tags", "networkTags")

    @property
    def opens_udp(self) -> Udp:
        return self.udp

    @property
    def place(self) -> str:
        return self.network


class GcpNetworkPolicyEgress(GcpTarget):
    """One rule by names in a network firewall policy that the customer has."""

    target: Literal["gcp-network-policy"] = Field(**TARGET)
    unique: ClassVar = (("policy", "priority"),)
    form: ClassVar = POLICY
    policy: Annotated[
        str,
        AfterValidator(
            path_of(POLICY, "a network firewall policy", "projects/PROJECT/global/firewallPolicies/NAME"),
        ),
    ] = Field(
        description="The rule is added to this policy, global or of a region, which the customer has associated with"
        " the network.",
        examples=["projects/acme-network/global/firewallPolicies/egress"],
    )
    priority: Annotated[StrictInt, Field(ge=0, le=2147483547)] = Field(
        description="Rules of a policy are asked from the lowest number on: ours must come before the one that denies."
        " It is unique in a policy, and is the rule's only key.",
        examples=[900],
    )
    secure_tags: Annotated[
        tuple[Annotated[str, AfterValidator(secure_tag)], ...],
        AfterValidator(forms.distinct),
        Field(max_length=256),
    ] = Field(
        default=(),
        description="The rule is for machines with these secure tags.",
        examples=[["tagValues/281484836404786"]],
    )
    all_instances: AllInstances = False
    service_accounts: Accounts = ()
    relay_regions: Annotated[StrictInt, Field(ge=REGIONS, le=MAX_REGIONS)] = Field(
        default=REGIONS,
        description="Names of relays are opened region by region, from 1 to this number; a name that is not there yet"
        " does no harm, and a region that is left out breaks random pairs of devices.",
        examples=[REGIONS + 1],
    )
    udp: Annotated[
        Literal["off", "stun"],
        BeforeValidator(only_stun),
        Field(
            description="Everything works by relays over TCP 443. stun lets relays be measured by UDP 3478.",
            examples=["off"],
        ),
    ] = "off"

    @field_validator("service_accounts")
    @classmethod
    def _who(cls, value: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        return one_says_who(value, info, "secure_tags", "secureTags")

    @property
    def opens_udp(self) -> Udp:
        return self.udp

    @property
    def place(self) -> str:
        return self.policy


class GcpSecureWebProxyEgress(GcpTarget):
    """One rule in the policy of a Secure Web Proxy that the customer has."""

    target: Literal["gcp-secure-web-proxy"] = Field(**TARGET)
    unique: ClassVar = (("policy", "priority"),)
    form: ClassVar = GATEWAY
    proxy: ClassVar = True
    policy: Annotated[
        str,
        AfterValidator(
            path_of(
                GATEWAY, "a gateway security policy", "projects/PROJECT/locations/REGION/gatewaySecurityPolicies/NAME"
            ),
        ),
    ] = Field(
        description="The rule is added to this policy, which the customer's proxy uses.",
        examples=["projects/acme-network/locations/europe-west3/gatewaySecurityPolicies/egress"],
    )
    priority: Annotated[StrictInt, Field(ge=0, le=2147483647)] = Field(
        description="Rules of a policy are asked from the lowest number on: ours must come before one that denies.",
        examples=[900],
    )
    sources: Annotated[Cidrs, AfterValidator(version_4), Field(max_length=MAX_SOURCES)] = Field(
        description="A host can be claimed by anybody, so the rule lets out the nodes' (or pods') addresses only, as"
        " the proxy sees them.",
        examples=[["10.64.0.0/16"]],
    )

    @property
    def place(self) -> str:
        return self.policy
