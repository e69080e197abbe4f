"""The Tailscale operator in the customer's cluster: the namespace and the Helm release.

Owns both, pinned, and takes nothing over: a namespace or a release that is already there is refused, so a second
environment cannot move into the same cluster (the chart's object names are fixed). A release that the customer has
uninstalled is not made again unasked (reinstall.py). Does not own the credential, a
Secret that comes later and that the pod waits for, nor any RBAC beyond the chart's own. Teardown: after everything at
Tailscale is gone, because Helm cannot uninstall from a cluster that it does not reach. With the namespace Kubernetes
deletes everything of the environment in the cluster (owner.py), so the engine asks for no object of that by itself.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.owner import Owner, namespace_owner
from components.cluster.timeouts import NAMESPACE_TIMEOUTS, RELEASE_TIMEOUTS
from components.features import runs_privileged_pods
from components.manifests.chart_values import chart_values
from components.manifests.namespace import namespace
from components.naming import NAMESPACE, RELEASE, Names
from components.settings.environment import EnvironmentSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class OperatorArgs:
    """names, settings: of the environment. description: of the Helm release; empty for Helm's own. ready: the record
    of the cluster and its repair, before which nothing is made there. egress: what must be open before the operator
    dials out. unless_there, before_release: what is asked before namespace and release are made."""

    names: Names
    settings: EnvironmentSettings
    description: pulumi.Input[str]
    ready: pulumi.Resource
    egress: Sequence[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding
    before_release: pulumi.ResourceHookBinding


class Operator(pulumi.ComponentResource):
    """Namespace `tailscale` and release `tailscale-operator`."""

    release: kubernetes.helm.v3.Release
    """What the device cleanup hangs on, so that at the kill devices go first."""
    namespace: Owner
    """Owns what the environment has in the cluster, beside the release and what the operator puts a finalizer on."""

    def __init__(self, name: str, args: OperatorArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Operator", name, None, opts)
        operator = args.settings.operator
        made = namespace(args.names.labels, proxies=runs_privileged_pods(args.settings))
        place = kubernetes.core.v1.Namespace(
            f"{name}-namespace",
            metadata=made["metadata"],
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[args.ready],
                custom_timeouts=NAMESPACE_TIMEOUTS,
                hooks=args.unless_there,
            ),
        )
        self.namespace = namespace_owner(place)
        self.release = kubernetes.helm.v3.Release(
            f"{name}-release",
            name=RELEASE,
            namespace=NAMESPACE,
            chart=operator.chart.name,
            version=operator.chart.version,
            repository_opts={"repo": operator.chart.repository_url} if operator.chart.repository_url else None,
            values=chart_values(args.names, args.settings),
            # Changes when an interrupted command was cleared: then Helm applies everything again.
            description=pulumi.Output.from_input(args.description).apply(lambda text: text or None),
            # The pod waits for its Secret, which is made after the release: waiting here would wait for ever.
            skip_await=True,
            opts=pulumi.ResourceOptions(
                parent=self,
                # Egress first, and last away: the operator dials out at once, and finalizers need it at the end.
                depends_on=[place, *args.egress],
                custom_timeouts=RELEASE_TIMEOUTS,
                hooks=args.before_release,
            ),
        )
        self.register_outputs({"release": self.release.status.name})
