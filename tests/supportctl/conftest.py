"""The sandbox's Tailscale API, and a kill credential of its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.tailnet_api import Api, running_api


@pytest.fixture
def api() -> Iterator[Api]:
    """The API with a policy that people wrote; clients are an administrator's."""
    with running_api() as api:
        yield api
