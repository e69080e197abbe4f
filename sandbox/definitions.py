"""Waiting until an API server has cleared what an uninstalled chart had defined.

Owns one peculiarity of kube-apiserver (v1.36.3): a definition that is deleted soon after it was made can fail with
"storage is (re)initializing", and is then looked at again only minutes later, or when somebody changes it. So it is
changed. Until it is gone an `up` is rightly refused, and in the sandbox everything lives for seconds.
"""

from __future__ import annotations

import subprocess
import time

from sandbox.demo.observe import Cluster

LONGEST = 120.0
AGAIN = 2.0


def wait_until_cleared(cluster: Cluster) -> None:
    """Returns when no definition is being deleted. Raises TimeoutError naming those that are, and what holds them."""
    ends = time.monotonic() + LONGEST
    while going := _going(cluster):
        if time.monotonic() > ends:
            held = "; ".join(f"{name} ({_why(cluster, name)})" for name in going)
            raise TimeoutError(f"still being deleted in {cluster.context} after {LONGEST:.0f} s: {held}")
        time.sleep(AGAIN)
        for name in _going(cluster):
            note = f"sandbox/looked-at={time.time():.0f}"
            try:
                cluster.kubectl("annotate", "customresourcedefinition", name, note, "--overwrite")
            except subprocess.CalledProcessError:
                continue  # it has gone meanwhile


def _going(cluster: Cluster) -> list[str]:
    found = cluster.get("customresourcedefinitions")
    return [one["metadata"]["name"] for one in found if one["metadata"].get("deletionTimestamp")]


def _why(cluster: Cluster, name: str) -> str:
    """What the API server says of a definition's end, and its objects with their finalizers."""
    found = [one for one in cluster.get("customresourcedefinitions") if one["metadata"]["name"] == name]
    conditions = [condition for one in found for condition in one["status"].get("conditions") or []]
    said = [one["message"] for one in conditions if one["type"] == "Terminating"]
    objects = [one["metadata"] for one in cluster.get(name, "-A")]
    return ", ".join([*said, *(f"{one['name']} {one.get('finalizers') or []}" for one in objects)])
