"""All that a managed delivery makes in the customer's cluster, and the edges between it.

Owns the order inside of the cluster: the release first, then its credential, what bounds the operator, and last what it
runs proxies for. Does not own the order of the whole (support_access.py), in which the credential stands between the
release and the rest. No component: its parts are the environment's own children.
"""

from __future__ import annotations

from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components.cluster.ceiling import Ceiling, CeilingArgs
from components.cluster.declared import declared, path
from components.cluster.exposures import Exposures, ExposuresArgs, patched, served_by_operator
from components.cluster.held import held
from components.cluster.holder import Holder, HolderArgs
from components.cluster.interrupted import complete_interrupted
from components.cluster.leftovers import refuse_leftovers
from components.cluster.network_policy import NetworkPolicy, NetworkPolicyArgs
from components.cluster.objects import register
from components.cluster.operator import Operator, OperatorArgs
from components.cluster.owner import Owner
from components.cluster.proxies import Proxies, ProxiesArgs
from components.cluster.reinstall import ask_before_reinstall
from components.cluster.roles import Roles, RolesArgs
from components.cluster.survey import Survey
from components.cluster.timeouts import SHORT_DELETE
from components.egress.destinations import Needs, required
from components.egress.target import Target
from components.features import impersonators, runs_proxies
from components.manifests.credential import credential
from components.manifests.delivery import rights
from components.manifests.record import record
from components.naming import NAMESPACE, RELEASE
from components.settings.environment import Cluster as ClusterSettings
from components.settings.environment import EnvironmentSettings
from components.settings.network_policy import Form
from components.tailnet.operator_credential import OperatorCredential
from providers.tailnet.resources import Cluster, ClusterRepair, Provider


