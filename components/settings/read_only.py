"""Settings of what role read-only reads besides its own list: `support-access:readOnly`.

Owns which kinds may join it: the customer's own, by name, and none that an exception would have to name. Does not own
the list itself (components/manifests/read_only.py).
"""

from __future__ import annotations

import re
from typing import Annotated, Final

from pydantic import AfterValidator, Field

from components.settings import forms
from components.settings.escalation import KINDS, READ, findings
from components.settings.forms import Settings
from components.settings.problems import refuse, shown
from components.settings.rule import Rule

BUILT_IN: Final = frozenset(
    {
        "admissionregistration.k8s.io",
        "apiextensions.k8s.io",
        "apiregistration.k8s.io",
        "authentication.k8s.io",
        "authorization.k8s.io",
        "certificates.k8s.io",
        "coordination.k8s.io",
        "discovery.k8s.io",
        "events.k8s.io",
        "flowcontrol.apiserver.k8s.io",
        "internal.apiserver.k8s.io",
        "metrics.k8s.io",
        "networking.k8s.io",
        "node.k8s.io",
        "rbac.authorization.k8s.io",
        "resource.k8s.io",
        "scheduling.k8s.io",
        "storage.k8s.io",
        "storagemigration.k8s.io",
    }
)
"""API groups of Kubernetes itself, beside those without a dot."""


def custom_resource(name: str) -> str:
    """`PLURAL.GROUP`, a kind of the customer's own that has nothing in it that an exception would have to name."""
    plural, _, group = name.partition(".")
    if not re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", plural) or not re.fullmatch(
        r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", group
    ):
        raise refuse(f"{shown(name)} is not the name of a custom resource, as `kubectl get crds` prints it.")
    if group in BUILT_IN or "." not in group:
        raise refuse(
            f"{shown(name)} is of Kubernetes itself.",
            why="What role read-only reads of that is fixed: else a setting could add Secrets to it.",
        )
    rule = Rule.model_construct(api_groups=(group,), resources=(plural,), verbs=READ, resource_names=None)
    for found in findings([rule]):
        raise refuse(
            f"{shown(name)} is nothing that role read-only may read: {found.kind}.",
            why=f"By its name {KINDS[found.kind]}. Role custom can have it, by a named exception.",
        )
    return name


class ReadOnly(Settings):
    """What role read-only reads besides its own list."""

    resources: Annotated[
        tuple[Annotated[str, AfterValidator(custom_resource)], ...], AfterValidator(forms.distinct)
    ] = Field(
        default=(),
        description="Custom resources of the customer that support may read, by the names that `kubectl get crds`"
        " prints; no wildcard, so what the customer adds later is not read.",
        examples=[["widgets.example.com"]],
    )

    @property
    def by_group(self) -> dict[str, tuple[str, ...]]:
        """API group to its resources."""
        groups: dict[str, tuple[str, ...]] = {}
        for plural, _, group in (name.partition(".") for name in self.resources):
            groups[group] = (*groups.get(group, ()), plural)
        return groups
