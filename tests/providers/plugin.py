"""The provider's plugin as the engine runs it: a process of its own that is spoken to over gRPC.

Owns the process (ended by SIGKILL, at the latest with the block), the translation of plain values and the engine's
side of the log. Plays the engine for single requests; keeps no state of resources.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterator, Mapping
from concurrent import futures
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import grpc
from google.protobuf import json_format, struct_pb2
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc, provider_pb2, provider_pb2_grpc

import providers.tailnet.resources as sdk

PROGRAM = Path(sdk.__file__).with_name("pulumi-resource-tailnet")
NO_ENGINE = "127.0.0.1:1"
LIMIT_SECONDS = 300.0
"""The longest that one request may take."""


class Plugin:
    """A running plugin. A request that fails raises grpc.RpcError; its text is `details()`."""

    def __init__(self, process: subprocess.Popen[str], stub: provider_pb2_grpc.ResourceProviderStub) -> None:
        self.process = process
        self.stub = stub

    def create(self, kind: str, inputs: Mapping[str, Any]) -> Any:
        """A future of the answer; so are the next three."""
        request = provider_pb2.CreateRequest(urn=urn(kind), properties=struct(inputs))
        return self.stub.Create.future(request, timeout=LIMIT_SECONDS)

    def update(self, kind: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        request = provider_pb2.UpdateRequest(id="x", urn=urn(kind), olds=struct(state), news=struct(inputs))
        return self.stub.Update.future(request, timeout=LIMIT_SECONDS)

    def delete(self, kind: str, state: Mapping[str, Any]) -> Any:
        request = provider_pb2.DeleteRequest(id="x", urn=urn(kind), properties=struct(state))
        return self.stub.Delete.future(request, timeout=LIMIT_SECONDS)

    def diff(self, kind: str, state: Mapping[str, Any], inputs: Mapping[str, Any]) -> Any:
        request = provider_pb2.DiffRequest(id="x", urn=urn(kind), olds=struct(state), news=struct(inputs))
        return self.stub.Diff.future(request, timeout=LIMIT_SECONDS)

    def kill(self) -> None:
        """SIGKILL: nothing of it runs any more when this returns."""
        self.process.kill()
        self.process.wait(10)


@contextmanager
def running_plugin(environ: Mapping[str, str], engine: str = NO_ENGINE) -> Iterator[Plugin]:
    """The plugin with these Tailscale variables and no others of that kind."""
    own = {name: value for name, value in os.environ.items() if not name.startswith("TAILSCALE_")}
    with subprocess.Popen([PROGRAM, engine], env={**own, **environ}, stdout=-1, stderr=-1, text=True) as process:
        try:
            assert process.stdout
            with grpc.insecure_channel(f"127.0.0.1:{int(process.stdout.readline())}") as channel:
                yield Plugin(process, provider_pb2_grpc.ResourceProviderStub(channel))
        finally:
            process.kill()


class Engine(engine_pb2_grpc.EngineServicer):
    """The engine's side of the log: what the plugin told it."""

    def __init__(self) -> None:
        self.told: list[engine_pb2.LogRequest] = []

    def Log(self, request: engine_pb2.LogRequest, context: grpc.ServicerContext) -> Any:  # noqa: N802  gRPC's name
        from google.protobuf import empty_pb2

        self.told.append(request)
        return empty_pb2.Empty()


@contextmanager
def running_engine() -> Iterator[tuple[str, Engine]]:
    """The address of an engine's log, and what it was told."""
    with futures.ThreadPoolExecutor(2) as threads:
        engine, server = Engine(), grpc.server(threads)
        engine_pb2_grpc.add_EngineServicer_to_server(engine, server)
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"127.0.0.1:{port}", engine
        finally:
            server.stop(grace=None).wait()


def urn(kind: str) -> str:
    return f"urn:pulumi:dev::p::tailnet:index:{kind}::it"


def struct(values: Mapping[str, Any]) -> struct_pb2.Struct:
    return json_format.ParseDict(dict(values), struct_pb2.Struct())


def plain(message: struct_pb2.Struct) -> dict[str, Any]:
    return json_format.MessageToDict(message)
