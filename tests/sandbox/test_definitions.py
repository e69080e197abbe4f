"""A definition that is being deleted is waited for, changed so that it is looked at, and told with what holds it."""

from __future__ import annotations

from typing import Any

import pytest

from sandbox import definitions
from sandbox.definitions import wait_until_cleared

NAME = "proxyclasses.tailscale.com"
HELD = {"metadata": {"name": "support-access", "finalizers": ["tailscale.com/finalizer"]}}


def definition(name: str, *, going: bool) -> dict[str, Any]:
    conditions = [{"type": "Terminating", "message": "storage is (re)initializing"}] if going else []
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if going else {}
    return {"metadata": {"name": name, **gone}, "status": {"conditions": conditions}}


class Cluster:
    """A cluster whose definition goes after `looks` questions for definitions."""

    context = "acme-prod"

    def __init__(self, looks: int) -> None:
        self.looks, self.commands = looks, list[tuple[str, ...]]()

    def get(self, kind: str, *words: str) -> list[dict[str, Any]]:
        if kind == NAME:
            return [HELD]
        self.looks -= 1
        return [definition("connectors.tailscale.com", going=False), definition(NAME, going=self.looks >= 0)]

    def kubectl(self, *words: str) -> str:
        self.commands.append(words)
        return ""


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(definitions, "AGAIN", 0.0)


def test_only_what_is_being_deleted_is_changed_until_it_is_gone() -> None:
    cluster = Cluster(looks=4)
    wait_until_cleared(cluster)  # type: ignore[arg-type]
    assert [words[:3] for words in cluster.commands] == [("annotate", "customresourcedefinition", NAME)] * 2


def test_what_never_goes_is_told_with_the_servers_reason_and_the_objects_that_hold_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(definitions, "LONGEST", 0.0)
    with pytest.raises(TimeoutError) as told:
        wait_until_cleared(Cluster(looks=1000))  # type: ignore[arg-type]
    for said in ("acme-prod", NAME, "storage is (re)initializing", "support-access ['tailscale.com/finalizer']"):
        assert said in str(told.value)
