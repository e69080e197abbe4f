"""The state survives a restart, is nobody else's to read, and keeps no secret."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from sandbox.tailscale import console
from sandbox.tailscale.policy.refusal import Refusal
from sandbox.tailscale.state import State

from .conftest import NOON, PEOPLE, POLICY, Api


def test_a_restart_finds_everything_as_it_was(tmp_path: Path) -> None:
    file = tmp_path / "world" / "tailnet.json"
    first = State(file, clock=lambda: NOON)
    console.seed(first, POLICY, PEOPLE)
    key = console.new_admin_key(first)
    client_id, secret = console.new_oauth_client(first, ["dns"], [])
    api = Api(first, key)
    token = api.as_("").post("/oauth/token", auth=(client_id, secret)).json()["access_token"]
    auth = api.post("/{t}/keys", json={}).json()["key"]
    node = api.as_("").post("/sandbox/register", json={"authKey": auth, "hostname": "laptop"}).json()
    api.post("/{t}/acl", content=POLICY + "// edited\n")
    api.post("/sandbox/clock", json={"advanceSeconds": 60})

    again = Api(State(file, clock=lambda: NOON), key)
    assert again.get("/{t}/acl").text == POLICY + "// edited\n"
    assert again.get(f"/device/{node['nodeId']}").json()["hostname"] == "laptop"
    assert again.as_(token).get("/{t}/dns/preferences").status_code == 200
    assert again.state.clock.now() == NOON + 60
    assert again.post("/{t}/keys", json={}).json()["id"] not in first.data["keys"]


def test_the_file_is_its_owners_and_holds_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "tailnet.json"
    state = State(file)
    console.seed(state, POLICY, PEOPLE)
    key = console.new_admin_key(state)
    client_id, secret = console.new_oauth_client(state, ["dns"], [])
    token = Api(state).post("/oauth/token", auth=(client_id, secret)).json()["access_token"]
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert [path.name for path in tmp_path.iterdir()] == ["tailnet.json"]
    for hidden in (key, secret, token):
        assert hidden not in file.read_text()


def test_a_tailnet_does_not_begin_with_a_policy_that_the_api_refuses() -> None:
    state = State()
    with pytest.raises(Refusal):
        console.seed(state, '{"grants": [{"src": ["tag:x"], "dst": ["*"], "ip": ["*"]}]}')


def test_the_default_policy_is_one_that_the_api_accepts() -> None:
    state = State()
    api = Api(state, console.new_admin_key(state))
    assert api.post("/{t}/acl", content=state.data["policy"]).status_code == 200
