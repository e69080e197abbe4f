"""What the impersonated groups and people may do, as one component.

Does not own the roles (components/manifests/roles.py). Dies with the ceiling.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components import PACKAGE
from components.cluster.objects import register_all
from components.cluster.timeouts import SHORT_DELETE
from components.manifests.roles import bound_role, roles, subjects
from components.settings.access import Access


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesArgs:
    """access: entries of the stack; no subject has two roles. labels: put on every object. after: what must be there
    first."""

    access: tuple[Access, ...]
    labels: dict[str, str]
    after: list[pulumi.Resource]


class Roles(pulumi.ComponentResource):
    """ClusterRoles and bindings of the groups and users that engineers act as."""

    bound: dict[str, str]
    """Kubernetes group, or user, to the ClusterRole that it is bound to. A user has an `@`, and no group does."""

    def __init__(self, name: str, args: RolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Roles", name, None, opts)
        register_all(
            name,
            roles(args.access, args.labels),
            pulumi.ResourceOptions(parent=self, depends_on=args.after, custom_timeouts=SHORT_DELETE),
        )
        self.bound = {subject.name: bound_role(role) for subject, role in subjects(args.access).items()}
        self.register_outputs({"bound": self.bound})
