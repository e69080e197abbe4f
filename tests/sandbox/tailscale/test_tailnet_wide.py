"""Services, settings, DNS, log streams, the audit log, people."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from .conftest import Api

Tokens = Callable[..., str]
SERVICE = {"name": "svc:acme-prod", "tags": ["tag:k8s-acme"], "ports": ["tcp:443"], "annotations": {"owner": "me"}}


@pytest.mark.parametrize("base", ["vip-services", "services"])
def test_a_service_is_made_changed_and_deleted(api: Api, base: str) -> None:
    path = f"/{{t}}/{base}/svc:acme-prod"
    assert api.get(path).status_code == 404
    made = api.put(path, json=SERVICE).json()
    assert len(made["addrs"]) == 2
    changed = api.put(path, json=SERVICE | {"ports": ["tcp:80", "tcp:443"]}).json()
    assert (changed["addrs"], changed["ports"]) == (made["addrs"], ["tcp:80", "tcp:443"])
    assert api.get(f"/{{t}}/{base}").json() == {"vipServices": [changed]}
    assert [api.delete(path).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize(
    ("name", "fields"),
    [
        ("acme", {"name": "acme"}),
        ("svc:Acme", {"name": "svc:Acme"}),
        ("svc:other", {}),
        ("svc:acme-prod", {"ports": ["443"]}),
        ("svc:acme-prod", {"tags": ["tag:unknown"]}),
    ],
)
def test_a_service_that_cannot_be_is_refused(api: Api, name: str, fields: dict[str, Any]) -> None:
    assert api.put(f"/{{t}}/vip-services/{name}", json=SERVICE | fields).status_code == 400
    assert api.get("/{t}/vip-services").json() == {"vipServices": []}


def test_a_service_keeps_the_tag_rule(api: Api, client_token: Tokens) -> None:
    operator = api.as_(client_token("services", tags=("tag:k8s-operator-acme",)))
    assert operator.put("/{t}/vip-services/svc:acme-prod", json=SERVICE).status_code == 200
    foreign = SERVICE | {"tags": ["tag:kube-acme-prod"]}
    assert operator.put("/{t}/vip-services/svc:acme-prod", json=foreign).status_code == 400


def test_settings_are_read_and_written_by_scope(api: Api, client_token: Tokens) -> None:
    assert api.get("/{t}/settings").json()["httpsEnabled"] is False
    networking = api.as_(client_token("networking_settings"))
    assert networking.call("PATCH", "/{t}/settings", json={"httpsEnabled": True}).status_code == 200
    assert networking.get("/{t}/settings").json() == {"httpsEnabled": True, "regionalRoutingOn": False}
    assert networking.call("PATCH", "/{t}/settings", json={"devicesApprovalOn": True}).status_code == 403
    assert api.as_(client_token("dns")).get("/{t}/settings").status_code == 403


def test_a_patch_is_done_whole_or_not_at_all_and_null_leaves_alone(api: Api) -> None:
    for body in ({"httpsEnabled": True, "nothing": 1}, {"httpsEnabled": True, "devicesKeyDurationDays": "90"}):
        assert api.call("PATCH", "/{t}/settings", json=body).status_code == 400
    assert api.get("/{t}/settings").json()["httpsEnabled"] is False
    answer = api.call("PATCH", "/{t}/settings", json={"aclsExternalLink": None, "devicesKeyDurationDays": 90})
    assert (answer.status_code, answer.json()["devicesKeyDurationDays"]) == (200, 90)


def test_dns_is_set_and_read_back(api: Api) -> None:
    assert api.get("/{t}/dns/preferences").json() == {"magicDNS": True}
    api.post("/{t}/dns/preferences", json={"magicDNS": False})
    assert api.get("/{t}/dns/preferences").json() == {"magicDNS": False}
    api.post("/{t}/dns/nameservers", json={"dns": ["8.8.8.8"]})
    assert api.get("/{t}/dns/nameservers").json() == {"dns": ["8.8.8.8"]}
    api.post("/{t}/dns/searchpaths", json={"searchPaths": ["a.example"]})
    assert api.get("/{t}/dns/searchpaths").json() == {"searchPaths": ["a.example"]}
    assert api.post("/{t}/dns/nameservers", json={"dns": ["x"]}).status_code == 400
    assert api.post("/{t}/dns/preferences", json={"magicDNS": "yes"}).status_code == 400


def test_a_log_stream_is_shown_without_its_secrets(api: Api) -> None:
    path = "/{t}/logging/configuration/stream"
    assert api.get(path).status_code == 404
    stream = {"destinationType": "splunk", "url": "https://logs.example", "user": "u", "token": "hush"}
    assert api.put(path, json=stream).status_code == 200
    shown = api.get(path).json()
    assert (shown["logType"], shown["url"]) == ("configuration", "https://logs.example")
    assert "hush" not in str(shown)
    assert api.put(path, json={"destinationType": "paper"}).status_code == 400
    assert api.get("/{t}/logging/other/stream").status_code == 404
    assert [api.delete(path).status_code for _ in range(2)] == [200, 404]


def test_the_audit_log_traces_a_device_to_its_credential(api: Api, register: Callable[..., dict[str, Any]]) -> None:
    node = register()
    log = "/{t}/logging/configuration?start=2026-01-01T00:00:00Z&end=2027-01-01T00:00:00Z"
    events = api.get(log).json()["logs"]
    joined = next(event for event in events if event["target"] == {"type": "NODE", "id": node["nodeId"]})
    made = next(event for event in events if event["target"]["id"] == joined["actor"]["id"])
    assert (made["action"], made["target"]["type"]) == ("CREATE", "API_KEY")
    assert api.get(log.replace("end=2027", "end=2026")).json()["logs"] == []
    assert api.get("/{t}/logging/configuration").status_code == 400


def test_people_are_listed_with_their_roles(api: Api) -> None:
    users = {user["loginName"]: user["role"] for user in api.get("/{t}/users").json()["users"]}
    assert users["owner@example.com"] == "owner"
    assert users["alice@example.com"] == "member"


@pytest.mark.parametrize(
    ("fields", "missing"),
    [
        ({"destinationType": "splunk", "url": "https://logs.example"}, "token"),
        ({"destinationType": "s3", "s3Bucket": "b", "s3Region": "r"}, "s3AuthenticationType"),
        ({"destinationType": "s3", "s3Bucket": "b", "s3Region": "r", "s3AuthenticationType": "rolearn"}, "s3RoleArn"),
        ({"destinationType": "gcs", "gcsBucket": "b"}, "gcsCredentials"),
    ],
)
def test_a_log_stream_without_what_its_destination_needs_is_refused(
    api: Api, fields: dict[str, str], missing: str
) -> None:
    answer = api.put("/{t}/logging/network/stream", json=fields)
    assert (answer.status_code, missing in answer.json()["message"]) == (400, True)
    assert api.get("/{t}/logging/network/stream").status_code == 404


def test_a_role_is_taken_on_only_with_an_external_id_of_this_tailnet(api: Api) -> None:
    made = api.post("/{t}/aws-external-id", json={"reusable": False}).json()
    role = {"s3AuthenticationType": "rolearn", "s3RoleArn": "arn:aws:iam::123456789012:role/x"}
    stream = {"destinationType": "s3", "s3Bucket": "b", "s3Region": "r", **role}
    path = "/{t}/logging/network/stream"
    assert api.put(path, json=stream | {"s3ExternalId": "of-somebody-else"}).status_code == 400
    assert api.put(path, json=stream | {"s3ExternalId": made["externalId"], "user": "user"}).status_code == 400
    assert api.put(path, json=stream | {"s3ExternalId": made["externalId"]}).status_code == 200
    again = [api.post("/{t}/aws-external-id", json={"reusable": reuse}).json() for reuse in (True, False)]
    assert [other == made for other in again] == [True, False]


def test_a_webhook_tells_its_secret_once_and_changes_only_its_events(api: Api, client_token: Tokens) -> None:
    made = api.post("/{t}/webhooks", json={"endpointUrl": "https://h.example", "subscriptions": ["nodeCreated"]}).json()
    path = f"/webhooks/{made['endpointId']}"
    assert made.pop("secret")
    assert api.get(path).json() == made
    changed = api.call("PATCH", path, json={"subscriptions": ["policyUpdate"], "endpointUrl": "https://x.example"})
    assert changed.json()["subscriptions"] == ["policyUpdate"]
    assert changed.json()["endpointUrl"] == "https://h.example"
    assert api.get("/{t}/webhooks").json() == {"webhooks": [changed.json()]}
    assert api.as_(client_token("dns")).delete(path).status_code == 403
    assert [api.delete(path).status_code for _ in range(2)] == [200, 404]


@pytest.mark.parametrize(
    "fields", [{"subscriptions": []}, {"endpointUrl": ""}, {"endpointUrl": "nowhere"}, {"providerType": "pigeon"}]
)
def test_a_webhook_that_cannot_be_is_refused(api: Api, fields: dict[str, Any]) -> None:
    right = {"endpointUrl": "https://h.example", "subscriptions": ["nodeCreated"]}
    assert api.post("/{t}/webhooks", json=right | fields).status_code == 400
    assert api.get("/{t}/webhooks").json() == {"webhooks": []}
