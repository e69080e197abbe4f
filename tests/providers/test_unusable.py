"""An operator that is connected and that nobody can reach is reported as unusable, with the fix, and lets nobody in."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

from providers.tailnet.document import write
from providers.tailnet.problems import TailnetError
from providers.tailnet.slice import applied
from providers.tailnet.usability import obstacles
from tests.providers.policies import ACME, grant, identity
from tests.providers.tailnet_api import Api
from tests.providers.test_resources import ACCESS, ENROLLMENT, Stack

NOW = datetime(2026, 12, 1, tzinfo=UTC).timestamp()
WAITING = {**ENROLLMENT, "wait": True, "timeoutSeconds": 1}
AVAILABLE = {**ENROLLMENT, "apiTag": ACME.api_tag}

Device = dict[str, Any]
OBSTACLES: dict[str, Callable[[Device], object]] = {
    "not approved": lambda device: device.update(authorized=False),
    "tailnet lock": lambda device: device.update(tailnetLockError="node key is not signed"),
    "expired": lambda device: device.update(expiresAt=1_700_000_000, keyExpiryDisabled=False),
    "blocks incoming": lambda device: device.update(blocksIncomingConnections=True),
}
FIXES = {
    "not approved": ['"authorized": true', "admin console"],
    "tailnet lock": ["tailscale lock sign nodekey:", " nlpub:", "node key is not signed"],
    "expired": ['"keyExpiryDisabled": true', "2023-11-14T22:13:20Z"],
    "blocks incoming": ["--shields-up=false"],
}


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    wanted = identity(ACME)
    wanted.sections["tagOwners"][ACME.api_tag] = [ACME.kube_tag]
    write(api.client(), lambda text, _: applied(text, wanted))
    stack = Stack(api)
    yield stack
    stack.provider.close()


def operator(api: Api, hostname: str = "acme-prod-kube") -> Device:
    node = api.register(hostname, [ACME.operator_tag, ACME.kube_tag])
    return api.state.data["devices"][node["nodeId"]]


def proxy(api: Api, number: int) -> Device:
    node = api.register(f"acme-prod-api-proxy-{number}", [ACME.api_tag])
    return api.state.data["devices"][node["nodeId"]]


@pytest.mark.parametrize("kind", OBSTACLES)
def test_an_operator_that_nobody_can_reach_is_unusable_and_the_fix_is_reported(
    api: Api, stack: Stack, kind: str
) -> None:
    OBSTACLES[kind](operator(api))
    state = stack.up("Enrollment", ENROLLMENT)
    assert state["status"] == "unusable"
    assert "onlineSince" not in state
    for text in FIXES[kind]:
        assert text in state["reason"]
        assert text in "".join(stack.log.warnings)


@pytest.mark.parametrize("kind", OBSTACLES)
def test_an_update_that_waits_fails_with_the_fix(api: Api, stack: Stack, kind: str) -> None:
    OBSTACLES[kind](operator(api))
    with pytest.raises(TailnetError) as raised:
        stack.up("Enrollment", WAITING)
    for text in FIXES[kind]:
        assert text in str(raised.value)
    assert "is not online" not in str(raised.value)


def test_an_update_that_waits_goes_on_when_the_operator_is_approved(
    api: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch
) -> None:
    device = operator(api)
    device["authorized"] = False
    monkeypatch.setattr(stack.provider, "_sleep", lambda _: device.update(authorized=True))
    assert stack.up("Enrollment", {**WAITING, "timeoutSeconds": 600})["status"] == "online"


@pytest.mark.parametrize("inputs", [ENROLLMENT, WAITING], ids=["handoff", "managed"])
def test_an_operator_that_becomes_unusable_is_reported_once_and_recovers_without_a_wait(
    api: Api, stack: Stack, inputs: dict[str, Any]
) -> None:
    device = operator(api)
    online = stack.up("Enrollment", inputs)
    device["authorized"] = False
    assert stack.diff("Enrollment", inputs) == {"status": "update"}
    broken = stack.up("Enrollment", inputs)
    assert (broken["status"], broken["onlineSince"]) == ("unusable", online["onlineSince"])
    stack.log.warnings.clear()
    assert stack.diff("Enrollment", inputs) == {}, "the next update changes nothing"
    assert "is not approved" in stack.log.warnings[0], "and warns again"
    device["authorized"] = True
    assert stack.diff("Enrollment", inputs) == {"status": "update"}
    assert stack.up("Enrollment", inputs) == online
    assert stack.diff("Enrollment", inputs) == {}


def test_a_refresh_shows_what_became_of_the_operator_and_keeps_when_it_was_first_online(api: Api, stack: Stack) -> None:
    device = operator(api)
    online = stack.up("Enrollment", WAITING)
    device["blocksIncomingConnections"] = True
    stack.refresh("Enrollment")
    broken = stack.state["Enrollment"]
    assert (broken["status"], broken["onlineSince"]) == ("unusable", online["onlineSince"])
    assert stack.diff("Enrollment", WAITING) == {}
    device["blocksIncomingConnections"] = False
    stack.refresh("Enrollment")
    assert stack.state["Enrollment"] == online


def test_grants_that_are_written_stay_while_the_operator_is_unusable_and_no_new_one_is_added(
    api: Api, stack: Stack
) -> None:
    stack.up("PolicySlice", ACCESS)
    before = api.text
    wider = {**ACCESS, "sections": {"grants": [grant(ACME), grant(ACME, group="group:other")]}, "active": False}
    assert stack.up("PolicySlice", {**ACCESS, "active": False})["status"] == "written"
    assert stack.diff("PolicySlice", {**ACCESS, "active": False}) == {}, "the next update changes nothing"
    assert stack.up("PolicySlice", wider)["status"] == "waiting"
    assert api.text == before


def test_another_obstacle_than_before_is_a_change(api: Api, stack: Stack) -> None:
    device = operator(api)
    device["authorized"] = False
    stack.up("Enrollment", ENROLLMENT)
    device.update(authorized=True, blocksIncomingConnections=True)
    assert stack.diff("Enrollment", ENROLLMENT) == {"status": "update"}
    assert "--shields-up=false" in stack.up("Enrollment", ENROLLMENT)["reason"]


def test_a_usable_device_counts_before_an_unusable_one(api: Api, stack: Stack) -> None:
    operator(api)["authorized"] = False
    operator(api)
    state = stack.up("Enrollment", ENROLLMENT)
    assert (state["status"], state["deviceName"].partition(".")[0]) == ("online", "acme-prod-kube-1")


def test_an_operator_that_is_offline_because_its_key_expired_is_unusable(api: Api, stack: Stack) -> None:
    OBSTACLES["expired"](device := operator(api))
    device["online"] = False
    assert stack.up("Enrollment", ENROLLMENT)["status"] == "unusable"


def test_an_old_device_with_an_obstacle_does_not_stand_for_an_operator_that_restarts(api: Api, stack: Stack) -> None:
    """To wait for the old one would fail the update of an operator that was online."""
    old, device = operator(api, "acme-prod-kube-1"), operator(api)
    old["online"] = False
    OBSTACLES["expired"](old)
    assert stack.up("Enrollment", WAITING)["status"] == "online"
    device["online"] = False
    assert stack.diff("Enrollment", WAITING) == {}
    assert "acme-prod-kube was online and is not" in stack.log.warnings[-1]


@pytest.mark.parametrize("kind", OBSTACLES)
def test_api_proxies_that_nobody_can_reach_let_nobody_in(api: Api, stack: Stack, kind: str) -> None:
    operator(api)
    OBSTACLES[kind](proxy(api, 0))
    state = stack.up("Enrollment", AVAILABLE)
    assert state["status"] == "unusable"
    assert "acme-prod-api-proxy-0" in state["reason"]
    assert FIXES[kind][0] in state["reason"]


def test_one_usable_api_proxy_is_enough_and_the_other_is_warned_of(api: Api, stack: Stack) -> None:
    operator(api)
    proxy(api, 0)["authorized"] = False
    proxy(api, 1)
    assert stack.up("Enrollment", AVAILABLE)["status"] == "online"
    (warning,) = stack.log.warnings
    assert "acme-prod-api-proxy-0" in warning
    assert "is not approved" in warning


def test_a_state_of_before_needs_no_update_while_its_operator_is_usable(api: Api, stack: Stack) -> None:
    operator(api)
    stack.up("Enrollment", WAITING)
    assert "reason" not in stack.state["Enrollment"]
    assert stack.diff("Enrollment", WAITING) == {}


@pytest.mark.parametrize(
    "device",
    [
        {},
        {"authorized": True, "tailnetLockError": "", "tailnetLockKey": "nlpub:1", "blocksIncomingConnections": False},
        {"expires": "2026-12-02T00:00:00Z", "keyExpiryDisabled": False},
        {"expires": "2020-01-01T00:00:00Z", "keyExpiryDisabled": True},
        {"expires": "0001-01-01T00:00:00Z", "keyExpiryDisabled": False},
        {"expires": "soon", "keyExpiryDisabled": False},
        {"authorized": None, "expires": None, "tailnetLockError": None, "blocksIncomingConnections": None},
    ],
)
def test_what_is_no_obstacle_is_none(device: Device) -> None:
    assert obstacles(device, NOW) == ()


def test_every_obstacle_is_reported() -> None:
    device = {
        "nodeId": "n1CNTRL",
        "authorized": False,
        "tailnetLockError": "x",
        "expires": "2026-11-30T00:00:00Z",
        "blocksIncomingConnections": True,
    }
    assert len(obstacles(device, NOW)) == len(OBSTACLES)
