"""The network policy of the operator's namespace, as one component.

Does not own what it says (components/manifests/network_policy.py). Teardown: with its namespace.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pulumi

from components import PACKAGE
from components.cluster.objects import register
from components.cluster.owner import Owner
from components.cluster.survey import Survey
from components.cluster.timeouts import SHORT_DELETE
from components.egress.destinations import Destination
from components.manifests.network_policy import network_policy
from components.settings.environment import EnvironmentSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class NetworkPolicyArgs:
    """settings: of the environment, with a form other than off. needs: the allowlist of its features. surveyed: what
    the cluster itself says. namespace: what it is in. after: what must be there first."""

    settings: EnvironmentSettings
    needs: tuple[Destination, ...]
    surveyed: pulumi.Output[Survey]
    namespace: Owner
    after: Sequence[pulumi.Resource]


class NetworkPolicy(pulumi.ComponentResource):
    """One policy in the namespace `tailscale`."""

    def __init__(self, name: str, args: NetworkPolicyArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:NetworkPolicy", name, None, opts)
        form = args.settings.network_policy.form
        # The kind and the name come from the settings; only what the cluster says is waited for.
        known = network_policy(args.settings, needs=args.needs, api_server=[("192.0.2.1", 443)])
        register(
            f"{name}-{form.value}",
            {**known, "spec": args.surveyed.apply(lambda seen: _spec(args, seen))},
            pulumi.ResourceOptions(
                parent=self,
                depends_on=list(args.after),
                deleted_with=args.namespace.resource,
                custom_timeouts=SHORT_DELETE,
            ),
        )
        self.register_outputs({"form": form.value})


def _spec(args: NetworkPolicyArgs, seen: Survey) -> dict[str, Any]:
    try:
        made = network_policy(args.settings, needs=args.needs, api_server=seen.api_server, backends=seen.backends)
    except ValueError as missing:
        raise pulumi.RunError(str(missing)) from None
    return made["spec"]
