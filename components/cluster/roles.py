"""What the impersonated groups and people may do, as one component.

Does not own the roles (components/manifests/roles.py). Teardown: as for the impersonation limit (ceiling.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import pulumi

from components import PACKAGE
from components.cluster.objects import register_all
from components.cluster.owner import Owner
from components.cluster.timeouts import SHORT_DELETE
from components.manifests.roles import bound_role, roles, subjects
from components.settings.access import Access


@dataclass(frozen=True, kw_only=True, slots=True)
class RolesArgs:
    """access: entries of the stack; no subject has two roles. readable: API group to resources that role read-only
    may read besides its own. labels: put on every object. namespace: their owner. after: what must be there first.
    unless_there: what is asked before each is made."""

    access: tuple[Access, ...]
    labels: dict[str, str]
    namespace: Owner
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding
    readable: Mapping[str, Sequence[str]] = field(default_factory=dict)


class Roles(pulumi.ComponentResource):
    """ClusterRoles and bindings of the groups and users that engineers act as.

    A namespace that an entry names must be there: it is the customer's, and never made here.
    """

    bound: dict[str, str]
    """Kubernetes group, or user, to the ClusterRole that it is bound to. A user has an `@`, and no group does."""

    def __init__(self, name: str, args: RolesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Roles", name, None, opts)
        made = roles(args.access, args.labels, args.readable)
        register_all(
            name,
            {part: args.namespace.owned(manifest) for part, manifest in made.items()},
            pulumi.ResourceOptions(
                parent=self,
                depends_on=args.after,
                deleted_with=args.namespace.resource,
                custom_timeouts=SHORT_DELETE,
                hooks=args.unless_there,
            ),
        )
        self.bound = {subject.name: bound_role(entry) for subject, entry in subjects(args.access).items()}
        self.register_outputs({"bound": self.bound})
