"""Providers for tests: any number on any environment, and one for a cluster of the embedded world."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator, Mapping

import pytest

from sandbox.world import World
from tests.sandbox.kubernetes.engine import Engine, Start

CONTEXT = "acme-prod"


@pytest.fixture
def start() -> Iterator[Start]:
    """Starts engines: start(environment, handshake_seconds=..., variable=value...). They end with the test."""
    engines: list[Engine] = []

    def begin(environment: Mapping[str, str], handshake_seconds: float = 10.0, **variables: str) -> Engine:
        engines.append(Engine(environment, variables, handshake_seconds))
        return engines[-1]

    yield begin
    for engine in engines:
        engine.close()


@pytest.fixture
def environment(world: World) -> dict[str, str]:
    """The variables of the embedded world over this process's own."""
    return {**os.environ, **world.env}


@pytest.fixture
def engine(environment: dict[str, str], start: Start) -> Engine:
    """A provider for one cluster of the embedded world."""
    return start(environment, context=CONTEXT)


@pytest.fixture
def namespace(engine: Engine) -> Iterator[str]:
    """A namespace for one test. Not waited for at the end: it terminates while the next test runs."""
    annotations = {"pulumi.com/skipAwait": "true"}
    made = engine.create(
        "kubernetes:core/v1:Namespace",
        "test",
        {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": {"name": f"t-{secrets.token_hex(4)}", "annotations": annotations},
        },
    )
    yield made.id
    engine.delete(made)
