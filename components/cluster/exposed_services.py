"""Whether the Services that exposures name stand in the cluster, with their ports, and nobody else has their tag.

Owns the asking, one list for each namespace that is named, and the look for an annotation that ours would meet there:
the API server refuses ours then, but only at `up`. The judgement of ports is the settings' (expose_checks.py), the
occasion the survey's. Reads only.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from components.manifests.exposures import TAGS, patches
from components.settings.environment import EnvironmentSettings
from components.settings.expose import IngressExposure, backends
from components.settings.expose_checks import check_backends
from components.settings.problems import set_command
from components.versions import Feature, nearest_good, tag, tolerated, version_in

Services = Mapping[tuple[str, str], Mapping[str, Any]]
"""By namespace and name."""


def exposed_problems(whole: Callable[[str], list[dict[str, Any]]], settings: EnvironmentSettings) -> list[str]:
    """In words. whole: all objects under a path of the API; raises what it raises."""
    services = {
        (namespace, service["metadata"]["name"]): service
        for namespace in sorted({namespace for namespace, _, _ in backends(settings.expose)})
        for service in whole(f"/api/v1/namespaces/{namespace}/services")
    }
    found = check_backends(settings.names.name, settings.expose, services)
    return [
        *(f"{problem.key}: {problem.what} {problem.why} Mend: {problem.mend}" for problem in found),
        *_tagged_otherwise(services, settings),
        *_without_ipv6(services, settings),
    ]


def _without_ipv6(services: Services, settings: EnvironmentSettings) -> Iterator[str]:
    """Ingresses to a Service with an IPv6 address, with an operator that cannot write that into a URL."""
    version, used = version_in(settings.operator.version), {Feature.EVERY_STACK, Feature.INGRESS}
    for fault in tolerated(version, used) if version else ():
        for exposure in settings.expose:
            if not isinstance(exposure, IngressExposure):
                continue
            service = services.get((exposure.namespace, exposure.service), {})
            if ":" in str((service.get("spec") or {}).get("clusterIP")):
                key = ("operator", "version")
                fix = set_command(settings.names.name, key, tag(nearest_good(fault.until, used)))
                yield (
                    f"support-access:expose of {exposure.name}: Service {exposure.namespace}/{exposure.service} has the"
                    f" ClusterIP {service['spec']['clusterIP']}. Before {tag(fault.until)}, {fault.what}"
                    f" ({fault.link}). Fix: {fix}"
                )


def _tagged_otherwise(services: Services, settings: EnvironmentSettings) -> Iterator[str]:
    for name, patch in patches(settings).items():
        metadata = services.get((patch.namespace, patch.service), {}).get("metadata") or {}
        tags = (metadata.get("annotations") or {}).get(TAGS)
        if tags is None or tags == patch.annotations[TAGS]:
            continue
        off = ["annotate", "service", patch.service, "-n", patch.namespace, *(f"{key}-" for key in patch.annotations)]
        renamed = "where an exposure of another name has it, take that out in an update of its own first; else "
        mend = f"whoever has set it takes it off: `{shlex.join(['kubectl', *off])}`"
        yield (
            f"support-access:expose of {name} gives Service {patch.namespace}/{patch.service} the tag"
            f" {patch.annotations[TAGS]}, and it has {tags} already: nothing is taken over."
            f" Mend: {renamed if settings.names.tags.owns(tags) else ''}{mend}"
        )
