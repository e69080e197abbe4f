"""One customer environment: everything of it, in the order that the day of the kill asks for.

Owns the edges. Pulumi creates along them and deletes in levels, deepest first, and a failed level cancels all that
follow; so what lets people in hangs deepest and goes first, and what needs the customer's cluster goes when nothing
at Tailscale is left:

    access | enrolment | roles, ceiling | Secret | OAuth client | cleanup | release | namespace, egress | identity

Does not own what the tailnet shares (tailnet_base.py). Dies by `pulumi destroy`, which runs no program: all that a
delete needs lies in the state, and every credential comes from the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.cluster.ceiling import Ceiling, CeilingArgs
from components.cluster.operator import Operator, OperatorArgs
from components.cluster.roles import Roles, RolesArgs
from components.cluster.timeouts import SHORT_DELETE
from components.egress.destinations import allowlist
from components.naming import NAMESPACE, credential_secret
from components.settings import Delivery, EnvironmentSettings, NoEgress
from components.tailnet import policy
from providers.tailnet.resources import DeviceCleanup, Enrollment, PolicySlice, Provider, get_group_members

OPERATOR_SCOPES = ["auth_keys"]
"""All that the in-process API proxy needs, and only for its first registration. `devices:core` would let the secret
in one customer's cluster list and delete every device of the tailnet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class SupportAccessArgs:
    """settings: the stack's, validated."""

    settings: EnvironmentSettings


