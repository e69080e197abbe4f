"""What the operator runs proxies for, as one component: exposures and the session recorder.

Owns that our objects go with their holder (holder.py), and that a Service of the customer's keeps everything that is
theirs: a patch holds our annotations, and lets go of them when it is removed. Does not own the objects' text
(components/manifests/exposures.py, recorder.py), nor the grants.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_kubernetes as kubernetes

from components import PACKAGE
from components.cluster.holder import Holder
from components.cluster.leftovers import path_of
from components.cluster.objects import register
from components.cluster.timeouts import SHORT_DELETE
from components.manifests import Manifest
from components.manifests.exposures import Patch, exposures, patches
from components.manifests.recorder import recorder
from components.settings.environment import EnvironmentSettings

UNWAITED = {"pulumi.com/skipAwait": "true"}
"""The engine's own wait would be for an Ingress's address and for the pods behind a Service, which are the customer's:
neither may hold up the rest. Proxies are waited for by their devices (providers/tailnet/exposure_enrollment.py). Kinds
that have nothing to be waited for are left without it."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ExposuresArgs:
    """settings: with an exposure that the operator serves, or a recorder. holder: of all of it. after: what proxies
    need. unless_there: what is asked before an object of ours is made; a patch wants its Service to be there."""

    settings: EnvironmentSettings
    holder: Holder
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding


class Exposures(pulumi.ComponentResource):
    """Ingresses, egress Services, Connectors, annotations on Services, and the Recorder."""

    def __init__(self, name: str, args: ExposuresArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Exposures", name, None, opts)
        settings, holder = args.settings, args.holder
        made = exposures(settings) | ({"recorder": recorder(settings, settings.recorder)} if settings.recorder else {})
        for part, manifest in made.items():
            register(
                f"{name}-{part}",
                holder.owned(_unwaited(manifest)),
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=args.after,
                    deleted_with=holder.drain,
                    # The operator writes the proxy's name there.
                    ignore_changes=["spec.externalName"] if manifest["kind"] == "Service" else None,
                    custom_timeouts=SHORT_DELETE,
                    hooks=args.unless_there,
                ),
            )
        for part, patch in patches(settings).items():
            _patch(
                f"{name}-{part}",
                patch,
                pulumi.ResourceOptions(
                    parent=self,
                    depends_on=[*args.after, holder.drain],
                    # Kubernetes refuses to give back fields of a Service that the customer has deleted.
                    deleted_with=holder.drain,
                    custom_timeouts=SHORT_DELETE,
                ),
            )
        self.register_outputs({"exposed": [exposure.name for exposure in settings.expose if exposure.by_operator]})


def served_by_operator(settings: EnvironmentSettings) -> bool:
    """Whether there is an exposure that the operator serves, or a recorder."""
    return settings.recorder is not None or any(exposure.by_operator for exposure in settings.expose)


def _unwaited(manifest: Manifest) -> Manifest:
    if manifest["kind"] != "Ingress":
        return manifest
    metadata = manifest["metadata"]
    return {**manifest, "metadata": {**metadata, "annotations": {**metadata["annotations"], **UNWAITED}}}


def patched(settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """What the drain takes off Services of the customer's: API path and annotations of each patch."""
    return [
        {
            "path": path_of("Service", {"name": patch.service, "namespace": patch.namespace}),
            "annotations": _annotations(patch),
        }
        for patch in patches(settings).values()
    ]


def _annotations(patch: Patch) -> dict[str, str]:
    return {**patch.annotations, **UNWAITED}


def _patch(name: str, patch: Patch, opts: pulumi.ResourceOptions) -> kubernetes.core.v1.ServicePatch:
    return kubernetes.core.v1.ServicePatch(
        name,
        metadata={"name": patch.service, "namespace": patch.namespace, "annotations": _annotations(patch)},
        opts=opts,
    )
