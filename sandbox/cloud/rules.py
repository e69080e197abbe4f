"""What each cloud refuses: which objects may stand side by side, and in which words the cloud says no.

An object's id is its path at the cloud; its parent is the path without the last two parts (a collection and a
name). The words are those of public reports of the real services; where none was found the refusal says
`unverified`.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.cloud import aws
from sandbox.cloud.refusals import Refusal, Rules

ARM_MISSING = Refusal(404, "NotFound", "Resource {id} not found.")
ARM_EXISTS = Refusal(412, "PreconditionFailed", "{id} exists (unverified: ARM creates and replaces alike)")

RULES: Mapping[str, Rules] = {
    **aws.RULES,
    "gcp:compute:Firewall": Rules(
        missing=Refusal(404, "notFound", "The resource '{id}' was not found"),
        exists=Refusal(409, "alreadyExists", "The resource '{id}' already exists"),
    ),
    "gcp:compute:NetworkFirewallPolicyRule": Rules(
        missing=Refusal(
            400,
            "invalid",
            "Invalid value for field 'priority': '{name}'. "
            "The firewall policy does not contain a rule at priority {name}.",
        ),
        exists=Refusal(
            400,
            "invalid",
            "Invalid value for field 'resource.priority': '{name}'. The priority is taken (unverified words)",
        ),
    ),
    "azure-native:network:SecurityRule": Rules(
        missing=ARM_MISSING,
        exists=ARM_EXISTS,
        unique={
            ("priority", "direction"): Refusal(
                400,
                "SecurityRuleConflict",
                "Security rule {other} conflicts with rule {name}. Rules cannot have the same Priority and Direction. "
                "To learn more, see aka.ms/nsgrules.",
            )
        },
    ),
    "azure-native:network:FirewallPolicyRuleCollectionGroup": Rules(
        missing=ARM_MISSING,
        exists=ARM_EXISTS,
        unique={
            ("priority",): Refusal(
                400,
                "FirewallPolicyRuleCollectionGroupInvalidPriorityDuplicate",
                "Rule collection groups {other} and {name} have the same priority {priority} (unverified words)",
            )
        },
    ),
}
