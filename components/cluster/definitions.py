"""The operator's resource definitions are not deleted on the way to somebody else's hands.

Owns one question, asked where the settings leave the definitions to others (`operator.chart.crds`: false) and our own
release has made them: they are templates of the chart, so Helm would delete them, and with each definition every object
of its kind, the customer's own too. Helm keeps what carries its note, at an update as at the end. Reads only; nothing
here lives, so nothing dies. A cluster that does not tell forbids nothing.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pulumi

from components.naming import NAMESPACE, RELEASE
from components.settings.environment import EnvironmentSettings
from providers.cluster.helm_release import release_of
from providers.cluster.look import Found
from providers.cluster.problems import ClusterUnknownError

CRDS = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions"
KINDS = ".tailscale.com"
KEEP = ("helm.sh/resource-policy", "keep")


def definitions_problems(every: Callable[[str], list[Found]], settings: EnvironmentSettings, context: str) -> list[str]:
    """In words. every: metadata of all objects under a path of the API."""
    if settings.operator.chart.crds:
        return []
    try:
        definitions = every(CRDS)
    except ClusterUnknownError as unknown:  # a pipeline that may not see them may have no other reason to leave them
        pulumi.log.warn(f"Who has made the operator's resource definitions was not looked at: {unknown}")
        return []
    lost = sorted(
        str(found["name"])
        for found in definitions
        if found["name"].endswith(KINDS) and release_of(found) == (RELEASE, NAMESPACE) and not _kept(found)
    )
    if not lost:
        return []
    return [
        f"support-access:operator.chart.crds is false, and this stack's own release has made {', '.join(lost)} in the"
        f" cluster {context}: Helm would delete them, and every object of their kinds with them. Mend: have Helm keep"
        f" them, then run again: `kubectl --context {context} annotate customresourcedefinitions {' '.join(lost)}"
        f" {'='.join(KEEP)}`"
    ]


def _kept(metadata: Mapping[str, Any]) -> bool:
    key, value = KEEP
    return (metadata.get("annotations") or {}).get(key) == value
