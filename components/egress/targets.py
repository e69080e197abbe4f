"""From the declared targets to their components.

Owns the choice. A cloud's SDK is imported only where one of its targets is chosen: each costs start-up time on every
preview, and need not be installed elsewhere. Does not own what a target makes (one module each). Dies after the
release, so that finalizers can still be seen to.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import pulumi

from components.egress.destinations import Needs, required
from components.egress.target import Target, TargetArgs
from components.naming import Names
from components.settings.egress_aws import AwsTarget
from components.settings.egress_azure import AzureTarget
from components.settings.egress_gcp import GcpTarget
from components.settings.egress_target import TargetSettings
from components.settings.environment import EnvironmentSettings


def open_egress(
    settings: EnvironmentSettings, wanted: Needs, *, narrowed: pulumi.Resource, parent: pulumi.Resource
) -> list[Target]:
    """One component per declared target, in the order of the settings. wanted: what the features dial. narrowed: as in
    `TargetArgs`."""
    rows = required(wanted)
    behind = required(replace(wanted, http_proxy=None))
    providers = _providers(settings.egress, settings.names, parent)
    return [
        _component(target)(
            settings.names.resource(f"egress-{target.place}"),
            TargetArgs(
                egress=target,
                index=index,
                names=settings.names,
                rows=behind if target.proxy else rows,
                provider=providers[target.place],
                narrowed=narrowed,
            ),
            pulumi.ResourceOptions(parent=parent),
        )
        for index, target in enumerate(settings.egress)
    ]


def _component(target: TargetSettings) -> Callable[[str, TargetArgs[Any], pulumi.ResourceOptions], Target]:
    match target.target:
        case "aws-security-group":
            from components.egress.aws_security_group import AwsSecurityGroup

            return AwsSecurityGroup
        case "aws-network-firewall":
            from components.egress.aws_network_firewall import AwsNetworkFirewall

            return AwsNetworkFirewall
        case "aws-dns-firewall":
            from components.egress.aws_dns_firewall import AwsDnsFirewall

            return AwsDnsFirewall
        case "azure-firewall-policy":
            from components.egress.azure_firewall_policy import AzureFirewallPolicy

            return AzureFirewallPolicy
        case "azure-nsg":
            from components.egress.azure_nsg import AzureNsg

            return AzureNsg
        case "gcp-vpc-firewall":
            from components.egress.gcp_vpc_firewall import GcpVpcFirewall

            return GcpVpcFirewall
        case "gcp-network-policy":
            from components.egress.gcp_network_policy import GcpNetworkPolicy

            return GcpNetworkPolicy
        case "gcp-secure-web-proxy":
            from components.egress.gcp_secure_web_proxy import GcpSecureWebProxy

            return GcpSecureWebProxy
        case unknown:
            raise NotImplementedError(f"Egress target {unknown} has settings and no component.")


def _providers(
    targets: Sequence[TargetSettings], names: Names, parent: pulumi.Resource
) -> dict[str, pulumi.ProviderResource]:
    """By the target's place. All targets of a stack are in one cloud."""
    in_aws = [target for target in targets if isinstance(target, AwsTarget)]
    if in_aws:
        from components.egress.aws_provider import providers

        return providers(in_aws, names, parent)
    in_azure = [target for target in targets if isinstance(target, AzureTarget)]
    if in_azure:
        from components.egress.azure_provider import providers

        return providers(in_azure, names, parent)
    in_gcp = [target for target in targets if isinstance(target, GcpTarget)]
    if in_gcp:
        from components.egress.gcp_provider import providers

        return providers(in_gcp, names, parent)
    return {}
