"""Fixtures of the provider's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.providers.tailnet_api import Api, running_api


@pytest.fixture
def api() -> Iterator[Api]:
    """The sandbox's Tailscale API, with a policy that people wrote."""
    with running_api() as api:
        api.use_oauth_client()
        yield api
