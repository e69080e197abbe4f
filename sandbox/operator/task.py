"""The process of a Job's pod, run on this machine.

Owns what a container is to it: command, environment, a folder of its own for temporary files, and the termination
message. There is no image, no file system and no isolation: the process is this machine's, as the user who runs the
sandbox, so only pods that the program itself has labelled are run. What a pod asks for and nobody plays here, host
aliases for instance, keeps it from starting, with a message. Logs are not kept. Ends with its pod.
"""

from __future__ import annotations

import asyncio
import os
import signal
import tempfile
from pathlib import Path
from typing import NamedTuple

from sandbox.operator import pod as pods
from sandbox.operator.kube import Object

MESSAGE_BYTES = 4096
"""Of a termination message; a kubelet cuts off the rest."""


class Ended(NamedTuple):
    """How the container ended: exit code, and what it wrote to its termination message."""

    code: int
    message: str


def unplayable(pod: Object) -> str | None:
    """What the pod asks for that nobody plays here, or None."""
    spec = pod["spec"]
    if spec.get("hostAliases"):
        return "hostAliases are not played here: a process has this machine's /etc/hosts"
    if len(spec["containers"]) != 1 or spec.get("initContainers"):
        return "only one container is played here"
    if any("emptyDir" not in volume for volume in spec.get("volumes") or []):
        return "only volumes of the kind emptyDir are played here"
    if any("valueFrom" in variable for variable in spec["containers"][0].get("env") or []):
        return "valueFrom is not played here"
    return None


async def run(pod: Object) -> Ended:
    """Runs the only container of the pod to its end. Cancelled, it ends the process and its children."""
    container = pod["spec"]["containers"][0]
    with tempfile.TemporaryDirectory(prefix="pod-") as folder:
        message = Path(folder) / "termination-log"
        message.touch()
        env = pods.environment(pod, container["name"])
        # A path of the container that is none here.
        said = {name: value.replace(container["terminationMessagePath"], str(message)) for name, value in env.items()}
        process = await asyncio.create_subprocess_exec(
            *container["command"],
            *container.get("args") or [],
            cwd=folder,
            env={"PATH": os.environ["PATH"], "HOME": folder, "TMPDIR": folder, **said},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            start_new_session=True,
        )
        try:
            code = await process.wait()
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        return Ended(code, message.read_bytes()[-MESSAGE_BYTES:].decode(errors="replace"))
