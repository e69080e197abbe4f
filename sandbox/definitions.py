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
    """Returns when no definition is being deleted. Raises TimeoutError naming those that are."""
    ends = time.monotonic() + LONGEST
    while going := _going(cluster):
        if time.monotonic() > ends:
            raise TimeoutError(f"still being deleted after {LONGEST:.0f} s: {', '.join(going)}")
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
