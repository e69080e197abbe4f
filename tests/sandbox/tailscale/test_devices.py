"""Devices: how they come, what is shown of them, how they go."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from sandbox.tailscale import console

from .conftest import NOON, Api

Register = Callable[..., dict[str, Any]]
Tokens = Callable[..., str]


def names(api: Api, query: str = "") -> list[str]:
    return [device["name"].split(".")[0] for device in api.get(f"/{{t}}/devices{query}").json()["devices"]]


def new_key(api: Api, **create: Any) -> dict[str, Any]:
    return api.post("/{t}/keys", json={"capabilities": {"devices": {"create": create}}}).json()


def join(api: Api, key: str, hostname: str = "node") -> Any:
    return api.as_("").post("/sandbox/register", json={"authKey": key, "hostname": hostname})


def poll(api: Api, node_key: str, online: bool = True) -> Any:
    return api.as_("").post("/sandbox/poll", json={"nodeKey": node_key, "online": online})


def test_a_taken_name_gets_a_number_even_while_its_device_is_offline(api: Api, register: Register) -> None:
    made = [register("acme-prod-kube")["name"].split(".")[0] for _ in range(3)]
    assert made == ["acme-prod-kube", "acme-prod-kube-1", "acme-prod-kube-2"]
    assert {device["hostname"] for device in api.get("/{t}/devices").json()["devices"]} == {"acme-prod-kube"}


def test_a_name_is_free_again_after_its_device_is_deleted(api: Api, register: Register) -> None:
    first = register("kube")
    api.delete(f"/device/{first['nodeId']}")
    assert register("kube")["name"] == first["name"]


def test_a_key_lets_in_once_unless_it_is_reusable(api: Api) -> None:
    single, reusable = new_key(api)["key"], new_key(api, reusable=True)["key"]
    assert [join(api, single).status_code for _ in range(2)] == [200, 400]
    assert [join(api, reusable).status_code for _ in range(2)] == [200, 200]


def test_a_key_that_is_unknown_revoked_or_expired_lets_nobody_in(api: Api) -> None:
    revoked, old = new_key(api), new_key(api)
    api.delete(f"/{{t}}/keys/{revoked['id']}")
    assert join(api, "tskey-auth-x").json()["message"] == "invalid key: API key does not exist"
    assert join(api, revoked["key"]).status_code == 400
    api.state.clock.advance(90 * 24 * 3600)
    assert join(api, old["key"]).json()["message"] == "invalid key: API key expired"
    assert names(Api(api.state, console.new_admin_key(api.state))) == []


def test_the_secret_of_a_client_is_no_auth_key(api: Api) -> None:
    _, secret = console.new_oauth_client(api.state, ["auth_keys"], ["tag:mine"])
    assert join(api, secret).status_code == 400


def test_a_tagged_device_belongs_to_its_tags_and_does_not_expire(api: Api, register: Register) -> None:
    tagged, own = register("a"), register("b", tags=())
    shown = api.get(f"/device/{tagged['nodeId']}").json()
    assert (shown["tags"], shown["keyExpiryDisabled"]) == (["tag:kube-acme-prod"], True)
    shown = api.get(f"/device/{own['nodeId']}").json()
    assert (shown["tags"], shown["keyExpiryDisabled"], shown["user"]) == ([], False, "owner@example.com")


def test_last_seen_is_absent_while_connected(api: Api, register: Register) -> None:
    node = register()
    assert "lastSeen" in api.get(f"/device/{node['nodeId']}").json()
    assert poll(api, node["nodeKey"]).json()["connectedToControl"] is True
    assert "lastSeen" not in api.get(f"/device/{node['nodeId']}").json()
    poll(api, node["nodeKey"], online=False)
    assert api.get(f"/device/{node['nodeId']}").json()["connectedToControl"] is False


def test_a_deleted_device_is_gone_at_once_and_for_its_node_too(api: Api, register: Register) -> None:
    node = register()
    answer = api.delete(f"/device/{node['nodeId']}")
    assert (answer.status_code, answer.content) == (200, b"")
    assert api.delete(f"/device/{node['nodeId']}").status_code == 404
    assert api.get(f"/device/{node['nodeId']}").status_code == 404
    assert poll(api, node["nodeKey"]).status_code == 404


def test_an_expired_device_stays_listed_and_offline(api: Api, register: Register) -> None:
    node = register()
    poll(api, node["nodeKey"])
    assert api.post(f"/device/{node['nodeId']}/expire").status_code == 200
    assert poll(api, node["nodeKey"]).json()["connectedToControl"] is False
    assert names(api) == ["acme-prod-kube"]


def test_a_persons_device_expires_by_itself_and_a_tagged_one_does_not(api: Api, register: Register) -> None:
    tagged, own = register("a"), register("b", tags=())
    api.state.clock.advance(180 * 24 * 3600)
    assert poll(api, tagged["nodeKey"]).json()["connectedToControl"] is True
    assert poll(api, own["nodeKey"]).json()["connectedToControl"] is False


def test_filters_match_exactly_and_all_of_them(api: Api, register: Register) -> None:
    register("one", tags=("tag:kube-acme-prod",))
    register("two", tags=("tag:kube-acme-prod", "tag:k8s-operator-acme"))
    register("three", tags=("tag:k8s-acme",))
    assert names(api, "?tags=tag:kube-acme-prod") == ["one", "two"]
    assert names(api, "?tags=tag:kube-acme-prod&tags=tag:k8s-operator-acme") == ["two"]
    assert names(api, "?tags=tag:kube-acme") == []
    assert names(api, "?hostname=three&isEphemeral=false") == ["three"]
    assert names(api, "?hostname=three&isEphemeral=true") == []
    assert names(api, "?fields=all&os=linux") == ["one", "two", "three"]


def test_a_filter_that_is_no_field_is_refused(api: Api) -> None:
    assert api.get("/{t}/devices?tag=tag:x").status_code == 400
    assert api.get("/{t}/devices?fields=some").status_code == 400


def test_routes_are_shown_only_among_all_fields(api: Api, register: Register) -> None:
    register()
    assert "enabledRoutes" not in api.get("/{t}/devices").json()["devices"][0]
    assert api.get("/{t}/devices?fields=all").json()["devices"][0]["enabledRoutes"] == []


def test_nothing_secret_is_shown(api: Api, register: Register) -> None:
    node = register()
    assert node["nodeKey"] not in api.get("/{t}/devices?fields=all").text


@pytest.mark.parametrize(("tags", "status"), [(["tag:k8s-operator-acme"], 200), (["tag:k8s-acme"], 400), ([], 400)])
def test_setting_tags_keeps_the_tag_rule(
    api: Api, register: Register, client_token: Tokens, tags: list[str], status: int
) -> None:
    node = register()
    deployer = api.as_(client_token("devices:core"))
    assert deployer.post(f"/device/{node['nodeId']}/tags", json={"tags": tags}).status_code == status
    expected = tags if status == 200 else ["tag:kube-acme-prod"]
    assert api.get(f"/device/{node['nodeId']}").json()["tags"] == expected


def test_properties_can_be_set(api: Api, register: Register) -> None:
    path = f"/device/{register()['nodeId']}"
    assert api.post(f"{path}/key", json={"keyExpiryDisabled": False}).status_code == 200
    assert api.post(f"{path}/name", json={"name": "other"}).status_code == 200
    assert api.post(f"{path}/routes", json={"routes": ["10.0.0.0/8"]}).json()["enabledRoutes"] == ["10.0.0.0/8"]
    assert api.post(f"{path}/authorized", json={"authorized": False}).status_code == 200
    shown = api.get(path).json()
    assert (shown["keyExpiryDisabled"], shown["authorized"]) == (False, False)
    assert shown["name"].startswith("other.")
    assert api.post(f"{path}/key", json={}).status_code == 400
    register("taken")
    assert api.post(f"{path}/name", json={"name": "taken"}).status_code == 400
    assert api.post(f"{path}/routes", json={"routes": ["x"]}).status_code == 400


def test_an_attribute_is_there_until_its_expiry(api: Api, register: Register) -> None:
    path = f"/device/{register()['nodeId']}/attributes"
    body = {"value": "breakglass", "expiry": "2026-09-21T15:00:00Z", "comment": "ticket 1"}
    assert NOON < 1_790_002_800 < NOON + 3600  # 15:00 UTC of that day
    assert api.post(f"{path}/custom:access", json=body).status_code == 200
    assert api.post(f"{path}/custom:tier", json={"value": 3, "expiry": "0001-01-01T00:00:00Z"}).status_code == 200
    held = api.get(path).json()
    assert held["attributes"]["custom:access"] == "breakglass"
    assert held["expiries"] == {"custom:access": "2026-09-21T15:00:00Z"}
    api.state.clock.advance(3600)
    assert "custom:access" not in api.get(path).json()["attributes"]
    assert api.get(path).json()["attributes"]["custom:tier"] == 3
    assert api.delete(f"{path}/custom:tier").status_code == 200
    assert api.delete(f"{path}/custom:tier").status_code == 404


@pytest.mark.parametrize(
    ("key", "body"),
    [
        ("node:os", {"value": "x"}),
        ("custom:a-b", {"value": "x"}),
        ("custom:a", {"value": []}),
        ("custom:a", {}),
        ("custom:a", {"value": "x" * 51}),
        ("custom:a", {"value": 1, "expiry": "2020-01-01T00:00:00Z"}),
        ("custom:a", {"value": 1, "expiry": "soon"}),
    ],
)
def test_an_attribute_that_cannot_be_is_refused(api: Api, register: Register, key: str, body: dict[str, Any]) -> None:
    path = f"/device/{register()['nodeId']}/attributes"
    assert api.post(f"{path}/{key}", json=body).status_code == 400


def test_advertised_routes_are_enabled_as_auto_approvers_say(api: Api) -> None:
    policy = api.state.data["policy"].rstrip()[:-1]
    approvers = '"autoApprovers": {"routes": {"10.0.0.0/8": ["tag:k8s-acme"]}, "exitNode": ["tag:cust-acme"]},\n}'
    assert api.post("/{t}/acl", content=policy + approvers).status_code == 200

    def enabled(tag: str) -> list[str]:
        key = new_key(api, tags=[tag])["key"]
        body = {"authKey": key, "hostname": "r", "routes": ["10.1.0.0/16", "192.168.0.0/24", "0.0.0.0/0"]}
        node = api.as_("").post("/sandbox/register", json=body).json()["nodeId"]
        return api.get(f"/device/{node}/routes").json()["enabledRoutes"]

    assert enabled("tag:k8s-acme") == ["10.1.0.0/16"]
    assert enabled("tag:cust-acme") == ["0.0.0.0/0"]
    assert enabled("tag:mine") == []


def test_a_device_that_is_not_approved_is_connected_and_shown_as_not_authorized(api: Api, register: Register) -> None:
    node = register()
    api.post(f"/device/{node['nodeId']}/authorized", json={"authorized": False})
    poll(api, node["nodeKey"])
    (shown,) = api.get("/{t}/devices").json()["devices"]
    assert (shown["connectedToControl"], shown["authorized"]) == (True, False)


def test_what_keeps_others_from_a_device_is_shown_among_the_default_fields(api: Api, register: Register) -> None:
    node = register()
    (fresh,) = api.get("/{t}/devices").json()["devices"]
    assert (fresh["blocksIncomingConnections"], fresh["tailnetLockError"]) == (False, "")
    assert fresh["tailnetLockKey"].startswith("nlpub:"), "every node has one, whether or not the lock is on"
    api.as_("").post(
        "/sandbox/poll", json={"nodeKey": node["nodeKey"], "online": True, "blocksIncomingConnections": True}
    )
    api.state.data["devices"][node["nodeId"]]["tailnetLockError"] = "node key is not signed"
    (blocked,) = api.get("/{t}/devices").json()["devices"]
    assert (blocked["blocksIncomingConnections"], blocked["tailnetLockError"]) == (True, "node key is not signed")
