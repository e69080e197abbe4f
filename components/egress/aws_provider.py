"""The way to the customer's AWS account: one provider per region.

Owns region and account, which are facts of the stack. Credentials are not: they come from the environment at every run
(a profile, a role, a workload identity), so none lies stale in the state when the kill needs one.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_aws as aws

from components.naming import Names
from components.settings.egress_aws import AwsTarget


def providers(
    targets: Sequence[AwsTarget], names: Names, parent: pulumi.Resource
) -> dict[str, pulumi.ProviderResource]:
    """By the target's place; targets in one region share one, because each is a process of the engine's."""
    accounts = sorted({account for target in targets for account in target.accounts})
    regions = {
        region: aws.Provider(
            names.resource(f"egress-aws-{region}"),
            region=region,
            # Credentials of another account are refused before anything is made with them.
            allowed_account_ids=accounts or None,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        for region in sorted({target.region for target in targets})
    }
    return {target.place: regions[target.region] for target in targets}
