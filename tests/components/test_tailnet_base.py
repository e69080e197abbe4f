"""What the stack `tailnet` registers."""

from __future__ import annotations

import pytest

from components.settings import TailnetSettings
from components.tailnet_base import TailnetBase, TailnetBaseArgs
from tests.components.registered import Registered, registered


@pytest.fixture
def shared() -> Registered:
    settings = TailnetSettings.model_validate({"groups": {"group:highflame-sre": ["ada@highflame.example"]}})
    return registered(TailnetBase, "tailnet", TailnetBaseArgs(settings=settings))


def test_the_shared_slice_owns_groups_and_the_sentinel_and_nothing_else(shared: Registered) -> None:
    assert shared.rows["tailnet-policy"].inputs["sections"] == {
        "groups": {"group:highflame-sre": ["ada@highflame.example"]},
        "tagOwners": {"tag:support-access-sentinel": []},
    }


def test_the_tailnets_switches_stay_as_they_are_when_the_stack_goes(shared: Registered) -> None:
    """Deleting DnsPreferences turns MagicDNS off, and with it every certificate in use."""
    assert {name for name, row in shared.rows.items() if row.retained} == {"tailnet-dns", "tailnet-settings"}


def test_the_slice_that_may_refuse_goes_first(shared: Registered) -> None:
    assert shared.names(shared.rows["tailnet-policy"].depends_on) == {"tailnet-dns", "tailnet-settings"}
    assert shared.rows["tailnet"].outputs == ["groups", "sentinelTag"]
