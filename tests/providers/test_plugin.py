"""The plugin as the engine starts it: a process that prints its port, answers over gRPC and ends when told."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import grpc
import pytest
from google.protobuf import empty_pb2, struct_pb2
from pulumi.runtime.proto import provider_pb2, provider_pb2_grpc

import providers.tailnet.resources as sdk
from providers.tailnet.provider import FUNCTIONS, RESOURCES, VERSION

PLUGIN = Path(sdk.__file__).with_name("pulumi-resource-tailnet")
NO_ENGINE = "127.0.0.1:1"


@pytest.fixture
def plugin() -> Iterator[tuple[subprocess.Popen[str], provider_pb2_grpc.ResourceProviderStub]]:
    environ = {name: value for name, value in os.environ.items() if not name.startswith("TAILSCALE_")}
    with subprocess.Popen([PLUGIN, NO_ENGINE], env=environ, stdout=-1, stderr=-1, text=True) as process:
        try:
            assert process.stdout
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                yield process, provider_pb2_grpc.ResourceProviderStub(channel)
        finally:
            process.kill()


def test_it_serves_its_schema_and_ends_quietly(plugin) -> None:
    process, stub = plugin
    assert stub.GetPluginInfo(empty_pb2.Empty()).version == VERSION
    schema = json.loads(stub.GetSchema(provider_pb2.GetSchemaRequest()).schema)
    assert schema["version"] == VERSION
    assert schema["resources"].keys() == RESOURCES.keys()
    assert schema["functions"].keys() == FUNCTIONS.keys()
    process.send_signal(signal.SIGTERM)
    assert process.wait(10) == 0
    assert process.stderr.read() == ""


def test_an_error_is_shown_without_a_traceback(plugin) -> None:
    _, stub = plugin
    properties = struct_pb2.Struct()
    properties.update({"customer": "acme", "environment": "prod"})
    urn = "urn:pulumi:dev::p::tailnet:index:DeviceCleanup::it"
    with pytest.raises(grpc.RpcError) as raised:
        stub.Delete(provider_pb2.DeleteRequest(id="acme-prod", urn=urn, properties=properties))
    details = str(raised.value.details())  # type: ignore[attr-defined]
    assert details.startswith("no Tailscale credential: set TAILSCALE_OAUTH_CLIENT_ID")
    assert "File" not in details


def test_a_program_that_uses_the_resources_loads_no_http_client_and_no_models() -> None:
    """Every `pulumi up` pays for what the SDK classes import."""
    code = "import sys, providers.tailnet.resources; print(*({'httpx', 'pydantic', 'tenacity'} & sys.modules.keys()))"
    environ = {**os.environ, "PYTHONPATH": str(PLUGIN.parents[2])}
    loaded = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""


def test_the_plugin_starts_without_what_only_some_requests_need() -> None:
    """The engine waits for its port: no models, no client of a cluster, no SDK of another provider."""
    heavy = {"pydantic", "kubernetes", "pulumi_kubernetes", "pulumi_tailscale"}
    code = f"import sys, providers.tailnet.__main__; print(*({heavy} & sys.modules.keys()))"
    environ = {**os.environ, "PYTHONPATH": str(PLUGIN.parents[2])}
    loaded = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True)
    assert loaded.stdout.strip() == ""
