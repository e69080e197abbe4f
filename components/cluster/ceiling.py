"""The bounded impersonation role and its binding, as one component.

Does not own what they say (components/manifests/ceiling.py). Teardown: Kubernetes deletes both after the namespace that
owns them; the engine calls the cluster only when they are taken out of the settings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi

from components import PACKAGE
from components.cluster.objects import register_all
from components.cluster.owner import Owner
from components.cluster.timeouts import SHORT_DELETE
from components.manifests.ceiling import ceiling
from components.naming import OPERATOR_SERVICE_ACCOUNT


@dataclass(frozen=True, kw_only=True, slots=True)
class CeilingArgs:
    """groups, users: whom the API proxy may impersonate; any_user: every user, by a named exception.
    service_accounts: as whom the proxy runs. labels: put on both objects. namespace: their owner. after: what is there
    first. unless_there: what is asked before each is made."""

    groups: list[str]
    users: list[str]
    labels: dict[str, str]
    namespace: Owner
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding
    service_accounts: Sequence[str] = (OPERATOR_SERVICE_ACCOUNT,)
    any_user: bool = False


class Ceiling(pulumi.ComponentResource):
    """The bounded impersonation role, bound to the ServiceAccounts that serve the API."""

    def __init__(self, name: str, args: CeilingArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Ceiling", name, None, opts)
        made = ceiling(
            groups=args.groups,
            users=args.users,
            labels=args.labels,
            service_accounts=args.service_accounts,
            any_user=args.any_user,
        )
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
        self.register_outputs({"groups": args.groups, "users": args.users})
