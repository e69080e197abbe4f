"""Serves the language host: the engine starts it with its own address as the last argument and reads the port from
stdout.

Ends without a word by SIGINT and SIGTERM, and when the engine is gone: the engine holds the other end of standard
input.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import stat
import sys
import threading

import grpc.aio
from pulumi.runtime.proto import language_pb2_grpc

from sandbox.hush import hush
from sandbox.language.host import LanguageHost

MESSAGE_LIMIT = 400 * 1024 * 1024  # bytes; the engine's own
OPTIONS = [("grpc.max_receive_message_length", MESSAGE_LIMIT)]


async def serve(engine: str) -> None:
    server = grpc.aio.server(options=OPTIONS)
    language_pb2_grpc.add_LanguageRuntimeServicer_to_server(LanguageHost(engine), server)
    port = server.add_insecure_port("127.0.0.1:0")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    if stat.S_ISFIFO(os.fstat(sys.stdin.fileno()).st_mode):
        threading.Thread(target=_await_engine, args=(loop, stop), daemon=True).start()
    await server.start()
    print(port, flush=True)
    await stop.wait()
    hush()
    await server.stop(grace=0)  # cancels the requests under way, which ends their children


def _await_engine(loop: asyncio.AbstractEventLoop, stop: asyncio.Event) -> None:
    while os.read(sys.stdin.fileno(), 1024):
        pass
    loop.call_soon_threadsafe(stop.set)


def main() -> None:
    parser = argparse.ArgumentParser(description="Pulumi language host for Python; started by the Pulumi engine.")
    parser.add_argument("engine", help="address of the engine, host:port")
    options, _ = parser.parse_known_args()  # the engine may add flags for logging and tracing
    asyncio.run(serve(options.engine))


if __name__ == "__main__":
    main()
