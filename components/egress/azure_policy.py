"""The customer's firewall policy in Azure, as far as our rule collection group must fit it: looked up, never changed.

Owns what is compared. Which priorities are taken is left to Azure, which refuses a second one: reading every group
would be a call for each. Dies by: a policy that cannot be read is a problem of its own, because nothing then says whose
firewalls the rules would be for.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import pulumi
from pulumi_azure_native import network

from components.settings.egress_azure import AzureFirewallPolicyEgress
from components.settings.problems import Problem, config_key, set_command


@dataclass(frozen=True, kw_only=True, slots=True)
class Policy:
    """decrypts: whether it has a certificate to decrypt TLS with. children: ids of the policies that inherit its rules.
    firewalls: ids of those that use it. busy: whether another operation is under way."""

    decrypts: bool
    children: tuple[str, ...]
    firewalls: tuple[str, ...]
    busy: bool


class Unreadable(Exception):  # noqa: N818 - named for what it tells
    """The policy could not be looked up; carries the cloud's own words."""


def look_up(egress: AzureFirewallPolicyEgress, provider: pulumi.ProviderResource) -> Policy:
    """The policy as it is now. Asks for Microsoft.Network/firewallPolicies/read. Raises Unreadable."""
    try:
        found = network.get_firewall_policy(
            resource_group_name=egress.resource_group,
            firewall_policy_name=egress.name,
            opts=pulumi.InvokeOptions(provider=provider),
        )
    except Exception as error:  # the SDK raises nothing narrower
        raise Unreadable(str(error)) from error
    transport = found.transport_security
    return Policy(
        decrypts=transport is not None and transport.certificate_authority is not None,
        children=tuple(sorted(child.id or "" for child in found.child_policies or ())),
        firewalls=tuple(sorted(firewall.id or "" for firewall in found.firewalls or ())),
        busy=found.provisioning_state in ("Updating", "Deleting"),
    )


def unreadable(index: int, reason: str) -> Problem:
    return Problem(
        config_key(("egress", index, "policy")),
        f"The policy cannot be looked up: {reason}",
        "It says whether TLS is decrypted, and for whose firewalls the rules would be.",
        "check the id, and that the identity of the environment may Microsoft.Network/firewallPolicies/read:"
        " az account show",
    )


def problems(stack: str, index: int, egress: AzureFirewallPolicyEgress, policy: Policy) -> Iterator[Problem]:
    """Why our group would not work in the policy, or would open more than was meant."""
    if policy.decrypts and not egress.uninspected:
        yield Problem(
            config_key(("egress", index, "uninspected")),
            "The policy can decrypt TLS, and it is false.",
            "The operator accepts the certificates of its own servers only: a connection that is decrypted on the way"
            " fails. Our rules decrypt nothing, but one of the customer's that is asked first may.",
            "have the customer see to that for the sources, then "
            + set_command(stack, ("egress", index, "uninspected"), True),
        )
    if policy.children and not egress.inherited:
        yield Problem(
            config_key(("egress", index, "policy")),
            f"{len(policy.children)} policies inherit from it, for example {policy.children[0]}.",
            "The rules would be for the firewalls of all of them, where the sources may be somebody else's addresses.",
            "name the policy of the firewall that the nodes go through; or, if all of them are meant, "
            + set_command(stack, ("egress", index, "inherited"), True),
        )


def cautions(egress: AzureFirewallPolicyEgress, policy: Policy) -> Iterator[str]:
    """What to tell the customer, although the group itself is right."""
    if not policy.firewalls and not policy.children:
        yield f"No firewall uses {egress.policy}: its rules let nothing through."
    if policy.busy:
        yield (
            f"{egress.policy} is being changed, and takes one operation at a time: if Azure refuses ours, run this"
            " again in some minutes."
        )
