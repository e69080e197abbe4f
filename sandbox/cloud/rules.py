"""What each cloud refuses: which objects may stand side by side, and in which words the cloud says no.

An object's id is its path at the cloud; its parent is the path without the last two parts (a collection and a
name). The words are those of public reports of the real services; where none was found the refusal says
`unverified`.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Body = Mapping[str, Any]


@dataclass(frozen=True)
class Refusal:
    """An answer that is no success. `message` may name {id}, {name}, {other} (the name of the object in the way)
    and properties.
    """

    status: int
    code: str
    message: str

    def text(self, identity: str, other: str, body: Body) -> str:
        return self.message.format_map({**body, "id": identity, "name": _name(identity), "other": _name(other)})


@dataclass(frozen=True)
class Rules:
    """`unique`: properties whose combination no two objects of one parent may share, with the refusal for the
    second.
    """

    missing: Refusal
    exists: Refusal
    unique: Mapping[tuple[str, ...], Refusal] = field(default_factory=dict)

    def conflict(self, identity: str, body: Body, others: Mapping[str, Body]) -> tuple[Refusal, str] | None:
        """The first refusal that `others` cause for `body` at `identity`, with the id of the object in the way."""
        for other, present in others.items():
            if other == identity or parent(other) != parent(identity):
                continue
            for properties, refusal in self.unique.items():
                if all(present.get(p) == body.get(p) for p in properties):
                    return refusal, other
        return None


def parent(identity: str) -> str:
    return identity.rsplit("/", 2)[0]


def _name(identity: str) -> str:
    return identity.rsplit("/", 1)[-1]


ARM_MISSING = Refusal(404, "NotFound", "Resource {id} not found.")
ARM_EXISTS = Refusal(412, "PreconditionFailed", "{id} exists (unverified: ARM creates and replaces alike)")

RULES: Mapping[str, Rules] = {
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
