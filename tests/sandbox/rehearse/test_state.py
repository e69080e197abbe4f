"""What counts as a change of a stack's state."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox.rehearse.state import SECRET, comparable


def exported(time: str = "1", **changes: Any) -> dict[str, Any]:
    row: dict[str, Any] = {
        "urn": "urn:pulumi:acme-prod::support-access::a:b:C::client",
        "id": "k1",
        "outputs": {"key": {SECRET: "x", "plaintext": '"tskey-made-up"'}, "tags": ["tag:a"]},
        "propertyDependencies": {"tags": [], "key": ["urn"]},
        **changes,
    }
    return {"version": 3, "deployment": {"manifest": {"time": time}, "resources": [row], "metadata": {}}}


def test_saving_the_same_state_again_changes_nothing_and_shows_no_secret() -> None:
    before = comparable(exported())
    assert comparable(exported("2", propertyDependencies={"key": ["urn"]})) == before
    assert "tskey" not in before


@pytest.mark.parametrize(
    "change",
    [
        {"id": "k2"},
        {"outputs": {}},
        {"outputs": {"key": {SECRET: "x", "plaintext": '"other"'}, "tags": ["tag:a"]}},
        {"propertyDependencies": {}},
        {"modified": "2026-12-01T15:00:00Z"},
    ],
)
def test_every_other_difference_is_a_change(change: dict[str, Any]) -> None:
    assert comparable(exported(**change)) != comparable(exported())


def test_a_resource_that_is_gone_and_an_operation_that_is_pending_are_changes() -> None:
    before = exported()
    gone, pending = exported(), exported()
    gone["deployment"]["resources"] = None
    pending["deployment"]["pending_operations"] = [{"type": "creating"}]
    assert len({comparable(state) for state in (before, gone, pending)}) == 3
