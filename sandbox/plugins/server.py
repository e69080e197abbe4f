"""Serves a provider to the engine, as the SDK's own server does, with three differences that users notice.

The SDK's server adds a Python traceback to every error and names its class; here a Failure reaches the user as its
text alone. An interrupt ends the process without a word. And a diff without details says so: the SDK's claims that it
has them all, and the engine would show that nothing changed. A fault of the stand-in itself keeps its traceback.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
import sys
from typing import Any

import grpc
import grpc.aio
from pulumi.provider.experimental.provider import Provider
from pulumi.provider.experimental.server import ProviderServicer
from pulumi.runtime.proto import provider_pb2_grpc

from sandbox.hush import hush
from sandbox.plugins import engine_process
from sandbox.plugins.kind import Failure

MESSAGE_LIMIT = 400 * 1024 * 1024  # bytes; the engine's own
OPTIONS = [("grpc.max_receive_message_length", MESSAGE_LIMIT)]
OPERATIONS = ("CheckConfig", "Configure", "Invoke", "Check", "Diff", "Create", "Read", "Update", "Delete")


class Servicer(ProviderServicer):
    """The SDK's servicer, telling failures plainly."""


def _plainly(operation: str) -> Any:
    inherited = getattr(ProviderServicer, operation)

    async def answer(self: Servicer, request: Any, context: grpc.aio.ServicerContext) -> Any:
        try:
            response = await inherited(self, request, context)
            if operation == "Diff" and not response.detailedDiff:
                response.hasDetailedDiff = False
            return response
        except Exception as error:
            # The SDK raises a new exception, text and traceback in one, while it handles the provider's own.
            if isinstance(error.__context__, Failure):
                await context.abort(grpc.StatusCode.UNKNOWN, str(error.__context__))
            raise

    return answer


for _operation in OPERATIONS:
    setattr(Servicer, _operation, _plainly(_operation))


def main(provider: Provider, version: str) -> None:
    """Serves until the engine interrupts. The engine's address is the first argument; prints the port, which the
    engine reads.
    """
    parser = argparse.ArgumentParser(description="Pulumi provider plugin; started by the Pulumi engine.")
    parser.add_argument("engine", help="address of the engine, host:port")
    options, _ = parser.parse_known_args()  # the engine may add flags for logging and tracing
    asyncio.run(_serve(Servicer(sys.argv[1:], version, provider, options.engine)))


async def _serve(servicer: Servicer) -> None:
    server = grpc.aio.server(options=OPTIONS)
    provider_pb2_grpc.add_ResourceProviderServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await server.start()
    print(port, flush=True)
    await engine_process.until_over(stop)
    hush()
    await server.stop(grace=0)