class SupportAccess(pulumi.ComponentResource):
    """A customer environment that named engineers can reach, until it is destroyed."""

    outputs: dict[str, Any]
    """What the stack exports, by name."""

    def __init__(self, name: str, args: SupportAccessArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:components:SupportAccess", name, None, opts)
        settings, names = args.settings, args.settings.names
        grants = policy.grants(names, settings)
        # Neither takes an argument: credentials come from the environment at every run, none lies stale in the state.
        tailnet = Provider(names.resource("tailnet"), opts=pulumi.ResourceOptions(parent=self))
        keys = tailscale.Provider(names.resource("tailscale"), opts=pulumi.ResourceOptions(parent=self))

        # First of all, so that a narrowed access is gone even when the cluster or its cloud then fails.
        identity = PolicySlice(
            names.resource("identity"),
            part="identity",
            customer=names.customer,
            environment=names.environment,
            sections=policy.identity_sections(names, settings),
            declared={"grants": grants},
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet),
        )
        egress = self._egress(args, narrowed=identity)
        in_cluster = self._in_cluster(args)
        operator = self._operator(args, in_cluster, narrowed=identity, egress=egress)

        cleanup = DeviceCleanup(
            names.resource("cleanup"),
            customer=names.customer,
            environment=names.environment,
            # At the kill devices go before Helm is asked: Helm fails when the cluster is unreachable.
            opts=pulumi.ResourceOptions(
                parent=self, provider=tailnet, depends_on=[operator.release if operator else identity]
            ),
        )
        client = tailscale.OauthClient(
            # A higher generation is a new client, made before the old one goes.
            names.resource(f"client-{settings.credential.generation}"),
            description=names.oauth_description,
            scopes=OPERATOR_SCOPES,
            tags=names.operator_tags,
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=keys,
                # Its tags must be declared first; and it goes before the devices do, or they would come back.
                depends_on=[cleanup, identity],
            ),
        )
        bounds = self._bounds(args, in_cluster, client, roster(settings, tailnet)) if in_cluster else []
        enrolment = Enrollment(
            names.resource("enrolment"),
            customer=names.customer,
            environment=names.environment,
            tag=names.tags.kube_tag,
            hostname=settings.hostname,
            wait=settings.delivery is Delivery.MANAGED,
            timeout_seconds=settings.enrolment.timeout_seconds,
            # Nobody is let in before all that bounds them is there.
            opts=pulumi.ResourceOptions(
                parent=self, provider=tailnet, depends_on=[identity, cleanup, client, *egress, *bounds]
            ),
        )
        access = PolicySlice(
            names.resource("access"),
            part="access",
            customer=names.customer,
            environment=names.environment,
            sections={"grants": grants},
            active=enrolment.status.apply(lambda status: status == "online"),
            # The last thing that appears and the first that goes.
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet, depends_on=[enrolment]),
        )
        self.outputs = self._outputs(args, client, enrolment, access)
        self.register_outputs(self.outputs)

    def _in_cluster(self, args: SupportAccessArgs) -> kubernetes.Provider | None:
        cluster = args.settings.cluster
        if args.settings.delivery is not Delivery.MANAGED or cluster is None:
            return None
        return kubernetes.Provider(
            args.settings.names.resource("kubernetes"),
            # Empty, not left out: then every run finds the file by its own environment, the destroy too.
            kubeconfig=str(cluster.kubeconfig or ""),
            context=cluster.context,
            # The environment is the cluster: a new address of the same one must never replace what is in it.
            cluster_identifier=args.settings.names.name,
            delete_unreachable=True,
            opts=pulumi.ResourceOptions(parent=self),
        )

    def _egress(self, args: SupportAccessArgs, *, narrowed: pulumi.Resource) -> list[pulumi.Resource]:
        egress = args.settings.egress
        if isinstance(egress, NoEgress):
            return []
        # A cloud's SDK is imported only where its target is chosen: each costs start-up time on every preview.
        from components.egress.aws_security_group import AwsSecurityGroup, AwsSecurityGroupArgs

        return [
            AwsSecurityGroup(
                args.settings.names.resource("egress"),
                AwsSecurityGroupArgs(
                    egress=egress,
                    names=args.settings.names,
                    narrowed=narrowed,
                ),
                opts=pulumi.ResourceOptions(parent=self),
            )
        ]

    def _operator(
        self,
        args: SupportAccessArgs,
        in_cluster: kubernetes.Provider | None,
        *,
        narrowed: pulumi.Resource,
        egress: list[pulumi.Resource],
    ) -> Operator | None:
        if in_cluster is None:
            return None
        return Operator(
            args.settings.names.resource("operator"),
            OperatorArgs(names=args.settings.names, settings=args.settings, narrowed=narrowed, egress=egress),
            opts=pulumi.ResourceOptions(parent=self, providers=[in_cluster]),
        )

    def _bounds(
        self,
        args: SupportAccessArgs,
        in_cluster: kubernetes.Provider,
        client: tailscale.OauthClient,
        users: list[str],
    ) -> list[pulumi.Resource]:
        """The credential in the cluster, and whom and what it is good for."""
        settings, names = args.settings, args.settings.names
        secret = kubernetes.core.v1.Secret(
            names.resource(f"credential-{settings.credential.generation}"),
            metadata={
                "name": credential_secret(settings.credential.generation),
                "namespace": NAMESPACE,
                "labels": names.labels,
            },
            string_data={"client_id": client.id, "client_secret": client.key},
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=in_cluster,
                additional_secret_outputs=["data", "stringData"],
                custom_timeouts=SHORT_DELETE,
            ),
        )
        ceiling = Ceiling(
            names.resource("ceiling"),
            CeilingArgs(
                groups=[entry.impersonate for entry in settings.access],
                users=users,
                labels=names.labels,
                after=[secret],
            ),
            opts=pulumi.ResourceOptions(parent=self, providers=[in_cluster]),
        )
        roles = Roles(
            names.resource("roles"),
            RolesArgs(access=settings.access, labels=names.labels, after=[secret]),
            opts=pulumi.ResourceOptions(parent=self, providers=[in_cluster]),
        )
        return [secret, ceiling, roles]

    def _outputs(
        self,
        args: SupportAccessArgs,
        client: tailscale.OauthClient,
        enrolment: Enrollment,
        access: PolicySlice,
    ) -> dict[str, Any]:
        settings, names = args.settings, args.settings.names
        images = settings.operator.images
        outputs: dict[str, Any] = {
            "tags": {"operator": names.operator_tags, "proxies": names.tags.proxy_tag},
            "credential": {"id": client.id, "scopes": client.scopes, "tags": client.tags},
            "apiUrl": enrolment.device_name.apply(lambda fqdn: f"https://{fqdn}" if fqdn else None),
            "kubeconfigCommand": enrolment.device_name.apply(
                lambda fqdn: f"tailscale configure kubeconfig {fqdn}" if fqdn else None
            ),
            "requiredEgress": allowlist(
                images=[image.repository for image in (images.operator, images.proxy, images.k8s_proxy)]
            ),
            "pending": pulumi.Output.all(enrolment.status, access.status).apply(lambda found: pending(*found)),
        }
        if settings.delivery is Delivery.HANDOFF:
            # The one thing that the customer cannot make: handed over on a way of its own, never in clear.
            outputs["operatorCredential"] = pulumi.Output.secret({"client_id": client.id, "client_secret": client.key})
        return outputs


def roster(settings: EnvironmentSettings, tailnet: Provider) -> list[str]:
    """Addresses that the operator may impersonate: the stack's own list, or whoever is in the groups today."""
    if settings.roster is not None:
        return list(settings.roster)
    groups = get_group_members([e.source for e in settings.access], pulumi.InvokeOptions(provider=tailnet))
    empty = [group for group, members in groups.items() if not members]
    if empty:
        pulumi.log.warn(
            f"Nobody is in {', '.join(empty)}: the grant lets nobody in until the tailnet stack adds somebody."
        )
    return sorted({address for members in groups.values() for address in members})


def pending(enrolment: str, access: str) -> list[str]:
    """What still has to happen before engineers get in, in words; empty when nothing is."""
    waiting = []
    if enrolment != "online":
        waiting.append("The operator has not come online in the tailnet: install it, then run `pulumi up` again.")
    if access != "written":
        waiting.append("No grant is written: access is the last thing that appears, after the operator.")
    return waiting
