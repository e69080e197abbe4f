"""Serves the provider to the engine over gRPC on loopback.

Owns the process: it prints its port on the first line, as the engine expects, and ends quietly on SIGTERM or SIGINT.
The library's servicer appends a traceback to every error; here an error of ours is shown as it was written.
"""

from __future__ import annotations

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc

from . import engine_process

MESSAGE_BYTES = 1024 * 1024 * 400
"""The largest message that the engine sends: its own limit."""

_OPTIONS = [("grpc.max_receive_message_length", MESSAGE_BYTES), ("grpc.max_send_message_length", MESSAGE_BYTES)]
_METHODS = ("Check", "Diff", "Create", "Read", "Update", "Delete", "Invoke")


def serve(provider: Provider, engine_address: str, version: str, expected: type[Exception]) -> None:
    """Runs until the engine ends the process. Errors of type `expected` reach the user without a traceback."""
    asyncio.run(_serve(provider, engine_address, version, expected))


async def _serve(provider: Provider, engine_address: str, version: str, expected: type[Exception]) -> None:
    server = grpc.aio.server(options=_OPTIONS)
    servicer = ProviderServicer([], version, provider, engine_address=engine_address)
    for method in _METHODS:
        setattr(servicer, method, _plain_errors(getattr(servicer, method), expected))
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stopped = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopped.set)
    await server.start()
    sys.stdout.write(f"{port}\n")
    sys.stdout.flush()
    orphaned = asyncio.create_task(_engine_gone())
    orphaned.add_done_callback(lambda _: stopped.set())
    await stopped.wait()
    engine_process.hush()
    orphaned.cancel()
    await server.stop(grace=None)


async def _engine_gone() -> None:
    """Returns when the engine, our parent, has ended without ending us (it was killed)."""
    while not engine_process.gone():
        await asyncio.sleep(1)


def _plain_errors(method: Callable[..., Awaitable[Any]], expected: type[Exception]) -> Callable[..., Awaitable[Any]]:
    async def handled(request: Any, context: grpc.aio.ServicerContext[Any, Any]) -> Any:
        try:
            return await method(request, context)
        except Exception as error:
            cause = error.__context__ if not isinstance(error, expected) else error
            if isinstance(cause, expected):
                await context.abort(grpc.StatusCode.UNKNOWN, str(cause))
            raise

    return handled
