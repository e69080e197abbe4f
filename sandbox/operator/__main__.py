"""`python -m sandbox.operator`: plays the operator in one or more clusters until SIGTERM.

Writes one line per change of state to stdout, with the context's name and no secret. Exit code 0 after a
signal, 2 for a wrong call.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import signal
import sys
from pathlib import Path

from sandbox.operator.kubeconfig import KubeconfigError, read
from sandbox.operator.kubelet import Kubelet


async def _run(kubelets: list[Kubelet]) -> None:
    async with asyncio.TaskGroup() as tasks:
        for kubelet in kubelets:
            tasks.create_task(kubelet.run())


async def _until_signal(kubelets: list[Kubelet]) -> None:
    running = asyncio.create_task(_run(kubelets))
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, running.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await running


def main() -> int:
    """Runs until a signal."""
    parser = argparse.ArgumentParser(prog="python -m sandbox.operator", description=__doc__)
    parser.add_argument("--kubeconfig", type=Path, required=True, help="file with the administrators' credentials")
    parser.add_argument("--context", action="append", required=True, help="cluster to play in; may be repeated")
    parser.add_argument("--tailscale", required=True, help="URL of the Tailscale API, for releases that name none")
    parser.add_argument("--interval", type=float, default=0.3, help="seconds between looks for a missing Secret")
    options = parser.parse_args()
    tailscale = options.tailscale.rstrip("/")
    try:
        kubelets = [Kubelet(c, read(options.kubeconfig, c), tailscale, options.interval) for c in options.context]
    except KubeconfigError as error:
        print(error, file=sys.stderr)
        return 2
    asyncio.run(_until_signal(kubelets))
    return 0


if __name__ == "__main__":
    sys.exit(main())
