"""`supportctl verify STACK --egress` in a cluster: a real Job; its process dials what is open here and what is not."""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from components.endpoints import derp_map
from sandbox.demo.observe import Cluster
from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.world import World
from tests.engine.conftest import Example

pytestmark = [
    pytest.mark.engine,
    pytest.mark.skipif(not shutil.which("wget"), reason="the probe's process dials with wget, as its image does"),
]
STACK = "globex-prod"


class NotFound(BaseHTTPRequestHandler):
    """Any HTTP answer means that the way is open."""

    def do_GET(self) -> None:
        self.send_error(404)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@pytest.fixture(scope="module")
def opened() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), NotFound)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://localhost:{server.server_port}"
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def closed() -> str:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return f"http://localhost:{listener.getsockname()[1]}"


@pytest.fixture(scope="module")
def operating(pulumi: Pulumi, example: Example) -> None:
    for stack in ("tailnet", STACK):
        example.write(stack)
        pulumi.up(stack)


def verify(pulumi: Pulumi, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supportctl", "verify", STACK, "--egress", *words],
        cwd=pulumi.project,
        env={**pulumi.env, "PYTHONPATH": str(ROOT), "COLUMNS": "200"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def jobs(clusters: dict[str, Cluster]) -> list[str]:
    return clusters[STACK].names("jobs", "-n", "tailscale")


@pytest.mark.usefixtures("operating")
def test_what_is_open_and_what_is_shut_are_told_apart_and_the_job_is_gone(
    pulumi: Pulumi, clusters: dict[str, Cluster], opened: str, closed: str
) -> None:
    done = verify(pulumi, "--needed", opened, "--shut", closed)
    assert done.returncode == 0, done.stdout + done.stderr
    told = [" ".join(line.split()) for line in done.stdout.splitlines()]
    assert f"ok {opened} needed answered asked for" in told
    assert f"ok {closed} must stay shut the connection was refused asked for" in told
    assert jobs(clusters) == []


@pytest.mark.usefixtures("operating")
def test_a_way_that_is_not_as_it_must_be_fails(
    pulumi: Pulumi, clusters: dict[str, Cluster], opened: str, closed: str
) -> None:
    done = verify(pulumi, "--needed", closed, "--shut", opened)
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("FAILED") == 2
    assert "2 of 2 are not as they must be" in done.stdout
    assert jobs(clusters) == []


@pytest.mark.usefixtures("operating")
def test_a_probe_that_does_not_start_says_why_and_is_removed(
    pulumi: Pulumi, clusters: dict[str, Cluster], tmp_path: Path
) -> None:
    """The whole list, relays by address: the sandbox's node has no way to give a process hosts of its own."""
    done = verify(pulumi, "--map-file", str(published(tmp_path)))
    assert done.returncode == 2, done.stdout + done.stderr
    assert "CreateContainerError" in done.stderr
    assert "hostAliases" in done.stderr
    assert jobs(clusters) == []


@pytest.mark.usefixtures("operating")
def test_the_printed_job_is_taken_by_a_cluster_that_warns_of_whatever_is_not_restricted(
    pulumi: Pulumi, world: World, tmp_path: Path
) -> None:
    done = verify(pulumi, "--map-file", str(published(tmp_path)), "--manifest")
    assert done.returncode == 0, done.stderr
    aliases = json.loads(done.stdout)["spec"]["template"]["spec"]["hostAliases"]
    assert sorted(name for alias in aliases for name in alias["hostnames"]) == sorted(derp_map.node_names())
    warned = applied(world, done.stdout)
    assert warned == "", "no warning of the pod security level"
    privileged = json.loads(done.stdout)
    del privileged["spec"]["template"]["spec"]["containers"][0]["securityContext"]
    assert "would violate PodSecurity" in applied(world, json.dumps(privileged)), "or nobody would have warned"


def applied(world: World, manifest: str) -> str:
    """What the API server has to say about an object that it takes; nothing is made."""
    done = subprocess.run(
        ["kubectl", "--context", STACK, "apply", "--dry-run=server", "-f", "-"],
        env=world.env,
        input=manifest,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stderr


def published(folder: Path) -> Path:
    """A map as it is published, with made-up addresses."""
    names = iter(derp_map.node_names())
    regions = {
        str(region): {
            "Nodes": [{"HostName": next(names), "IPv4": f"198.51.100.{region}"} for _ in derp_map.NODES[region] or "-"]
        }
        for region in derp_map.regions()
    }
    path = folder / "derpmap.json"
    path.write_text(json.dumps({"Regions": regions}))
    return path
