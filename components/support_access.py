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
from components.cluster.objects import register
from components.cluster.operator import Operator, OperatorArgs
from components.cluster.roles import Roles, RolesArgs
from components.cluster.timeouts import SHORT_DELETE
from components.egress.destinations import allowlist
from components.egress.target import Target
from components.egress.targets import needs, open_egress
from components.manifests.credential import credential
from components.settings.access import Access, is_person, is_tag
from components.settings.environment import Delivery, EnvironmentSettings
from components.tailnet import policy
from providers.tailnet.resources import DeviceCleanup, Enrollment, PolicySlice, Provider, get_source_users

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
        access_sections = policy.access_sections(names, settings)
        exceptions = [exception.model_dump() for exception in settings.isolation.exceptions]
        # Neither takes an argument: credentials come from the environment at every run, none lies stale in the state.
        tailnet = Provider(names.resource("tailnet"), opts=pulumi.ResourceOptions(parent=self))
        keys = tailscale.Provider(names.resource("tailscale"), opts=pulumi.ResourceOptions(parent=self))

        in_cluster = self._in_cluster(args)
        users = ask_roster(settings, tailnet)

        # First of all, so that a narrowed access is gone even when the cluster or its cloud then fails.
        identity = PolicySlice(
            names.resource("identity"),
            part="identity",
            customer=names.customer,
            environment=names.environment,
            sections=policy.identity_sections(names, settings),
            declared=access_sections,
            exceptions=exceptions,
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet),
        )
        if users is None:
            # Not before the slice is on its way: access that was taken out goes, whatever is wrong with the rest.
            raise pulumi.RunError("It is not known whom the operator may impersonate: see the error above.")
        egress = open_egress(settings, narrowed=identity, parent=self)
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
        bounds = self._bounds(args, in_cluster, client, users) if in_cluster else []
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
            sections=access_sections,
            active=enrolment.status.apply(lambda status: status == "online"),
            exceptions=exceptions,
            # The last thing that appears and the first that goes.
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet, depends_on=[enrolment]),
        )
        self.outputs = self._outputs(args, client, enrolment, access, egress, users)
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

    def _operator(
        self,
        args: SupportAccessArgs,
        in_cluster: kubernetes.Provider | None,
        *,
        narrowed: pulumi.Resource,
        egress: list[Target],
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
        generation = settings.credential.generation
        secret = register(
            names.resource(f"credential-{generation}"),
            credential(generation, client_id=client.id, client_secret=client.key, labels=names.labels),
            pulumi.ResourceOptions(
                parent=self,
                provider=in_cluster,
                additional_secret_outputs=["data", "stringData"],
                custom_timeouts=SHORT_DELETE,
            ),
        )
        ceiling = Ceiling(
            names.resource("ceiling"),
            CeilingArgs(
                groups=[entry.impersonate for entry in settings.access if entry.impersonate is not None],
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
        egress: list[Target],
        users: list[str],
    ) -> dict[str, Any]:
        settings, names = args.settings, args.settings.names
        outputs: dict[str, Any] = {
            "access": [who_gets_in(entry) for entry in settings.access],
            "ceiling": {
                "groups": sorted({entry.impersonate for entry in settings.access if entry.impersonate is not None}),
                "users": users,
            },
            "tags": {"operator": names.operator_tags, "proxies": names.tags.proxy_tag},
            "credential": {"id": client.id, "scopes": client.scopes, "tags": client.tags},
            "apiUrl": enrolment.device_name.apply(lambda fqdn: f"https://{fqdn}" if fqdn else None),
            "kubeconfigCommand": enrolment.device_name.apply(
                lambda fqdn: f"tailscale configure kubeconfig {fqdn}" if fqdn else None
            ),
            "requiredEgress": allowlist(needs(settings)),
            "egress": [target.handoff for target in egress],
            "pending": pulumi.Output.all(enrolment.status, access.status).apply(lambda found: pending(*found)),
        }
        if settings.delivery is Delivery.HANDOFF:
            # The one thing that the customer cannot make: handed over on a way of its own, never in clear.
            outputs["operatorCredential"] = pulumi.Output.secret({"client_id": client.id, "client_secret": client.key})
        return outputs


def ask_roster(settings: EnvironmentSettings, tailnet: Provider) -> list[str] | None:
    """The roster; None when it cannot be known, which is told at once: the server's own refusal says less."""
    try:
        return roster(settings, tailnet)
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        pulumi.log.error(str(error))
        return None


def roster(settings: EnvironmentSettings, tailnet: Provider) -> list[str]:
    """Users whom the operator may impersonate, as the API proxy names them.

    People: the stack's own list, or whoever is in access today. Tagged nodes: their full names, always asked for.
    """
    people = None if settings.roster is None else set(settings.roster)
    asked = sorted({entry.source for entry in settings.access if people is None or is_tag(entry.source)})
    shared = sorted({entry.shared_posture for entry in settings.access if entry.shared_posture})
    if shared or not all(map(is_person, asked)):
        users = get_source_users(asked, shared, pulumi.InvokeOptions(provider=tailnet))
    else:
        users = {person: [person] for person in asked}
    for source in (source for source, found in users.items() if not found):
        pulumi.log.warn(
            f"No device carries {source} today: one that comes later is refused by the cluster until the next"
            " `pulumi up`."
            if is_tag(source)
            else f"Nobody is in {source}: the grant lets nobody in until the tailnet stack adds somebody."
        )
    return sorted((people or set()).union(*users.values()))


def who_gets_in(entry: Access) -> dict[str, Any]:
    """One access entry in plain data: `from` where, `as` which Kubernetes group or user, `role`, device `posture`."""
    return {
        "from": entry.source,
        "as": {entry.subject.kind.lower(): entry.subject.name},
        "role": entry.role.value,
        "posture": list(entry.posture or ()),
    }


def pending(enrolment: str, access: str) -> list[str]:
    """What still has to happen before engineers get in, in words; empty when nothing is."""
    waiting = []
    if enrolment != "online":
        waiting.append("The operator has not come online in the tailnet: install it, then run `pulumi up` again.")
    if access != "written":
        waiting.append("No grant is written: access is the last thing that appears, after the operator.")
    return waiting
