"""The warning of deployer.py where it is shown: at the preview of identity, where it holds nothing up."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.providers.policies import ACME, names
from tests.providers.tailnet_api import Api, running_api
from tests.providers.test_resources import ACCESS, IDENTITY, Stack

ADMIN = "autogroup:admin"


@pytest.fixture
def person() -> Iterator[Stack]:
    """A stack that runs with an administrator's own key."""
    with running_api() as api:
        stack = Stack(api)
        yield stack
        stack.provider.close()


def owned_by(*owners: str) -> dict[str, Any]:
    sections = IDENTITY["sections"]
    return {**IDENTITY, "sections": {**sections, "tagOwners": {**sections["tagOwners"], ACME.kube_tag: [*owners]}}}


def test_a_preview_of_identity_warns_once_and_up_goes_on(person: Stack) -> None:
    person.up("PolicySlice", IDENTITY, preview=True)
    (warning,) = person.log.warnings
    assert "deployer is tag:support-access-deployer, but TAILSCALE_API_KEY is a person's key" in warning
    assert any(ACME.kube_tag in line for line in person.log.infos), "the preview is told in full"
    person.log.warnings.clear()
    assert person.up("PolicySlice", IDENTITY)["status"] == "written"
    assert person.log.warnings == []


def test_a_preview_of_a_change_warns_too_and_that_of_access_does_not(person: Stack) -> None:
    person.up("PolicySlice", IDENTITY)
    person.up("PolicySlice", ACCESS, preview=True)
    assert person.log.warnings == []
    person.up("PolicySlice", IDENTITY, preview=True)
    assert len(person.log.warnings) == 1


@pytest.mark.parametrize("owners", [[ADMIN], ["tag:support-access-deployer", ADMIN], []])
def test_one_owner_that_fits_is_enough(person: Stack, owners: list[str]) -> None:
    person.up("PolicySlice", owned_by(*owners), preview=True)
    assert person.log.warnings == []


def test_a_credential_that_fits_gives_no_warning(api: Api) -> None:
    stack = Stack(api)
    try:
        stack.up("PolicySlice", IDENTITY, preview=True)
        assert stack.log.warnings == []
        stack.up("PolicySlice", owned_by(ADMIN), preview=True)
        assert "which is no person" in stack.log.warnings[0]
        assert not names(api.text, ACME)
    finally:
        stack.provider.close()
