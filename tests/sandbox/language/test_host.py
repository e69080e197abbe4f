"""The language host as a process: what it answers, what it starts, and that it ends quietly, without orphans."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from pulumi.runtime.proto import language_pb2, language_pb2_grpc

ROOT = Path(__file__).parents[3]
Runtime = language_pb2_grpc.LanguageRuntimeStub
NOBODY = "127.0.0.1:9"  # no engine listens there; these requests need none


@pytest.fixture
def host() -> Iterator[subprocess.Popen[bytes]]:
    process = subprocess.Popen(
        [sys.executable, "-m", "sandbox.language", NOBODY],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    with process:
        yield process
        process.kill()


@pytest.fixture
def runtime(host: subprocess.Popen[bytes]) -> Iterator[language_pb2_grpc.LanguageRuntimeStub]:
    assert host.stdout
    with grpc.insecure_channel(f"127.0.0.1:{int(host.stdout.readline())}") as channel:
        yield language_pb2_grpc.LanguageRuntimeStub(channel)


def project(folder: Path, program: str, **options: str) -> language_pb2.ProgramInfo:
    (folder / "__main__.py").write_text(program)
    info = language_pb2.ProgramInfo(root_directory=str(folder), program_directory=str(folder), entry_point=".")
    info.options.update(options)
    return info


def virtualenv(folder: Path, *packages: str) -> None:
    """As much of a virtualenv as the host looks at, with `packages` in it as name=version."""
    (folder / "venv" / "bin").mkdir(parents=True)
    (folder / "venv" / "bin" / "python").symlink_to(sys.executable)
    for package in packages:
        name, version = package.split("=")
        place = folder / "venv" / "lib" / "python3.11" / "site-packages" / f"pulumi_{name.replace('-', '_')}"
        place.mkdir(parents=True)
        facts = f'{{"resource": true, "name": "{name}", "version": "{version}", "server": ""}}'
        (place / "pulumi-plugin.json").write_text(facts)


def wait_until_gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    return False


def test_every_installed_pulumi_package_asks_for_its_plugin(runtime: Runtime, tmp_path: Path) -> None:
    virtualenv(tmp_path, "tailscale=0.29.2", "azure-native=3.29.0")
    request = language_pb2.GetRequiredPackagesRequest(info=project(tmp_path, "", virtualenv="venv"))
    packages = runtime.GetRequiredPackages(request).packages
    assert {(p.name, p.version, p.kind) for p in packages} == {
        ("tailscale", "0.29.2", "resource"),
        ("azure-native", "3.29.0", "resource"),
    }


def test_a_missing_virtualenv_is_named_with_the_way_to_make_it(runtime: Runtime, tmp_path: Path) -> None:
    request = language_pb2.GetRequiredPackagesRequest(info=project(tmp_path, "", virtualenv="gone"))
    with pytest.raises(grpc.RpcError) as refused:
        runtime.GetRequiredPackages(request)
    assert f"python3 -m venv {tmp_path / 'gone'}" in (refused.value.details() or "")


def test_another_toolchain_than_a_virtualenv_is_refused_and_not_ignored(runtime: Runtime, tmp_path: Path) -> None:
    request = language_pb2.AboutRequest(info=project(tmp_path, "", toolchain="poetry"))
    with pytest.raises(grpc.RpcError, match="toolchain=poetry"):
        runtime.About(request)


def test_a_policy_pack_runs_in_its_folder_with_its_own_environment(runtime: Runtime, tmp_path: Path) -> None:
    pack = "import os, sys\nprint(os.getcwd(), os.environ['MARK'])\nprint('oops', file=sys.stderr)\nsys.exit(7)\n"
    request = language_pb2.RunPluginRequest(
        kind="analyzer",
        pwd="/",
        args=["127.0.0.1:9"],
        env=[f"{name}={value}" for name, value in {**os.environ, "MARK": "a=b"}.items()],
        info=project(tmp_path, pack, virtualenv=sys.prefix),
    )
    answers = list(runtime.RunPlugin(request))
    assert b"".join(a.stdout for a in answers).decode() == f"{tmp_path} a=b\n"
    assert b"".join(a.stderr for a in answers) == b"oops\n"
    assert answers[-1].exitcode == 7


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_without_a_word(
    host: subprocess.Popen[bytes], runtime: Runtime, number: signal.Signals, tmp_path: Path
) -> None:
    _, pid = sleeping_plugin(runtime, tmp_path)
    host.send_signal(number)
    said, complained = host.communicate(timeout=10)
    assert (host.returncode, said, complained) == (0, b"", b"")
    assert wait_until_gone(pid)


def test_it_ends_with_its_engine(host: subprocess.Popen[bytes], runtime: Runtime, tmp_path: Path) -> None:
    _, pid = sleeping_plugin(runtime, tmp_path)
    assert host.stdin
    host.stdin.close()  # the engine holds the other end; a killed one lets go of it
    assert host.wait(timeout=10) == 0
    assert wait_until_gone(pid)


def test_a_cancelled_request_ends_its_process(host: subprocess.Popen[bytes], runtime: Runtime, tmp_path: Path) -> None:
    sleeper, pid = sleeping_plugin(runtime, tmp_path)
    sleeper.cancel()
    assert wait_until_gone(pid)
    assert host.poll() is None


def sleeping_plugin(runtime: Runtime, folder: Path) -> tuple[Any, int]:
    """A plugin that prints its process id and then waits for ever."""
    virtualenv(folder)
    program = "import os, time\nprint(os.getpid())\ntime.sleep(3600)\n"
    request = language_pb2.RunPluginRequest(
        kind="resource", pwd=str(folder), info=project(folder, program, virtualenv="venv")
    )
    answers = runtime.RunPlugin(request)
    return answers, int(next(answers).stdout)