class Installation:
    """What is in one cluster. Its objects are children of `parent`."""

    provider: kubernetes.Provider
    """The customer's API server."""
    proxies: Proxies | None = None
    """What the operator runs; None where it runs nothing."""
    unless_there: pulumi.ResourceHookBinding
    """Asked before an object outside of the operator's namespace is made."""
    identity: Cluster
    """Recorded before anything is made."""

    def __init__(
        self, settings: EnvironmentSettings, cluster: ClusterSettings, tailnet: Provider, parent: pulumi.Resource
    ) -> None:
        self._settings, self._cluster, self._tailnet, self._parent = settings, cluster, tailnet, parent
        self.provider = kubernetes.Provider(
            settings.names.resource("kubernetes"),
            # Empty, not left out: then every run finds the file by its own environment, the destroy too.
            kubeconfig=str(cluster.kubeconfig or ""),
            context=cluster.context,
            # The environment is the cluster: a new address of the same one must never replace what is in it.
            cluster_identifier=settings.names.name,
            # Without delete_unreachable: a refresh would drop from the state what it cannot read.
            # In place: replaced, a Secret would be gone for a moment, and at preview its own predecessor stands there.
            enable_secret_mutable=True,
            opts=pulumi.ResourceOptions(parent=parent),
        )
        self.unless_there = refuse_leftovers(settings.names, cluster)

    def recorded(self, seen: pulumi.Output[Survey], *, after: pulumi.Resource) -> Cluster:
        """The identity of the cluster, as the preflight found it: nothing is made in another one."""
        names = self._settings.names
        self.identity = Cluster(
            names.resource("cluster"),
            customer=names.customer,
            environment=names.environment,
            context=self._cluster.context,
            kubeconfig=str(self._cluster.kubeconfig or ""),
            uid=seen.apply(lambda found: found.uid),
            opts=pulumi.ResourceOptions(parent=self._parent, provider=self._tailnet, depends_on=[after]),
        )
        return self.identity

    def cleanup(self) -> dict[str, Any]:
        """What the device cleanup needs to remove the environment's rights from the cluster."""
        return {
            "context": self._cluster.context,
            "kubeconfig": str(self._cluster.kubeconfig or ""),
            "cluster_uid": self.identity.uid,
            "labels": self._settings.names.labels,
            "held": held(self._settings),
        }

    def repair(self, users: list[str], seen: pulumi.Output[Survey], *, after: pulumi.Resource) -> ClusterRepair:
        """What was widened or interrupted in the cluster is put right, before anything depends on it: a role before
        anybody is bound to it. users: as in `declared`."""
        settings, names = self._settings, self._settings.names

        def objects(found: Survey) -> list[dict[str, Any]]:
            if not found.uid:
                return []
            try:
                return declared(settings, users, api_server=found.api_server, backends=found.backends)
            except ValueError as missing:  # the API server's addresses, for the network policy
                raise pulumi.RunError(str(missing)) from None

        return ClusterRepair(
            names.resource("repair"),
            customer=names.customer,
            environment=names.environment,
            objects=seen.apply(objects),
            release=RELEASE,
            namespace=NAMESPACE,
            context=self._cluster.context,
            kubeconfig=str(self._cluster.kubeconfig or ""),
            cluster_uid=self.identity.uid,
            opts=pulumi.ResourceOptions(parent=self._parent, provider=self._tailnet, depends_on=[after]),
        )

    def operator(self, *, ready: ClusterRepair, egress: list[Target]) -> Operator:
        """Namespace and release. ready, egress: as in `OperatorArgs`."""
        return Operator(
            self._settings.names.resource("operator"),
            OperatorArgs(
                names=self._settings.names,
                settings=self._settings,
                description=ready.completes,
                ready=ready,
                egress=egress,
                unless_there=self.unless_there,
                before_release=pulumi.ResourceHookBinding(
                    before_create=[
                        ask_before_reinstall(self._settings.names, self._settings.operator.reinstall, self._tailnet),
                        complete_interrupted(self._settings.names, self._cluster),
                    ]
                ),
            ),
            opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
        )

    def bounds(
        self,
        own: OperatorCredential,
        users: list[str],
        seen: pulumi.Output[Survey],
        needs: Needs,
        namespace: Owner,
    ) -> list[pulumi.Resource]:
        """The credential in the cluster, and whom and what it is good for. needs: what the features dial. namespace:
        the operator's."""
        settings, names = self._settings, self._settings.names
        given = self._secret(own, namespace) or own.resource
        bounds: list[pulumi.Resource] = [given]
        if settings.network_policy.form is not Form.OFF:
            narrowed = NetworkPolicy(
                names.resource("network-policy"),
                NetworkPolicyArgs(
                    settings=settings,
                    needs=required(needs),
                    surveyed=seen,
                    namespace=namespace,
                    after=[given],
                ),
                opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
            )
            bounds.append(narrowed)
        if servers := impersonators(settings):
            bounds += self._ceiling(given, servers, users, namespace)
        if not (paths := held(settings)):
            return bounds
        holder = Holder(
            names.resource("holder"),
            HolderArgs(
                names=names,
                cluster=self._cluster,
                cluster_uid=self.identity.uid,
                held=paths,
                patched=patched(settings),
                after=list(bounds),
                unless_there=self.unless_there,
            ),
            opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider, self._tailnet]),
        )
        if runs_proxies(settings):
            # Whom they may impersonate is there before they are.
            self.proxies = Proxies(
                names.resource("proxies"),
                ProxiesArgs(
                    names=names,
                    settings=settings,
                    holder=holder,
                    namespace=namespace,
                    after=list(bounds),
                    unless_there=self.unless_there,
                ),
                opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
            )
            bounds.append(self.proxies)
        if served_by_operator(settings):
            made = Exposures(
                names.resource("exposures"),
                ExposuresArgs(settings=settings, holder=holder, after=list(bounds), unless_there=self.unless_there),
                opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
            )
            bounds.append(made)
        return [*bounds, holder]

    def _secret(self, own: OperatorCredential, namespace: Owner) -> pulumi.Resource | None:
        """The credential's secret in the cluster; None where there is none."""
        if own.secret is None:
            return None
        names, generation = self._settings.names, self._settings.credential.generation
        return register(
            names.resource(f"credential-{generation}"),
            credential(generation, **own.secret, labels=names.labels),
            pulumi.ResourceOptions(
                parent=self._parent,
                provider=self.provider,
                additional_secret_outputs=["data", "stringData"],
                # What mints no token never gets there.
                depends_on=list(own.good),
                deleted_with=namespace.resource,
                custom_timeouts=SHORT_DELETE,
            ),
        )

    def _ceiling(
        self, given: pulumi.Resource, servers: tuple[str, ...], users: list[str], namespace: Owner
    ) -> list[pulumi.Resource]:
        """Whom the API proxies, which run as `servers`, may impersonate, and what those may do."""
        settings, names = self._settings, self._settings.names
        ceiling = Ceiling(
            names.resource("ceiling"),
            CeilingArgs(
                groups=[entry.impersonate for entry in settings.access if entry.impersonate is not None],
                users=users,
                service_accounts=servers,
                any_user=settings.any_user is not None,
                labels=names.labels,
                namespace=namespace,
                after=[given],
                unless_there=self.unless_there,
            ),
            opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
        )
        roles = Roles(
            names.resource("roles"),
            RolesArgs(
                access=settings.access,
                readable=settings.read_only.by_group,
                labels=names.labels,
                namespace=namespace,
                after=[given],
                unless_there=self.unless_there,
            ),
            opts=pulumi.ResourceOptions(parent=self._parent, providers=[self.provider]),
        )
        made = register(
            names.resource("record"),
            record([path(each) for each in rights(settings, users)], settings.operator.reinstall, names.labels),
            pulumi.ResourceOptions(
                parent=self._parent,
                provider=self.provider,
                # It says what has been made.
                depends_on=[ceiling, roles],
                deleted_with=namespace.resource,
                custom_timeouts=SHORT_DELETE,
            ),
        )
        return [ceiling, roles, made]
