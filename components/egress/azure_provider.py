"""The way to the customer's Azure: one provider per subscription.

Owns the subscription, which is a fact of the stack. Credentials are not: they come from the environment at every run (a
workload identity, a managed identity, the Azure CLI), so none lies stale in the state when the kill needs one. A hub's
firewall and a spoke's nodes are often in two subscriptions, which one identity may change.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_azure_native as azure_native

from components.naming import Names
from components.settings.egress_azure import AzureTarget


def providers(
    targets: Sequence[AzureTarget], names: Names, parent: pulumi.Resource
) -> dict[str, pulumi.ProviderResource]:
    """By the target's place; targets in one subscription share one, because each is a process of the engine's."""
    subscriptions = {
        subscription: azure_native.Provider(
            names.resource(f"egress-azure-{subscription}"),
            subscription_id=subscription,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for subscription in sorted({target.subscription for target in targets})
    }
    return {target.place: subscriptions[target.subscription] for target in targets}
