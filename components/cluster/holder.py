"""The owner of everything that the operator puts a finalizer on, and the drain that deletes it.

The operator puts its finalizer on whatever it runs proxies for, and only the operator, with its credential, takes it
off again. So these objects are deleted while both exist, and the credential after that. But a dead operator, or a
cluster that does not answer, must not stop the removal of the credential. Therefore the objects are owned by one
ClusterRole without rules, and the engine deletes none of them when everything goes (`deleted_with`): the drain deletes
the owner, and waits a few seconds for the operator. What is taken out of the settings while the rest stays is deleted
by the engine, which waits for it.

Owns the owner and the drain. Does not own the objects, nor the wait (providers/tailnet/withdrawal.py). The namespace
must not own them: without the operator in it their finalizers would stay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.leftovers import path_of
from components.cluster.owner import proxies_owner
from components.cluster.timeouts import SHORT_DELETE
from components.manifests import Manifest
from components.naming import HOLDER, Names
from components.settings.environment import Cluster
from providers.tailnet.resources import Withdrawal

IN_THE_BACKGROUND = {"pulumi.com/deletionPropagationPolicy": "background"}
"""For the owner, and for an object that is taken out alone. In the foreground, the engine's default, Kubernetes would
delete the dependents of the object first: the Secrets in which the operator reads which devices to remove."""


@dataclass(frozen=True, kw_only=True, slots=True)
class HolderArgs:
    """names: of the environment. cluster: where it is; cluster_uid: its identity. held: API paths of the objects, the
    customer's own Services among them. patched: path and annotations of those Services, as the drain takes them.
    after: the operator's credential. unless_there: what is asked before an object outside of a namespace is made."""

    names: Names
    cluster: Cluster
    cluster_uid: pulumi.Input[str]
    held: Sequence[str]
    patched: Sequence[Mapping[str, Any]]
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding


class Holder(pulumi.ComponentResource):
    """A ClusterRole that gives no right to anybody. It owns, since Kubernetes lets an object be owned only from its own
    namespace or from none."""

    drain: Withdrawal
    """What the objects, their owner and the patches are deleted with."""

    def __init__(self, name: str, args: HolderArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Holder", name, None, opts)
        self.drain = Withdrawal(
            f"{name}-withdrawal",
            customer=args.names.customer,
            environment=args.names.environment,
            held=args.held,
            owner=path_of("ClusterRole", {"name": HOLDER}),
            patched=args.patched,
            context=args.cluster.context,
            # Empty for whatever the run that destroys it finds, as for the cluster's own provider.
            kubeconfig=str(args.cluster.kubeconfig or ""),
            cluster_uid=args.cluster_uid,
            # The credential, which the operator needs to take its proxies back, is removed after the drain.
            opts=pulumi.ResourceOptions(parent=self, depends_on=args.after),
        )
        role = kubernetes.rbac.v1.ClusterRole(
            f"{name}-owner",
            metadata={"name": HOLDER, "labels": args.names.labels, "annotations": IN_THE_BACKGROUND},
            # No rules at all: of an empty list the API server makes null, which would look like a change.
            opts=pulumi.ResourceOptions(
                parent=self,
                depends_on=[self.drain],
                deleted_with=self.drain,
                custom_timeouts=SHORT_DELETE,
                hooks=args.unless_there,
            ),
        )
        self._owner = proxies_owner(role)
        self.register_outputs({"held": list(args.held)})

    def owned(self, manifest: Manifest) -> Manifest:
        """The manifest as the object that the owner owns."""
        owned = self._owner.owned(manifest)
        annotations = {**owned["metadata"].get("annotations", {}), **IN_THE_BACKGROUND}
        return {**owned, "metadata": {**owned["metadata"], "annotations": annotations}}
