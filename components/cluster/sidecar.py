"""One workload's way into the tailnet without the operator, as one component: an auth key and what holds it.

Does not own the objects' text, nor the patch of the workload, which the customer applies (components/manifests/
sidecar.py). The key is reusable, because pods come and go, ephemeral, so that none of their devices stays, and tagged
with the exposure's own tag. Teardown: the key is deleted before the devices, which would come back while it is valid;
Kubernetes deletes the rest after the operator's namespace, which owns it.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.cluster.objects import register
from components.cluster.owner import Owner
from components.cluster.timeouts import SHORT_DELETE
from components.manifests.sidecar import patch_command, sidecar
from components.settings.environment import EnvironmentSettings
from components.settings.expose import SidecarExposure


@dataclass(frozen=True, kw_only=True, slots=True)
class SidecarArgs:
    """settings, exposure: whose it is. keys: the provider that mints. namespace: the operator's, which owns the
    objects. after: the tags, and what removes devices. unless_there: what is asked before each object is made in the
    customer's namespace."""

    settings: EnvironmentSettings
    exposure: SidecarExposure
    keys: tailscale.Provider
    namespace: Owner
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding


class Sidecar(pulumi.ComponentResource):
    """An auth key in a Secret, and a ServiceAccount that may use that Secret and nothing else."""

    handoff: dict[str, str]
    """What is left to the customer, in words that a shell takes."""

    def __init__(self, name: str, args: SidecarArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Sidecar", name, None, opts)
        settings, exposure = args.settings, args.exposure
        key = tailscale.TailnetKey(
            f"{name}-key",
            reusable=True,
            ephemeral=True,
            preauthorized=True,
            recreate_if_invalid="always",
            description=settings.names.oauth_description,
            tags=[settings.names.tags.svc_tag(exposure.name)],
            # Its tag must be declared first; and it goes before the devices do, or they would come back.
            opts=pulumi.ResourceOptions(parent=self, provider=args.keys, depends_on=args.after),
        )
        for part, manifest in sidecar(settings, exposure, key.key).items():
            register(
                f"{name}-{part}",
                args.namespace.owned(manifest),
                pulumi.ResourceOptions(
                    parent=self,
                    additional_secret_outputs=["data", "stringData"] if part == "secret" else None,
                    # Without the key the rest is good for nothing.
                    depends_on=[key],
                    deleted_with=args.namespace.resource,
                    custom_timeouts=SHORT_DELETE,
                    hooks=args.unless_there,
                ),
            )
        self.handoff = {
            "workload": f"{exposure.namespace}/{exposure.workload.name}",
            "run": patch_command(settings, exposure),
        }
        self.register_outputs({"handoff": self.handoff})


def sidecars(
    settings: EnvironmentSettings,
    in_cluster: pulumi.ProviderResource,
    unless_there: pulumi.ResourceHookBinding,
    keys: tailscale.Provider,
    namespace: Owner,
    after: list[pulumi.Resource],
    parent: pulumi.Resource,
) -> list[Sidecar]:
    """One component per exposure of that kind. unless_there, keys, namespace, after: as in `SidecarArgs`."""
    return [
        Sidecar(
            settings.names.resource(f"sidecar-{exposure.name}"),
            SidecarArgs(
                settings=settings,
                exposure=exposure,
                keys=keys,
                namespace=namespace,
                after=after,
                unless_there=unless_there,
            ),
            opts=pulumi.ResourceOptions(parent=parent, providers=[in_cluster]),
        )
        for exposure in settings.expose
        if isinstance(exposure, SidecarExposure)
    ]
