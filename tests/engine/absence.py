"""`supportctl verify STACK --gone` as an auditor runs it: with a key that may read everything, and nothing else."""

from __future__ import annotations

import subprocess
import sys

from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.world import World

TAILNET = {"policy", "credentials", "devices", "services"}
STATE = {"state", "cloud rules"}
CLUSTER = {"release", "namespace", "our objects", "the chart's objects", "finalizers"}


def absence(world: World, pulumi: Pulumi, stack: str) -> tuple[int, dict[str, set[str]], str]:
    """Its exit code, each answer with the lines that gave it, and all that it printed."""
    environ = {name: value for name, value in pulumi.env.items() if not name.startswith("TAILSCALE_OAUTH")}
    done = subprocess.run(
        [sys.executable, "-m", "supportctl", "verify", stack, "--gone"],
        cwd=pulumi.project,
        env={**environ, "PYTHONPATH": str(ROOT), "TAILSCALE_API_KEY": world.facts["tailscale"]["admin_key"]},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    found: dict[str, set[str]] = {"gone": set(), "deleting": set(), "left": set(), "unknown": set()}
    for line in done.stdout.splitlines():
        answer, what = line[:8].strip(), line[9:29].strip()
        if answer in found:
            found[answer].add(what)
    return done.returncode, found, done.stdout
