"""A small stack of the provider's own resources, run by the real engine, whose processes can all be killed at once.

Owns the program, the project's plugin path and the end by SIGKILL of everything that one command started. The API is
in this process, behind a gate.
"""

from __future__ import annotations

import contextlib
import copy
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sandbox.demo.pulumi import ROOT
from tests.providers.gate import Gate
from tests.providers.tailnet_api import Api, running_api
from tests.sandbox.pulumi_project import LIMIT_SECONDS, Project

PLUGINS = f"plugins:\n  providers:\n    - name: tailnet\n      path: {ROOT / 'providers' / 'tailnet'}\n"

PROGRAM = """
import sys
sys.path.insert(0, {root!r})
import pulumi
from providers.tailnet.resources import DeviceCleanup, Enrollment, PolicySlice

of = {{"customer": "acme", "environment": "prod"}}
after = lambda *resources: pulumi.ResourceOptions(depends_on=resources)
identity = PolicySlice("identity", part="identity", sections={sections!r}, declared={{"grants": {grants!r}}}, **of)
cleanup = DeviceCleanup("cleanup", opts=after(identity), **of)
enrolment = Enrollment(
    "enrolment",
    tag={tag!r},
    hostname="acme-prod-kube",
    wait={wait!r},
    timeout_seconds={seconds!r},
    opts=after(cleanup),
    **of,
)
PolicySlice("access", part="access", sections={{"grants": {grants!r}}}, opts=after(enrolment), **of)
pulumi.export("device", enrolment.device_name)
"""


class Slices:
    """A project with the stack `dev`, the API that it works on, and the gate before it."""

    def __init__(self, folder: Path, api: Api, gate: Gate) -> None:
        self.api = api
        self.gate = gate
        self.project = Project(folder, api.environ)
        self._state = folder / "state"
        with (self.project.folder / "Pulumi.yaml").open("a") as file:
            file.write(PLUGINS)

    def declare(self, sections: Mapping[str, Any], grants: list[Any], tag: str, *, wait: bool = True) -> None:
        text = PROGRAM.format(
            root=str(ROOT), sections=dict(sections), grants=grants, tag=tag, wait=wait, seconds=int(LIMIT_SECONDS)
        )
        self.project.program(text)

    def killed(self, *arguments: str, call: int, when: Any) -> None:
        """Runs a command of the engine and kills all of its processes at one boundary of an API call."""
        with self.gate.hold(call, when) as hold, self.project.start(*arguments) as process:
            reached = hold.reached.wait(LIMIT_SECONDS)
            kill_session(process)
            said, _ = process.communicate(timeout=LIMIT_SECONDS)
        assert reached, said

    def save(self, aside: Path) -> dict[str, Any]:
        """Keeps the engine's state in the folder `aside`; returns the tailnet's."""
        shutil.copytree(self._state, aside)
        return copy.deepcopy({part: self.api.state.data[part] for part in ("policy", "devices", "services")})

    def restore(self, aside: Path, tailnet: Mapping[str, Any]) -> None:
        """Brings both back to where `save` was called."""
        shutil.rmtree(self._state)
        shutil.copytree(aside, self._state)
        self.api.state.data.update(copy.deepcopy(dict(tailnet)))

    def hostnames(self) -> list[str]:
        """Of the devices that there are."""
        return sorted(device["hostname"] for device in self.api.state.data["devices"].values())


@contextlib.contextmanager
def slices(folder: Path, policy: str) -> Iterator[Slices]:
    gates: list[Gate] = []

    def around(app: Any) -> Gate:
        gates.append(Gate(app))
        return gates[-1]

    with running_api(policy, around) as api:
        api.use_oauth_client()
        yield Slices(folder, api, gates[0])


def kill_session(leader: subprocess.Popen[str]) -> None:
    """SIGKILL to every process of the session that `leader` leads: the engine, its language host and its plugins.

    The engine gives each of its children a process group of its own; the session is what they have in common.
    """
    ends = time.monotonic() + 10
    while members := _session(leader.pid):
        assert time.monotonic() < ends, members
        for member in members:
            with contextlib.suppress(ProcessLookupError):
                os.kill(member, signal.SIGKILL)
        time.sleep(0.02)


def _session(session: int) -> list[int]:
    """Living processes of a session."""
    found = []
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            # pid (name) state ppid pgrp session ...; the name may hold anything, so from the last bracket on.
            state, _, _, member_of = (folder / "stat").read_text().rpartition(")")[2].split()[:4]
            if int(member_of) == session and state not in "ZX":
                found.append(int(folder.name))
    return found
