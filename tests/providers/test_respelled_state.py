"""A stack that was brought up with a login as somebody typed it takes the spelling that counts in place."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.policies import ACME, grant, value
from tests.providers.tailnet_api import Api
from tests.providers.test_resources import ACCESS, IDENTITY, Stack

TYPED, COUNTS = "Ada@Example.com", "ada@example.com"


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    stack = Stack(api)
    yield stack
    stack.provider.close()


def sections(login: str) -> tuple[dict[str, Any], dict[str, Any]]:
    grants = [grant(ACME, group=login, app={"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": []}}]})]
    return {**IDENTITY, "declared": {"grants": grants}}, {**ACCESS, "sections": {"grants": grants}}


def own_grants(api: Api) -> list[list[str]]:
    return [entry["src"] for entry in value(api.text)["grants"] if entry["dst"] == [ACME.kube_tag]]


def test_the_grant_of_a_person_is_written_anew_and_nothing_is_replaced(api: Api, stack: Stack) -> None:
    for inputs in sections(TYPED):
        stack.up("PolicySlice", inputs)
    assert own_grants(api) == [[TYPED]]
    identity, access = sections(COUNTS)
    assert stack.diff("PolicySlice", identity)  # which asserts that nothing is replaced
    assert stack.diff("PolicySlice", access)
    stack.up("PolicySlice", identity)
    stack.up("PolicySlice", access)
    assert own_grants(api) == [[COUNTS]]
    assert (stack.diff("PolicySlice", identity), stack.diff("PolicySlice", access)) == ({}, {})


def test_the_members_of_a_group_are_written_anew(api: Api, stack: Stack) -> None:
    def shared(login: str) -> dict[str, Any]:
        return {"part": "shared", "sections": {"groups": {"group:mixed": [login, "bob@example.com"]}}}

    stack.up("PolicySlice", shared(TYPED))
    assert stack.diff("PolicySlice", shared(COUNTS))
    stack.up("PolicySlice", shared(COUNTS))
    assert sorted(value(api.text)["groups"]["group:mixed"]) == [COUNTS, "bob@example.com"]
    assert stack.diff("PolicySlice", shared(COUNTS)) == {}
