"""What a resource says reaches the engine, and no message fails what it speaks of."""

from __future__ import annotations

from typing import Any

import grpc
from pulumi.runtime.proto import engine_pb2

from providers.tailnet.log import EngineLog


class Engine:
    """An engine that keeps what it is told, or is gone."""

    def __init__(self, *, gone: bool = False) -> None:
        self.gone = gone
        self.told: list[engine_pb2.LogRequest] = []

    def Log(self, request: engine_pb2.LogRequest, timeout: float) -> None:  # noqa: N802  the engine's own name
        assert timeout > 0
        if self.gone:
            raise grpc.RpcError
        self.told.append(request)


def log_of(engine: Any) -> EngineLog:
    return EngineLog(engine, "urn:x")


def test_what_is_said_stands_beside_its_resource() -> None:
    engine = Engine()
    log_of(engine).warning("a")
    log_of(engine).progress("b")
    assert [(row.message, row.urn, row.ephemeral) for row in engine.told] == [
        ("a", "urn:x", False),
        ("b", "urn:x", True),
    ]


def test_an_engine_that_is_gone_fails_nothing() -> None:
    log_of(Engine(gone=True)).info("a")


def test_text_of_the_policy_that_no_message_can_carry_fails_nothing() -> None:
    """A capability of somebody's holds "\\ud800", and the change that takes it away is told."""
    engine = Engine()
    log_of(engine).info('- grants: {"n": "\ud800"}')
    assert engine.told[0].message == '- grants: {"n": "?"}'
