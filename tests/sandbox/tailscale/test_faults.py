"""Faults hit what they name, as often as they say, and do what they say."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import uvicorn

from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.state import State

from .conftest import POLICY, Api

HUJSON = {"Content-Type": "application/hujson"}


def switch(api: Api, *faults: dict[str, Any]) -> None:
    assert api.put("/sandbox/faults", json=list(faults)).status_code == 200


def test_a_rate_limit_says_when_to_come_again_and_ends_after_its_count(api: Api) -> None:
    switch(api, {"method": "GET", "path": "/acl$", "kind": "status", "status": 429, "retryAfter": 2, "count": 2})
    answers = [api.get("/{t}/acl") for _ in range(3)]
    assert [answer.status_code for answer in answers] == [429, 429, 200]
    assert answers[0].headers["retry-after"] == "2"
    assert "message" in answers[0].json()


def test_no_fault_blinds_the_observer_and_a_look_is_no_call(api: Api) -> None:
    switch(api, {"path": "", "kind": "status", "status": 500})
    answer = api.get("/sandbox/state")
    assert answer.json()["policy"] == POLICY
    assert api.get("/sandbox/calls").json() == []
    assert "tskey" not in answer.text
    assert api.as_("").get("/sandbox/state").status_code == 401


def test_a_fault_leaves_other_calls_and_methods_alone(api: Api) -> None:
    switch(api, {"method": "POST", "path": "/acl$", "kind": "status", "status": 500})
    assert api.get("/{t}/acl").status_code == 200
    assert api.get("/{t}/devices").status_code == 200
    assert [api.post("/{t}/acl", content=POLICY).status_code for _ in range(3)] == [500, 500, 500]
    switch(api)
    assert api.post("/{t}/acl", content=POLICY).status_code == 200


def test_a_refused_call_did_nothing(api: Api) -> None:
    switch(api, {"method": "POST", "path": "/acl$", "kind": "status", "status": 500})
    api.post("/{t}/acl", content="{}")
    assert api.state.data["policy"] == POLICY


def test_a_stale_etag_makes_the_save_end_in_412_once(api: Api) -> None:
    headers = HUJSON | {"If-Match": api.get("/{t}/acl").headers["etag"]}
    switch(api, {"method": "POST", "path": "/acl$", "kind": "stale-etag", "count": 1})
    assert [api.post("/{t}/acl", content=POLICY, headers=headers).status_code for _ in range(2)] == [412, 200]


def test_latency_delays_and_then_answers(api: Api) -> None:
    switch(api, {"path": "/acl$", "kind": "latency", "seconds": 0.05})
    begin = time.monotonic()
    assert api.get("/{t}/acl").status_code == 200
    assert time.monotonic() - begin >= 0.05


def test_a_probability_hits_some_calls_and_repeatably(api: Api) -> None:
    def run() -> list[int]:
        state = State()
        other = Api(state, console.new_admin_key(state))
        switch(other, {"path": "/acl$", "kind": "status", "status": 503, "probability": 0.5})
        return [other.get("/{t}/acl").status_code for _ in range(30)]

    first = run()
    assert set(first) == {200, 503}
    assert run() == first


@pytest.mark.parametrize(
    "fault", [{"kind": "flood"}, {"kind": "status", "path": "("}, {"kind": "status", "staus": 1}, {}, [], {"kind": 1}]
)
def test_a_fault_that_cannot_work_is_refused(api: Api, fault: Any) -> None:
    assert api.put("/sandbox/faults", json=[fault]).status_code == 400
    assert api.put("/sandbox/faults", json={}).status_code == 400
    assert api.get("/sandbox/faults").json() == []


def test_calls_are_recorded_with_their_status(api: Api) -> None:
    api.delete("/sandbox/calls")
    api.get("/{t}/acl")
    api.as_("").get("/{t}/devices")
    calls = [(call["method"], call["path"], call["status"]) for call in api.get("/sandbox/calls").json()]
    assert calls == [("GET", "/api/v2/tailnet/-/acl", 200), ("GET", "/api/v2/tailnet/-/devices", 401)]


def test_control_calls_need_more_than_a_narrow_token(api: Api, client_token: Any) -> None:
    narrow = api.as_(client_token("dns"))
    assert narrow.get("/sandbox/calls").status_code == 403
    assert narrow.post("/sandbox/clock", json={"advanceSeconds": 1}).status_code == 403


def test_the_clock_goes_forward_only(api: Api) -> None:
    before = api.state.clock.now()
    assert api.post("/sandbox/clock", json={"advanceSeconds": 90}).json() == {"now": before + 90}
    for seconds in (-1, "x", None):
        assert api.post("/sandbox/clock", json={"advanceSeconds": seconds}).status_code == 400


@pytest.fixture
def served(state: State) -> Iterator[str]:
    """The application behind a real socket: only there a connection can break."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(create_app(state), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=10)
        assert not thread.is_alive()


@pytest.mark.parametrize(("when", "carried_out"), [("before", False), ("after", True)])
def test_a_broken_connection_may_hide_that_the_call_was_carried_out(
    api: Api, state: State, served: str, when: str, carried_out: bool
) -> None:
    switch(api, {"method": "POST", "path": "/acl$", "kind": "reset", "when": when, "count": 1})
    edited = POLICY + "// edited\n"
    with httpx.Client(base_url=served, auth=(api.key, "")) as client:
        with pytest.raises(httpx.TransportError):
            client.post("/api/v2/tailnet/-/acl", content=edited)
        assert client.get("/api/v2/tailnet/-/acl").text == (edited if carried_out else POLICY)
