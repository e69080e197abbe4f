"""What exposes anything, as plain objects: Ingresses, egress Services, Connectors, annotations on existing Services.

Owns their text, after what the operator reads (ingress.go, svc.go and connector.go of v1.96.5). Every one names the
exposure's own tag, so no proxy ever falls back to the customer's common one. Never Funnel. Does not own who gets in
(components/tailnet/exposures.py), nor a sidecar's objects (sidecar.py).
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from components.manifests import Manifest
from components.naming import PROXY_CLASS, exposure_object
from components.settings.environment import EnvironmentSettings
from components.settings.expose import (
    AnyExposure,
    ConnectorExposure,
    CrossClusterExposure,
    EgressExposure,
    IngressExposure,
    ServiceExposure,
)

PREFIX = "tailscale.com/"
TAGS = f"{PREFIX}tags"
INGRESS_CLASS = "tailscale"
PLACEHOLDER = "unset.invalid"
"""Where an egress Service leads until the operator writes the proxy's name there: nowhere, by RFC 2606."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Patch:
    """Annotations that a Service of the customer's gets; nothing else of it is ours."""

    namespace: str
    service: str
    annotations: Mapping[str, str]

    @property
    def words(self) -> list[str]:
        """What a customer who installs alone gives to kubectl; with `KEY-` in place of `KEY=VALUE` it is taken back."""
        words = [f"{key}={value}" for key, value in sorted(self.annotations.items())]
        return ["-n", self.namespace, "annotate", "service", self.service, *words]

    @property
    def command(self) -> str:
        return shlex.join(["kubectl", *self.words])


def exposures(settings: EnvironmentSettings) -> dict[str, Manifest]:
    """The objects that are wholly ours, by the exposure's name."""
    made = {exposure.name: _object(exposure, settings) for exposure in settings.expose}
    return {name: manifest for name, manifest in made.items() if manifest is not None}


def patches(settings: EnvironmentSettings) -> dict[str, Patch]:
    """What is added to existing Services, by the exposure's name."""
    return {
        exposure.name: Patch(
            namespace=exposure.namespace,
            service=exposure.service,
            annotations={f"{PREFIX}expose": "true", **_annotations(exposure, settings)},
        )
        for exposure in settings.expose
        if isinstance(exposure, ServiceExposure | CrossClusterExposure)
    }


def _object(exposure: AnyExposure, settings: EnvironmentSettings) -> Manifest | None:
    match exposure:
        case IngressExposure():
            return _ingress(exposure, settings)
        case EgressExposure():
            return _egress(exposure, settings)
        case ConnectorExposure():
            return _connector(exposure, settings)
        case _:
            return None


def _ingress(exposure: IngressExposure, settings: EnvironmentSettings) -> Manifest:
    """In the namespace of the Service behind it, as Kubernetes demands. The host name comes from `tls`."""
    backend = {"service": {"name": exposure.service, "port": {"number": exposure.port}}}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": {
            "name": exposure_object(exposure.name),
            "namespace": exposure.namespace,
            "labels": settings.names.labels,
            "annotations": {TAGS: _tag(exposure, settings)},
        },
        "spec": {
            "ingressClassName": INGRESS_CLASS,
            "defaultBackend": backend,
            "tls": [{"hosts": [settings.exposure_hostname(exposure)]}],
        },
    }


def _egress(exposure: EgressExposure, settings: EnvironmentSettings) -> Manifest:
    annotations = {f"{PREFIX}tailnet-fqdn": exposure.fqdn, **_annotations(exposure, settings)}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {
            "name": exposure.service,
            "namespace": exposure.namespace,
            "labels": settings.names.labels,
            "annotations": annotations,
        },
        "spec": {"type": "ExternalName", "externalName": PLACEHOLDER},
    }


def _connector(exposure: ConnectorExposure, settings: EnvironmentSettings) -> Manifest:
    spec: dict[str, Any] = {
        "tags": [_tag(exposure, settings)],
        "hostname": settings.exposure_hostname(exposure),
        "exitNode": exposure.exit_node is not None,
        # The operator gives its default class to everything but Connectors.
        "proxyClass": PROXY_CLASS,
    }
    if exposure.routes:
        spec["subnetRouter"] = {"advertiseRoutes": list(exposure.routes)}
    return {
        "apiVersion": "tailscale.com/v1alpha1",
        "kind": "Connector",
        "metadata": {"name": exposure_object(exposure.name), "labels": settings.names.labels},
        "spec": spec,
    }


def _annotations(exposure: AnyExposure, settings: EnvironmentSettings) -> dict[str, str]:
    return {
        TAGS: _tag(exposure, settings),
        f"{PREFIX}hostname": settings.exposure_hostname(exposure),
    }


def _tag(exposure: AnyExposure, settings: EnvironmentSettings) -> str:
    return settings.names.tags.svc_tag(exposure.name)
