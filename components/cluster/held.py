"""What the operator puts a finalizer on, by where the API has it.

Owns the list. The wait for the operator to take the finalizers off again is Withdrawal's, and what holds the objects
so that all of them go at once is holder.py's.
"""

from __future__ import annotations

from components.cluster.leftovers import path_of
from components.manifests.api_proxies import proxy_group
from components.manifests.exposures import exposures, patches
from components.manifests.proxy_class import proxy_class
from components.manifests.recorder import recorder
from components.settings.environment import EnvironmentSettings


def held(settings: EnvironmentSettings) -> list[str]:
    """API paths of the objects: our own, and Services of the customer's that are exposed."""
    ours = [
        *proxy_class(settings, {}).values(),
        *proxy_group(settings, {}).values(),
        *exposures(settings).values(),
        *([recorder(settings, settings.recorder)] if settings.recorder else []),
    ]
    theirs = [{"name": patch.service, "namespace": patch.namespace} for patch in patches(settings).values()]
    paths = [path_of(manifest["kind"], manifest["metadata"]) for manifest in ours]
    # Two exposures may share a Service.
    return list(dict.fromkeys([*paths, *(path_of("Service", metadata) for metadata in theirs)]))
