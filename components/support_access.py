"""One customer environment: everything of it, in the order that the day of the kill asks for.

Owns the edges. Pulumi creates along them and deletes in levels, deepest first, and a failed level cancels all that
follow; so what lets people in hangs deepest and goes first, and what needs the customer's cluster goes when nothing
at Tailscale is left:

    access, exposure enrollment | enrolment | proxy drain | OAuth client | device cleanup | release | namespace |
    cluster, egress | identity

A federated identity takes the place of the OAuth client. Roles, impersonation limit, Secret and network policy are
deleted with the namespace, exposures with the proxy drain: the engine takes them out of the state and calls the cluster
for none of them, so between grant and credential nothing waits for the cluster but the drain, which gives up in time.

Does not own what the tailnet shares (tailnet_base.py). Teardown: `pulumi destroy`, which runs no program: all that a
delete needs is in the state, and every credential comes from the environment.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.cluster.downgrade import ask_downgrade
from components.cluster.first_federation import ask_first_federation
from components.cluster.held import held
from components.cluster.installation import Installation
from components.cluster.proxies import api_url
from components.cluster.sidecar import sidecars
from components.cluster.survey import surveyed
from components.egress.needs import needs
from components.egress.targets import open_egress
from components.exposed import groups_exist, published_names
from components.features import idle_scopes, installs, proxy_tags
from components.outputs import notices, outputs
from components.people import ask_roster
from components.settings.environment import Delivery, EnvironmentSettings
from components.tailnet import policy
from components.tailnet.conditions import report_conditions
from components.tailnet.machine_posture import posture_notices, with_machine_posture
from components.tailnet.operator_credential import operator_credential
from components.tailnet_defaults import ask_tailnet_defaults, relay_notices
from providers.tailnet.resources import DeviceCleanup, Enrollment, ExposureEnrollment, PolicySlice, Provider


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
        exceptions = [exception.model_dump() for exception in settings.isolation.exceptions]
        # Neither takes an argument: credentials come from the environment at every run, none lies stale in the state.
        tailnet = Provider(names.resource("tailnet"), opts=pulumi.ResourceOptions(parent=self))
        keys = tailscale.Provider(names.resource("tailscale"), opts=pulumi.ResourceOptions(parent=self))

        inside = (
            Installation(settings, settings.cluster, tailnet, self) if installs(settings) and settings.cluster else None
        )
        defaults = ask_tailnet_defaults(tailnet)
        dialled = needs(settings, defaults.relays)
        # Suspended, nothing is declared: the identity slice takes all of it out, and the access slice adds nothing.
        access_sections = (
            {"grants": []}
            if settings.suspended
            else with_machine_posture(names, policy.access_sections(names, settings), defaults.posture)
        )
        for line in published_names(settings):
            pulumi.log.info(line)
        for line in posture_notices(settings, access_sections, defaults.posture):
            pulumi.log.warn(line)
        for notice in [*notices(settings), *relay_notices(settings, defaults.relays)]:
            pulumi.log.warn(notice)
        report_conditions(tailnet)
        users = [] if settings.any_user else ask_roster(settings, tailnet)

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
        if users is None or not groups_exist(settings, tailnet):
            # Not before the slice is on its way: access that was taken out goes, whatever is wrong with the rest.
            raise pulumi.RunError("It is not known who would get in: see the error above.")
        if settings.delivery is Delivery.MANAGED:
            refusal = ask_downgrade(names, settings.operator.version, tailnet)
            if not installs(settings):
                refusal = refusal or ask_first_federation(names, tailnet)
            if refusal:
                raise pulumi.RunError(refusal)
        if idle := idle_scopes(settings):
            pulumi.log.warn(
                f"support-access:credential.acknowledge names {' and '.join(idle)}, which nothing needs: take it out,"
                " and the credential in the cluster can do that no more."
            )
        # Asked when the slice is registered: a frozen API server holds up nothing that takes access away.
        seen = (
            surveyed(settings.cluster, settings, users, tailnet=tailnet, after=identity)
            if settings.cluster and inside
            else None
        )
        egress = open_egress(settings, dialled, narrowed=identity, parent=self)
        operator = None
        if inside and seen is not None:
            repair = inside.repair(users, seen, after=inside.recorded(seen, after=identity))
            operator = inside.operator(ready=repair, egress=egress)

        cleanup = DeviceCleanup(
            names.resource("cleanup"),
            customer=names.customer,
            environment=names.environment,
            **(inside.cleanup() if inside else {}),
            # Devices are removed before Helm is asked: Helm fails when the cluster is unreachable.
            opts=pulumi.ResourceOptions(
                parent=self, provider=tailnet, depends_on=[operator.release if operator else identity]
            ),
        )
        own = operator_credential(settings, tailnet=tailnet, keys=keys, after=[cleanup, identity], parent=self)
        namespace = operator.namespace if operator else None
        bounds = (
            inside.bounds(own, users, seen, dialled, namespace) if inside and namespace and seen is not None else []
        )
        beside = (
            sidecars(settings, inside.provider, inside.unless_there, keys, namespace, [cleanup, identity], self)
            if inside and namespace
            else []
        )
        enrolment = Enrollment(
            names.resource("enrolment"),
            customer=names.customer,
            environment=names.environment,
            tag=names.tags.kube_tag,
            hostname=settings.hostname,
            wait=installs(settings),
            timeout_seconds=settings.enrolment.timeout_seconds,
            api_tag=names.tags.api_tag if settings.operator.api_server_proxy.highly_available else None,
            # Nobody is let in before all that bounds them is there.
            opts=pulumi.ResourceOptions(
                parent=self,
                provider=tailnet,
                depends_on=[identity, cleanup, *own.good, *egress, *bounds, *beside],
            ),
        )
        if inside and settings.cluster and (awaited := proxy_tags(settings)):
            # Nothing hangs on it: a proxy that does not come up fails the update, and holds up nobody's access.
            ExposureEnrollment(
                names.resource("exposure-enrollment"),
                customer=names.customer,
                environment=names.environment,
                tags=awaited,
                objects=held(settings),
                timeout_seconds=settings.enrolment.timeout_seconds,
                context=settings.cluster.context,
                kubeconfig=str(settings.cluster.kubeconfig or ""),
                opts=pulumi.ResourceOptions(parent=self, provider=tailnet, depends_on=[enrolment]),
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
        self.outputs = outputs(
            settings,
            own=own,
            enrolment=enrolment,
            access=access,
            served=api_url(settings, enrolment.device_name, inside.proxies if inside else None),
            users=users,
            required=dialled,
            egress=egress,
            sidecars=beside,
        )
        self.register_outputs(self.outputs)
