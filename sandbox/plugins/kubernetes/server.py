"""Serving the provider to the engine over gRPC.

Owns what the stand-ins' common server (sandbox.plugins.server) lacks: initialization errors that carry the state to
record, messages in the engine's log, and cancelling what is under way at the end. Everything else is that server's.
Dies by SIGTERM, SIGINT or the end of the engine's process, leaving no temporary file behind.
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import grpc
import grpc.aio
from google.protobuf import any_pb2
from pulumi.provider.experimental import provider as experimental
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import (
    engine_pb2,
    engine_pb2_grpc,
    provider_pb2,
    provider_pb2_grpc,
    status_pb2,
)

from sandbox.hush import hush
from sandbox.plugins import engine_process, server
from sandbox.plugins.kubernetes.errors import InitializationError


class Log(Protocol):
    """Where the provider's messages for the user go."""

    async def warning(self, urn: str, message: str) -> None: ...

    async def info(self, urn: str, message: str) -> None: ...


class EngineLog:
    """A Log that ends up in the output of `pulumi`, beside the resource with that URN."""

    def __init__(self, address: str) -> None:
        """`address` is the engine's host:port, the plugin's first argument."""
        self._address = address
        self._engine: Any = None

    async def warning(self, urn: str, message: str) -> None:
        await self._send(engine_pb2.WARNING, urn, message)

    async def info(self, urn: str, message: str) -> None:
        await self._send(engine_pb2.INFO, urn, message)

    async def _send(self, severity: Any, urn: str, message: str) -> None:
        if self._engine is None:
            self._engine = engine_pb2_grpc.EngineStub(grpc.aio.insecure_channel(self._address))
        await self._engine.Log(engine_pb2.LogRequest(severity=severity, urn=urn, message=message))


def initialization_details(error: InitializationError) -> bytes:
    """The serialized google.rpc.Status from which the engine takes the state of a half-made resource."""
    detail = any_pb2.Any()
    detail.Pack(
        provider_pb2.ErrorResourceInitFailed(
            id=error.resource_id,
            properties=PropertyValue.marshal_map(error.properties),
            reasons=error.reasons,
            inputs=None if error.inputs is None else PropertyValue.marshal_map(error.inputs),
        )
    )
    code = grpc.StatusCode.UNKNOWN.value[0]
    return status_pb2.Status(code=code, message=str(error), details=[detail]).SerializeToString()


class Servicer(server.Servicer):
    """The stand-ins' servicer, and the state to record with every InitializationError."""

    async def Create(self, request: Any, context: Any) -> Any:  # noqa: N802 (gRPC's name)
        return await self._recording(super().Create, request, context)

    async def Read(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._recording(super().Read, request, context)

    async def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._recording(super().Update, request, context)

    async def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return await self._recording(super().Delete, request, context)

    @staticmethod
    async def _recording(method: Callable[..., Awaitable[Any]], request: Any, context: Any) -> Any:
        try:
            return await method(request, context)
        except Exception as error:
            # The SDK raises a bare Exception while it handles the provider's own, which stays its context.
            cause = error.__context__
            if isinstance(cause, InitializationError):
                trailer = (("grpc-status-details-bin", initialization_details(cause)),)
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause), trailer)
            raise


async def serve(provider: experimental.Provider, version: str, engine: str) -> None:
    """Serve until a signal or until the engine is gone; the port is the first line on standard output."""
    listener = grpc.aio.server(options=server.OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(Servicer([], version, provider, engine), listener)
    port = listener.add_insecure_port("127.0.0.1:0")
    await listener.start()
    print(port, flush=True)
    over = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, over.set)
    await engine_process.until_over(over)
    hush()
    await provider.cancel()
    await listener.stop(grace=None)
