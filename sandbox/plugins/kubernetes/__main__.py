"""The plugin's executable: `python -m sandbox.plugins.kubernetes ENGINE-ADDRESS`."""

from __future__ import annotations

import argparse
import asyncio

from sandbox.plugins import engine_process  # noqa: F401 - before anything slow, see there

# isort: split
from sandbox.plugins.kubernetes.client_import import import_needed_parts
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.kubernetes.server import EngineLog, serve

VERSION = "4.34.2"


def main() -> None:
    """Serve one engine. Flags that the engine passes to every plugin (logging, tracing) are ignored."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("engine", help="the engine's address, host:port")
    arguments, _ = parser.parse_known_args()
    import_needed_parts()
    provider = KubernetesProvider(EngineLog(arguments.engine))
    try:
        asyncio.run(serve(provider, VERSION, arguments.engine))
    finally:
        provider.close()


if __name__ == "__main__":
    main()
