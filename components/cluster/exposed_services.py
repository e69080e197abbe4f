"""Whether the Services that exposures name stand in the cluster, with their ports.

Owns the asking, one list for each namespace that is named; the judgement is the settings' (expose_checks.py), the
occasion the survey's. Reads only.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.settings.environment import EnvironmentSettings
from components.settings.expose import backends
from components.settings.expose_checks import check_backends


def exposed_problems(whole: Callable[[str], list[dict[str, Any]]], settings: EnvironmentSettings) -> list[str]:
    """In words. whole: all objects under a path of the API; raises what it raises."""
    services = {
        (namespace, service["metadata"]["name"]): service
        for namespace in sorted({namespace for namespace, _, _ in backends(settings.expose)})
        for service in whole(f"/api/v1/namespaces/{namespace}/services")
    }
    found = check_backends(settings.names.name, settings.expose, services)
    return [f"{problem.key}: {problem.what} {problem.why} Mend: {problem.mend}" for problem in found]
