"""Starts the provider plugin: `python -m providers.tailnet <engine address>`, as the engine does."""

from __future__ import annotations

import os
import sys

from . import engine_process  # noqa: F401 - before anything slow, see there

# isort: split
import grpc
from pulumi.runtime.proto import engine_pb2_grpc

from .log import EngineLog
from .problems import TailnetError
from .provider import VERSION, TailnetProvider
from .server import serve


def main(arguments: list[str]) -> None:
    """Serves until the engine ends the process."""
    addresses = [argument for argument in arguments if not argument.startswith("-")]
    if not addresses:
        sys.exit("usage: pulumi-resource-tailnet ENGINE_ADDRESS (the Pulumi engine starts this program)")
    with grpc.insecure_channel(addresses[0]) as channel:
        engine = engine_pb2_grpc.EngineStub(channel)
        provider = TailnetProvider(os.environ, lambda urn: EngineLog(engine, urn))
        try:
            serve(provider, addresses[0], VERSION, TailnetError)
        finally:
            provider.close()


if __name__ == "__main__":
    main(sys.argv[1:])
