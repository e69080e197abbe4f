"""A slice's delete, as a destroy asks for it: what stops it, and what must not stop that which cuts next."""

from __future__ import annotations

import itertools
from collections.abc import Iterator

import pytest

from providers.tailnet.client import Client
from providers.tailnet.problems import PolicyError, TailnetError
from providers.tailnet.provider import TailnetProvider
from tests.providers.policies import ACME, grant, value
from tests.providers.tailnet_api import Api
from tests.providers.test_resources import ACCESS, IDENTITY, Stack


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    """acme-prod is up."""
    stack = Stack(api)
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    yield stack
    stack.provider.close()


def test_a_document_refused_for_others_reasons_does_not_stop_what_cuts_next(api: Api, stack: Stack) -> None:
    api.state.data["policy"] = api.text.replace('"deny": ["tag:internal:22"]', '"accept": ["tag:internal:22"]')
    stack.destroy("PolicySlice", "access")
    assert "identity will try again" in stack.log.warnings[0]
    with pytest.raises(TailnetError, match="tag:internal:22"):
        stack.destroy("PolicySlice", "identity")


def test_a_document_that_cannot_be_read_does_not_stop_what_cuts_next(api: Api, stack: Stack) -> None:
    api.state.data["policy"] = twice = api.text.replace('"grants": [', '"grants": [],\n  "grants": [')
    stack.destroy("PolicySlice", "access")
    assert "identity will try again" in stack.log.warnings[0]
    assert "stands twice" in stack.log.warnings[0]
    with pytest.raises(PolicyError, match="stands twice"):
        stack.destroy("PolicySlice", "identity")
    assert api.text == twice


def test_others_who_never_stop_writing_do_not_stop_what_cuts_next(api: Api, stack: Stack) -> None:
    stack.provider.close()
    minutes = itertools.count(step=60)
    stack.provider = TailnetProvider(
        api.environ,
        lambda _: stack.log,
        lambda found, sleep: Client(found, sleep=lambda _: None, clock=lambda: float(next(minutes))),
    )
    api.faults({"kind": "stale-etag", "path": "/acl$", "method": "POST"})
    stack.destroy("PolicySlice", "access")
    assert "identity will try again" in stack.log.warnings[0]
    with pytest.raises(TailnetError, match="others changed the policy document"):
        stack.destroy("PolicySlice", "identity")
    assert grant(ACME) in value(api.text)["grants"]


@pytest.mark.parametrize("status", [401, 403])
def test_a_credential_that_may_not_write_the_policy_stops_a_destroy_at_once(
    api: Api, stack: Stack, status: int
) -> None:
    api.faults({"kind": "status", "status": status, "path": "/acl$", "method": "POST"})
    with pytest.raises(TailnetError, match="credential"):
        stack.destroy("PolicySlice", "access")
