"""A world comes up from nothing, can be found and ended by anybody who has its folder, and leaves no process."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox import process
from sandbox.world import FOREIGN, ROOT, World, WorldError

ONE = "acme-prod"


def sandbox(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sandbox", *arguments]
    # As on a machine behind a proxy, whose user has a real account: neither is any business of the world's.
    foreign = {"HTTP_PROXY": "http://127.0.0.1:9", "AWS_PROFILE": "real", "TAILSCALE_API_KEY": "real"}
    env = {**os.environ, **foreign, "SUPPORT_ACCESS_SANDBOX": str(folder)}
    return subprocess.run(command, cwd=ROOT, env=env, capture_output=True, text=True, check=False, timeout=180)


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "world"
    World(tmp_path / "world").stop()


def test_up_leaves_a_world_and_down_leaves_nothing(folder: Path) -> None:
    up = sandbox(folder, "up", "--cluster", ONE)
    assert up.returncode == 0, up.stderr
    assert f"cluster {ONE}" in up.stdout
    names = {p.name for p in process.running(folder)}
    assert names == {"etcd", "services", "operator", f"apiserver-{ONE}", f"controllers-{ONE}"}

    again = sandbox(folder, "up")
    assert again.returncode == 0
    assert "already up" in again.stdout
    assert sandbox(folder, "status").returncode == 0

    # What `env` prints leads a shell into this world and out of any other.
    shell = f"export TAILSCALE_API_KEY=real; {sandbox(folder, 'env').stdout}\n"
    shell += f'kubectl --context {ONE} get --raw /readyz; echo " ${{TAILSCALE_API_KEY-unset}}"'
    asked = subprocess.run(["sh", "-c", shell], capture_output=True, text=True, check=False)
    assert asked.stdout == "ok unset\n", asked.stderr
    listed = subprocess.run(
        ["sh", "-c", f"{sandbox(folder, 'env').stdout}\npulumi stack ls --json"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    assert {row["name"] for row in json.loads(listed.stdout)} == {"tailnet", ONE}

    (operator,) = [p for p in process.running(folder) if p.name == "operator"]
    os.kill(operator.pid, signal.SIGKILL)
    process.wait_ready(process.Process(folder, "etcd"), lambda: not operator.alive, 10)
    damaged = sandbox(folder, "status")
    assert damaged.returncode == 1
    assert "ended" in damaged.stdout
    assert "A part of the world has ended" in sandbox(folder, "up").stderr

    assert sandbox(folder, "down").returncode == 0
    assert process.known(folder) == []
    assert "No world is up" in sandbox(folder, "env").stderr
    assert "Nothing was up" in sandbox(folder, "down").stdout


START = """
import pathlib, sys, time
from sandbox.world import World
with World(pathlib.Path(sys.argv[1]), sys.argv[2:]):
    time.sleep(600)
"""


def test_a_world_whose_starter_was_killed_can_be_ended(folder: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", START, folder, ONE], cwd=ROOT) as starter:
        _wait_for(folder / "run" / f"apiserver-{ONE}")
        starter.kill()
    assert process.running(folder) != []
    with pytest.raises(WorldError, match="already runs"):
        World(folder, [ONE]).start()
    assert sandbox(folder, "down").returncode == 0
    assert process.running(folder) == []


def test_an_interrupted_start_ends_what_it_had_started(folder: Path) -> None:
    command = [sys.executable, "-c", START, folder, ONE]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL) as starter:
        _wait_for(folder / "run" / f"apiserver-{ONE}")
        starter.send_signal(signal.SIGINT)
        try:
            assert starter.wait(timeout=60) != 0
        finally:
            starter.kill()
    assert process.known(folder) == []


def test_a_folder_with_other_files_is_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    with pytest.raises(WorldError, match="not a world's"):
        World(tmp_path).start()
    assert (tmp_path / "thesis.txt").read_text() == "years of work"


def test_there_is_no_world_without_start(tmp_path: Path) -> None:
    with pytest.raises(WorldError, match="sandbox up"):
        _ = World(tmp_path).env


def test_secrets_are_in_no_command_line_and_no_readable_file(world: World) -> None:
    secrets = [world.env["TAILSCALE_OAUTH_CLIENT_SECRET"], world.facts["tailscale"]["admin_key"]]
    for file in (world.folder / name for name in ("world.json", "kubeconfig", "passphrase")):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600, file
    assert stat.S_IMODE(world.folder.stat().st_mode) == 0o700
    pids = ",".join(str(p.pid) for p in world.running)
    arguments = subprocess.run(
        ["ps", "-ww", "-o", "args=", "-p", pids], capture_output=True, text=True, check=True
    ).stdout
    logs = "".join(log.read_text(errors="replace") for log in (world.folder / "logs").iterdir())
    for secret in secrets:
        assert secret not in arguments
        assert secret not in logs


def test_the_services_answer_where_the_environment_says(world: World) -> None:
    env = world.env
    charts = httpx.get(f"{env['SUPPORT_ACCESS_CHART_REPOSITORY']}/index.yaml")
    assert "tailscale-operator" in charts.text
    credentials = {
        "grant_type": "client_credentials",
        "client_id": env["TAILSCALE_OAUTH_CLIENT_ID"],
        "client_secret": env["TAILSCALE_OAUTH_CLIENT_SECRET"],
    }
    token = httpx.post(f"{env['TAILSCALE_BASE_URL']}/api/v2/oauth/token", data=credentials).json()["access_token"]
    for bearer in (token, world.facts["tailscale"]["admin_key"]):
        acl = httpx.get(
            f"{env['TAILSCALE_BASE_URL']}/api/v2/tailnet/-/acl", headers={"Authorization": f"Bearer {bearer}"}
        )
        assert "tag:support-access-deployer" in acl.text
    assert httpx.get(f"{env['AWS_ENDPOINT_URL']}/moto-api/data.json").is_success


def test_the_real_helm_takes_the_chart_from_the_repository(world: World) -> None:
    options = ["--repo", world.env["SUPPORT_ACCESS_CHART_REPOSITORY"], "--version", "1.96.5"]
    command = ["helm", "show", "chart", "tailscale-operator", *options]
    shown = subprocess.run(command, env=world.env, capture_output=True, text=True, check=False)
    assert "appVersion: v1.96.5" in shown.stdout, shown.stderr


def test_the_facts_name_every_process(world: World) -> None:
    assert world.facts["processes"] == {p.name: p.pid for p in world.running}
    assert world.facts["pid"] == os.getpid()
    assert not world.env.keys() & set(FOREIGN)
    assert json.loads((world.folder / "world.json").read_text()) == world.facts


def _wait_for(file: Path) -> None:
    deadline = time.monotonic() + 60
    while not (file.exists() and file.stat().st_size):
        assert time.monotonic() < deadline, f"{file} did not appear"
        time.sleep(0.02)
