"""The stand-ins and the SDKs speak of the same resources: same tokens, same inputs, same outputs."""

from __future__ import annotations

import inspect
import re

import pulumi
import pulumi_aws
import pulumi_azure_native
import pulumi_gcp
import pulumi_tailscale
import pytest

from sandbox.plugins.aws import SecurityGroupEgressRule
from sandbox.plugins.aws_firewalls import Association, DnsRule, DnsRuleGroup, DomainList, RuleGroup
from sandbox.plugins.azure_native import FirewallPolicyRuleCollectionGroup, SecurityRule
from sandbox.plugins.gcp import Firewall, NetworkFirewallPolicyRule, RegionNetworkFirewallPolicyRule
from sandbox.plugins.gcp_proxy import GatewaySecurityPolicyRule, UrlList
from sandbox.plugins.kind import Kind
from sandbox.plugins.tailscale_keys import FederatedIdentity, OauthClient, TailnetKey
from sandbox.plugins.tailscale_logs import AwsExternalId, LogstreamConfiguration, Webhook
from sandbox.plugins.tailscale_tailnet import Acl, DnsPreferences, TailnetSettings

PAIRS: list[tuple[type[Kind], type[pulumi.CustomResource], type]] = [
    (OauthClient, pulumi_tailscale.OauthClient, pulumi_tailscale.OauthClientArgs),
    (FederatedIdentity, pulumi_tailscale.FederatedIdentity, pulumi_tailscale.FederatedIdentityArgs),
    (TailnetKey, pulumi_tailscale.TailnetKey, pulumi_tailscale.TailnetKeyArgs),
    (TailnetSettings, pulumi_tailscale.TailnetSettings, pulumi_tailscale.TailnetSettingsArgs),
    (DnsPreferences, pulumi_tailscale.DnsPreferences, pulumi_tailscale.DnsPreferencesArgs),
    (Acl, pulumi_tailscale.Acl, pulumi_tailscale.AclArgs),
    (LogstreamConfiguration, pulumi_tailscale.LogstreamConfiguration, pulumi_tailscale.LogstreamConfigurationArgs),
    (AwsExternalId, pulumi_tailscale.AwsExternalId, pulumi_tailscale.AwsExternalIdArgs),
    (Webhook, pulumi_tailscale.Webhook, pulumi_tailscale.WebhookArgs),
    (
        SecurityGroupEgressRule,
        pulumi_aws.vpc.SecurityGroupEgressRule,
        pulumi_aws.vpc.SecurityGroupEgressRuleArgs,
    ),
    (RuleGroup, pulumi_aws.networkfirewall.RuleGroup, pulumi_aws.networkfirewall.RuleGroupArgs),
    (
        DomainList,
        pulumi_aws.route53.ResolverFirewallDomainList,
        pulumi_aws.route53.ResolverFirewallDomainListArgs,
    ),
    (
        DnsRuleGroup,
        pulumi_aws.route53.ResolverFirewallRuleGroup,
        pulumi_aws.route53.ResolverFirewallRuleGroupArgs,
    ),
    (DnsRule, pulumi_aws.route53.ResolverFirewallRule, pulumi_aws.route53.ResolverFirewallRuleArgs),
    (
        Association,
        pulumi_aws.route53.ResolverFirewallRuleGroupAssociation,
        pulumi_aws.route53.ResolverFirewallRuleGroupAssociationArgs,
    ),
    (SecurityRule, pulumi_azure_native.network.SecurityRule, pulumi_azure_native.network.SecurityRuleInitArgs),
    (
        FirewallPolicyRuleCollectionGroup,
        pulumi_azure_native.network.FirewallPolicyRuleCollectionGroup,
        pulumi_azure_native.network.FirewallPolicyRuleCollectionGroupArgs,
    ),
    (Firewall, pulumi_gcp.compute.Firewall, pulumi_gcp.compute.FirewallArgs),
    (
        NetworkFirewallPolicyRule,
        pulumi_gcp.compute.NetworkFirewallPolicyRule,
        pulumi_gcp.compute.NetworkFirewallPolicyRuleArgs,
    ),
    (
        RegionNetworkFirewallPolicyRule,
        pulumi_gcp.compute.RegionNetworkFirewallPolicyRule,
        pulumi_gcp.compute.RegionNetworkFirewallPolicyRuleArgs,
    ),
    (UrlList, pulumi_gcp.networksecurity.UrlList, pulumi_gcp.networksecurity.UrlListArgs),
    (
        GatewaySecurityPolicyRule,
        pulumi_gcp.networksecurity.GatewaySecurityPolicyRule,
        pulumi_gcp.networksecurity.GatewaySecurityPolicyRuleArgs,
    ),
]


def camel(name: str) -> str:
    return re.sub(r"_(.)", lambda found: found[1].upper(), name)


@pytest.mark.parametrize(("kind", "resource", "arguments"), PAIRS, ids=lambda value: value.__name__)
def test_a_kind_is_the_sdks_resource(kind: type[Kind], resource: type[pulumi.CustomResource], arguments: type) -> None:
    assert kind.token == resource.pulumi_type  # type: ignore[attr-defined]
    parameters = inspect.signature(arguments.__init__).parameters
    declared = {camel(n): p.default is p.empty for n, p in parameters.items() if n != "__self__"}
    assert {name: spec.required for name, spec in kind.inputs.items()} == declared
    properties = {camel(n) for n, v in vars(resource).items() if isinstance(v, property)}
    assert kind.outputs == properties - kind.inputs.keys()
