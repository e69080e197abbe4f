"""Messages to the reader of `pulumi up`, through the engine, beside the resource that they concern."""

from __future__ import annotations

from typing import Protocol

import grpc
from pulumi.runtime.proto import engine_pb2, engine_pb2_grpc


class Log(Protocol):
    """What a resource says while it works."""

    def info(self, message: str) -> None: ...

    def progress(self, message: str) -> None:
        """A line that is shown while the resource works and not kept."""
        ...

    def warning(self, message: str) -> None: ...


class EngineLog:
    """A Log of one resource. A message that cannot be delivered is dropped: it must not fail the operation."""

    def __init__(self, engine: engine_pb2_grpc.EngineStub, urn: str) -> None:
        self._engine = engine
        self._urn = urn

    def info(self, message: str) -> None:
        self._send(engine_pb2.INFO, message)

    def progress(self, message: str) -> None:
        self._send(engine_pb2.INFO, message, ephemeral=True)

    def warning(self, message: str) -> None:
        self._send(engine_pb2.WARNING, message)

    def _send(self, severity: engine_pb2.LogSeverity.ValueType, message: str, *, ephemeral: bool = False) -> None:
        # Half of a surrogate pair, which JSON can spell and UTF-8 cannot.
        message = message.encode("utf-8", "replace").decode("utf-8")
        request = engine_pb2.LogRequest(severity=severity, message=message, urn=self._urn, ephemeral=ephemeral)
        try:
            self._engine.Log(request, timeout=5)
        except grpc.RpcError:
            return
