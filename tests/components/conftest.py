"""Settings of one made-up environment, to be bent by each test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings

LEAST = {
    "customer": "acme",
    "environment": "prod",
    "delivery": "managed",
    "cluster": {"context": "acme-prod"},
    "access": [{"from": "group:highflame-sre", "role": "read-only"}],
}


@pytest.fixture
def environment() -> Callable[..., EnvironmentSettings]:
    """`environment(access=[...])`: the least settings with some keys replaced, spelled as in a stack's file."""

    def build(**bent: Any) -> EnvironmentSettings:
        return EnvironmentSettings.model_validate({**LEAST, **bent})

    return build
