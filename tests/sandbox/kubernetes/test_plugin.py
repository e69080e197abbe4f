"""The plugin as a process that an engine starts and speaks gRPC with."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc, status_pb2

from sandbox.plugins.kubernetes.__main__ import VERSION
from sandbox.world import World

ROOT = Path(__file__).parents[3]
COMMAND = [sys.executable, "-m", "sandbox.plugins.kubernetes", "127.0.0.1:1"]
DEPLOYMENT = "urn:pulumi:stack::project::kubernetes:apps/v1:Deployment::d"


class Plugin:
    """A running plugin and a connection to it."""

    def __init__(self, environment: dict[str, str]) -> None:
        self.process = subprocess.Popen(
            COMMAND, cwd=ROOT, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        assert self.process.stdout is not None
        self.channel = grpc.insecure_channel(f"127.0.0.1:{self.process.stdout.readline().strip()}")
        self.provider: Any = provider_pb2_grpc.ResourceProviderStub(self.channel)

    def stop(self) -> tuple[int, str]:
        """Exit code, and everything that it wrote to standard error."""
        self.channel.close()
        self.process.terminate()
        _, errors = self.process.communicate(timeout=20)
        return self.process.returncode, errors


@pytest.fixture
def plugin(environment: dict[str, str], tmp_path: Path) -> Iterator[Plugin]:
    running = Plugin({**environment, "TMPDIR": str(tmp_path)})
    yield running
    if running.process.poll() is None:
        running.stop()


def configure(plugin: Plugin) -> None:
    variables = {"kubernetes:config:context": "acme-prod"}
    plugin.provider.Configure(provider_pb2.ConfigureRequest(variables=variables, acceptSecrets=True))


def struct(value: dict[str, Any]) -> struct_pb2.Struct:
    result = struct_pb2.Struct()
    result.update(value)
    return result


def test_it_answers_with_the_real_plugins_version(plugin: Plugin) -> None:
    assert plugin.provider.GetPluginInfo(empty_pb2.Empty()).version == VERSION


def test_it_ends_quietly_and_leaves_no_file(plugin: Plugin, tmp_path: Path) -> None:
    configure(plugin)
    namespace = struct({"apiVersion": "v1", "kind": "Namespace"})
    urn = "urn:pulumi:stack::project::kubernetes:core/v1:Namespace::n"
    plugin.provider.Check(provider_pb2.CheckRequest(urn=urn, news=namespace))
    assert list(tmp_path.glob("pulumi-kubernetes-*/kubeconfig"))
    assert plugin.stop() == (0, "")
    assert list(tmp_path.iterdir()) == []


def test_it_ends_when_its_engine_is_gone(environment: dict[str, str]) -> None:
    script = f"{' '.join(COMMAND)} >/dev/null & echo $!; sleep 0.3"
    shell = subprocess.run(
        ["sh", "-c", script], cwd=ROOT, env=environment, capture_output=True, text=True, check=True, timeout=60
    )
    pid = int(shell.stdout)
    deadline = time.monotonic() + 20
    while Path(f"/proc/{pid}").exists() and Path(f"/proc/{pid}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < deadline
        time.sleep(0.1)


def test_a_failure_is_its_text_alone(plugin: Plugin) -> None:
    configure(plugin)
    with pytest.raises(grpc.RpcError) as failure:
        plugin.provider.Invoke(provider_pb2.InvokeRequest(tok="kubernetes:yaml:decode"))
    assert failure.value.details().startswith("kubernetes:yaml:decode is not supported")  # type: ignore[attr-defined]
    assert "Traceback" not in failure.value.details()  # type: ignore[attr-defined]
    assert ".py" not in failure.value.details()  # type: ignore[attr-defined]


def test_a_half_made_object_comes_back_with_its_state(plugin: Plugin, namespace: str) -> None:
    configure(plugin)
    labels = {"app": "a"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "c", "image": "none"}]}}
    inputs = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "d", "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }
    request = provider_pb2.CreateRequest(urn=DEPLOYMENT, properties=struct(inputs), timeout=1)
    with pytest.raises(grpc.RpcError) as failure:
        plugin.provider.Create(request)
    metadata: Any = dict(failure.value.trailing_metadata())  # type: ignore[attr-defined]
    status = status_pb2.Status.FromString(metadata["grpc-status-details-bin"])
    detail = provider_pb2.ErrorResourceInitFailed()
    assert status.details[0].Unpack(detail)
    assert detail.id == f"{namespace}/d"
    assert detail.properties["metadata"]["uid"]  # type: ignore[index]
    assert any("timed out waiting to be Ready" in reason for reason in detail.reasons)


def test_it_imports_only_what_it_needs_of_the_slow_client(world: World) -> None:
    code = (
        "import sys; from sandbox.plugins.kubernetes.client_import import import_needed_parts; import_needed_parts();"
        "from sandbox.plugins.kubernetes.connection import Connection, Settings;"
        f"connection = Connection.open(Settings(context='acme-prod'), {{'KUBECONFIG': {world.facts['kubeconfig']!r}}});"
        "from sandbox.plugins.kubernetes.kinds import Kind;"
        "print(connection.cluster.get(Kind('', 'v1', 'Namespace'), '', 'default')['metadata']['name']);"
        "slow = ('kubernetes.client.api.', 'kubernetes.client.models.');"
        "print([name for name in sys.modules if name.startswith(slow)]);"
        "connection.close()"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env=dict(os.environ), check=True, capture_output=True, text=True
    )
    assert run.stdout.splitlines() == ["default", "[]"]
