"""The probe as Kubernetes objects, and what it said.

Owns the Job and the reading of its results. The Job asks for nothing: no token, no volume of the cluster's, no
privilege; it passes the pod security level `restricted`, ends by itself and is removed. What is dialled reaches its
script as data in a variable. Results lie in the container's termination message, which whoever may read the pod can
read: no log access is needed. The image is one that the stack has pinned and nodes can pull: the operator's own, or
the proxies' where UDP is asked about, which has Tailscale's tool for it. Both are Alpine with busybox.
"""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.manifests import Manifest
from components.naming import NAMESPACE
from components.settings.environment import EnvironmentSettings
from supportctl.verify.checks import STUN, Check

NAME = "support-access-egress-probe"
CONTAINER = "probe"
RESULTS = "/dev/termination-log"
SCRIPT = Path(__file__).with_name("probe.sh")

PATIENCE, AT_ONCE = 8, 12
"""Seconds for each connection, and how many are open at a time."""
STAYS = 600
"""Seconds that a finished Job stays where nobody removes it."""
MOST_BYTES = 4096
"""Of a termination message: Kubernetes cuts off the rest."""
LINE_BYTES = len('{"n":100,"seen":"unresolved"}\n')


class ProbeError(Exception):
    """The probe cannot be made, or what it said is not whole."""


@dataclass(frozen=True, slots=True)
class Result:
    """One check and what the probe saw: `open`, `untrusted`, `unresolved`, `refused`, `silent`, `cut`, `unknown`."""

    check: Check
    seen: str


def job(settings: EnvironmentSettings, checks: Sequence[Check], *, name: str = NAME, limit: float = 300.0) -> Manifest:
    """The Job of these checks. limit: seconds after which the cluster ends it."""
    if len(checks) * LINE_BYTES > MOST_BYTES:
        raise ProbeError(f"{len(checks)} destinations are more than one probe can report: name some by --needed.")
    labels = {**settings.names.labels, "app.kubernetes.io/name": NAME}
    aliases = host_aliases(checks)
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": labels},
        "spec": {
            "backoffLimit": 0,
            "activeDeadlineSeconds": math.ceil(limit),
            "ttlSecondsAfterFinished": STAYS,
            "template": {
                "metadata": {"labels": labels},
                "spec": {
                    "restartPolicy": "Never",
                    "automountServiceAccountToken": False,
                    "enableServiceLinks": False,
                    "nodeSelector": {"kubernetes.io/os": "linux"},
                    **({"hostAliases": aliases} if aliases else {}),
                    "securityContext": {
                        "runAsNonRoot": True,
                        "runAsUser": 65532,
                        "runAsGroup": 65532,
                        "seccompProfile": {"type": "RuntimeDefault"},
                    },
                    "containers": [
                        {
                            "name": CONTAINER,
                            "image": image(settings, checks),
                            "imagePullPolicy": "IfNotPresent",
                            "command": ["/bin/sh", "-c", SCRIPT.read_text()],
                            "env": [
                                {"name": "CHECKS", "value": lines(checks)},
                                {"name": "DIGEST", "value": digest(checks)},
                                {"name": "RESULTS", "value": RESULTS},
                                {"name": "PATIENCE", "value": str(PATIENCE)},
                                {"name": "AT_ONCE", "value": str(AT_ONCE)},
                            ],
                            "terminationMessagePath": RESULTS,
                            "resources": {
                                "requests": {"cpu": "50m", "memory": "64Mi"},
                                "limits": {"memory": "256Mi"},
                            },
                            "securityContext": {
                                "allowPrivilegeEscalation": False,
                                "readOnlyRootFilesystem": True,
                                "capabilities": {"drop": ["ALL"]},
                            },
                            "volumeMounts": [{"name": "tmp", "mountPath": "/tmp"}],  # noqa: S108 (in the container)
                        }
                    ],
                    "volumes": [{"name": "tmp", "emptyDir": {"sizeLimit": "8Mi"}}],
                },
            },
        },
    }


def image(settings: EnvironmentSettings, checks: Sequence[Check]) -> str:
    """As it is pulled, mirror and digest included."""
    return settings.operator.pin("proxy" if any(check.url == STUN for check in checks) else "operator").reference


def host_aliases(checks: Sequence[Check]) -> list[dict[str, Any]]:
    """The pod's own hosts, so that relays are dialled by the map's addresses; each address once, as Kubernetes asks."""
    names: dict[str, list[str]] = {}
    for check in checks:
        if check.address is not None:
            names.setdefault(check.address, []).append(check.host)
    return [{"ip": address, "hostnames": hosts} for address, hosts in names.items()]


def lines(checks: Sequence[Check]) -> str:
    """What the script reads: number and URL, a line each."""
    return "\n".join(f"{number} {check.url}" for number, check in enumerate(checks))


def digest(checks: Sequence[Check]) -> str:
    """Of the list: results carry numbers alone, and numbers of another day's list would be told of the wrong hosts."""
    listed = [f"{check.url} {check.address or ''} {check.expect}" for check in checks]
    return hashlib.sha256("\n".join(listed).encode()).hexdigest()[:12]


def results(checks: Sequence[Check], said: str) -> list[Result]:
    """What came of every check, in their order. said: all that the script printed. ProbeError unless it is whole."""
    seen: dict[int, str] = {}
    end: tuple[int, str] | None = None
    for line in filter(None, map(str.strip, said.splitlines())):
        try:
            row = json.loads(line)
            if "end" in row:
                end = int(row["end"]), str(row["of"])
            else:
                seen[int(row["n"])] = str(row["seen"])
        except (ValueError, KeyError, TypeError):
            raise ProbeError(f"the probe printed a line that is no result: {line[:100]!r}.") from None
    if end is None:
        raise ProbeError("what the probe said has no end: it was stopped, or the text was cut off.")
    if end != (len(checks), digest(checks)):
        raise ProbeError("these are results of another list of destinations: the stack or the relay map has changed.")
    if seen.keys() != set(range(len(checks))):
        raise ProbeError(f"the probe was asked about {len(checks)} destinations and told of {len(seen)}.")
    return [Result(check, seen[number]) for number, check in enumerate(checks)]
