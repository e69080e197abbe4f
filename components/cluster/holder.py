"""What holds everything that the operator puts a finalizer on, so that all of it goes with one delete.

The operator puts its finalizer on whatever it runs proxies for, and only the operator, with its credential, takes it
off again. So these objects are given up while both are there, and the credential goes after that. But on the day of
the kill a dead operator must hold up nothing, and the engine would wait for a finalizer and then stop. Therefore they
are owned by one object without a finalizer. The engine deletes that one alone (`deleted_with`), Kubernetes collects the
others, and nobody waits but Withdrawal, which gives up in time. What is taken out of the settings while the rest stays
is deleted by itself, and waited for.

Owns that object and the wait. Does not own what it holds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.timeouts import SHORT_DELETE
from components.manifests import Manifest
from components.naming import HOLDER, Names
from components.settings.environment import Cluster
from providers.tailnet.resources import Withdrawal

IN_THE_BACKGROUND = {"pulumi.com/deletionPropagationPolicy": "background"}
"""For the owner, and for what is taken out alone. In the foreground, the engine's default, Kubernetes would collect the
dependents of what is held first: the Secrets among them in which the operator reads which devices to remove."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HolderArgs:
    """names: of the environment. cluster: where it is. tags: of the devices that the operator makes for what is held.
    held: API paths of that. after: the operator's credential. unless_there: what is asked before an object outside of a
    namespace is made."""

    names: Names
    cluster: Cluster
    tags: Sequence[str]
    held: Sequence[str]
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding


class Holder(pulumi.ComponentResource):
    """A ClusterRole that gives no right to anybody. It owns, since Kubernetes lets an object be owned only from its own
    namespace or from none."""

    withdrawal: Withdrawal
    """Goes after whatever depends on it has been given up, and waits for the operator."""
    owner: kubernetes.rbac.v1.ClusterRole

    def __init__(self, name: str, args: HolderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Holder", name, None, opts)
        self.withdrawal = Withdrawal(
            f"{name}-withdrawal",
            customer=args.names.customer,
            environment=args.names.environment,
            tags=args.tags,
            held=args.held,
            context=args.cluster.context,
            # Empty for whatever the run that destroys it finds, as for the cluster's own provider.
            kubeconfig=str(args.cluster.kubeconfig or ""),
            # The credential, which the operator needs to take its proxies back, goes after the wait for that.
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        self.owner = kubernetes.rbac.v1.ClusterRole(
            f"{name}-owner",
            metadata={"name": HOLDER, "labels": args.names.labels, "annotations": IN_THE_BACKGROUND},
            # No rules at all: of an empty list the API server makes null, which would look like a change.
            opts=pulumi.ResourceOptions(
                parent=self,
                # Given up before the wait begins.
                depends_on=[self.withdrawal],
                custom_timeouts=SHORT_DELETE,
                hooks=args.unless_there,
            ),
        )
        self.register_outputs({"tags": list(args.tags)})

    def owned(self, manifest: Manifest) -> Manifest:
        """The manifest as the object that the owner owns."""
        reference = {
            "apiVersion": "rbac.authorization.k8s.io/v1",
            "kind": "ClusterRole",
            "name": HOLDER,
            "uid": self.owner.metadata.apply(lambda found: found.uid),
        }
        metadata = manifest["metadata"]
        annotations = {**metadata.get("annotations", {}), **IN_THE_BACKGROUND}
        return {**manifest, "metadata": {**metadata, "annotations": annotations, "ownerReferences": [reference]}}
