"""The way to the customer's GCP: one provider per project.

Owns the project, which is a fact of the stack. Credentials are not: they come from the environment at every run (a
workload identity, an impersonated service account), so none lies stale in the state when the kill needs one. A shared
network and its proxy are often in two projects, which one identity may change.
"""

from __future__ import annotations

from collections.abc import Sequence

import pulumi
import pulumi_gcp as gcp

from components.naming import Names
from components.settings.egress_gcp import GcpTarget


def providers(
    targets: Sequence[GcpTarget], names: Names, parent: pulumi.Resource
) -> dict[str, pulumi.ProviderResource]:
    """By the target's place; targets in one project share one, because each is a process of the engine's."""
    projects = {
        project: gcp.Provider(
            names.resource(f"egress-gcp-{project}"), project=project, opts=pulumi.ResourceOptions(parent=parent)
        )
        for project in sorted({target.project for target in targets})
    }
    return {target.place: projects[target.project] for target in targets}
