"""The customer's side of a handoff: the folder as the vendor makes it, and its scripts as they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from sandbox.demo.pulumi import ROOT, Pulumi


def supportctl(pulumi: Pulumi, *words: str | Path, check: bool = True) -> subprocess.CompletedProcess[str]:
    """`supportctl WORDS` beside the stacks of `pulumi`."""
    return subprocess.run(
        [sys.executable, "-m", "supportctl", *map(str, words)],
        cwd=pulumi.project,
        env={**pulumi.env, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=check,
    )


def script(file: Path, pulumi: Pulumi, context: str, *, check: bool = True) -> subprocess.CompletedProcess[str]:
    """One of the folder's own scripts, on the cluster of a context."""
    command = [str(file), context]
    return subprocess.run(
        command, env=pulumi.env, check=check, capture_output=True, text=True, stdin=subprocess.DEVNULL
    )


def apply(text: str, pulumi: Pulumi, context: str) -> None:
    """What came on a way of its own, applied as the README says."""
    command = ["kubectl", "--context", context, "apply", "--server-side", "-f", "-"]
    subprocess.run(command, env=pulumi.env, input=text, text=True, check=True, capture_output=True)
