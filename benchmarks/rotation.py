"""How long the API is away while the operator's credential is rotated, from the operator's device going offline.

    python benchmarks/rotation.py [--rounds N]

Owns the measurement and judges nothing: no test runs it. Runs the real engine in a world of its own. Pods are processes
there, and their kubelet looks for a missing Secret three times a second; a real one pauses longer and longer between
looks, and pulls images. So the figure is the least that a rotation costs.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from sandbox.demo.observe import Tailnet
from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.world import World
from tests.engine.conftest import PROGRAM

STACK, TAG = "acme-prod", "tag:kube-acme-prod"
EVERY = 0.05
"""Seconds between two looks."""


@dataclass(slots=True)
class Watch:
    """spans: how long the device was offline, each time, in seconds."""

    tailnet: Tailnet
    spans: list[float] = field(default_factory=list)
    ended: threading.Event = field(default_factory=threading.Event)

    def run(self) -> None:
        since: float | None = None
        while not self.ended.wait(EVERY):
            online = any(device.get("connectedToControl") for device in self.tailnet.devices(TAG))
            now = time.monotonic()
            if online and since is not None:
                self.spans.append(now - since)
            since = None if online else since or now


@contextmanager
def watching(tailnet: Tailnet) -> Iterator[Watch]:
    watch = Watch(tailnet)
    thread = threading.Thread(target=watch.run)
    thread.start()
    try:
        yield watch
    finally:
        watch.ended.set()
        thread.join()


def project(folder: Path) -> Path:
    """The program, with stacks of its own."""
    for part in PROGRAM:
        (folder / part).symlink_to(ROOT / part)
    (folder / "stacks").mkdir()
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=3)
    rounds = parser.parse_args().rounds
    with tempfile.TemporaryDirectory() as folder, World(Path(folder) / "world") as world:
        (Path(folder) / "state").mkdir()
        (Path(folder) / "project").mkdir()
        env = {**world.env, "PULUMI_BACKEND_URL": (Path(folder) / "state").as_uri()}
        pulumi = Pulumi(env, project(Path(folder) / "project"))
        tailnet = Tailnet(world.facts["tailscale"]["url"], world.facts["tailscale"]["admin_key"])
        for stack in ("tailnet", STACK):
            file = pulumi.project / "stacks" / f"Pulumi.{stack}.yaml"
            file.write_text((ROOT / "stacks" / file.name).read_text())
            pulumi.init(stack)
            pulumi.up(stack)
        declared = file.read_text()
        print("| generation | update | API away |\n|---|---|---|")
        for generation in range(2, rounds + 2):
            rotated = f"config:\n  support-access:credential:\n    generation: {generation}\n"
            file.write_text(declared.replace("config:\n", rotated, 1))
            with watching(tailnet) as watch:
                began = time.monotonic()
                pulumi.up(STACK)
                seconds = time.monotonic() - began
            print(
                f"| {generation} | {seconds:.1f} s | {' + '.join(f'{span:.1f} s' for span in watch.spans) or 'never'} |"
            )
        for stack in (STACK, "tailnet"):
            pulumi.destroy(stack)
        tailnet.close()


if __name__ == "__main__":
    main()
