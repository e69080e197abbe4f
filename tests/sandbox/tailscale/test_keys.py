"""Keys: who may make which, with which tags; what is shown of them; how they end."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from .conftest import DEPLOYER, Api

Tokens = Callable[..., str]


def auth_key(api: Api, tags: list[str], **more: Any) -> httpx.Response:
    create = {"tags": tags, "preauthorized": True}
    return api.post("/{t}/keys", json={"capabilities": {"devices": {"create": create}}} | more)


def oauth_client(api: Api, **fields: Any) -> httpx.Response:
    body = {"keyType": "client", "scopes": ["auth_keys"], "tags": ["tag:kube-acme-prod"], "description": "acme"}
    return api.post("/{t}/keys", json=body | fields)


@pytest.mark.parametrize(
    ("held", "asked", "permitted"),
    [
        (("tag:k8s-operator-acme",), ["tag:k8s-operator-acme"], True),
        (("tag:k8s-operator-acme",), ["tag:k8s-acme"], True),
        (("tag:k8s-operator-acme",), ["tag:k8s-acme", "tag:cust-acme"], True),
        (("tag:k8s-operator-acme", "tag:kube-acme-prod"), ["tag:kube-acme-prod", "tag:k8s-operator-acme"], True),
        (("tag:k8s-operator-acme", "tag:kube-acme-prod"), ["tag:k8s-acme", "tag:svc-acme-prod-ui"], True),
        # A part of its own tags, or its own and owned ones mixed, is neither the full set nor owned.
        (("tag:k8s-operator-acme", "tag:kube-acme-prod"), ["tag:kube-acme-prod"], False),
        (("tag:k8s-operator-acme",), ["tag:k8s-operator-acme", "tag:k8s-acme"], False),
        (("tag:k8s-operator-acme",), ["tag:kube-acme-prod"], False),
        # Ownership is not passed on: the deployer owns the operator's tag, not the proxies'.
        ((DEPLOYER,), ["tag:k8s-acme"], False),
        ((DEPLOYER,), ["tag:unknown"], False),
        ((DEPLOYER,), [], False),
    ],
)
def test_a_client_tags_with_its_full_set_or_with_what_its_tags_own(
    api: Api, client_token: Tokens, held: tuple[str, ...], asked: list[str], permitted: bool
) -> None:
    answer = auth_key(api.as_(client_token("auth_keys", tags=held)), asked)
    if permitted:
        assert answer.status_code == 200
        assert answer.json()["capabilities"]["devices"]["create"]["tags"] == asked
    else:
        assert answer.status_code == 400
        assert answer.json()["message"] == f"requested tags [{' '.join(asked)}] are invalid or not permitted"


def test_the_owner_assigns_any_declared_tag_and_no_other(api: Api) -> None:
    assert auth_key(api, ["tag:k8s-acme", "tag:mine"]).status_code == 200
    assert auth_key(api, []).status_code == 200
    assert auth_key(api, ["tag:unknown"]).status_code == 400


def test_a_client_needs_tags_that_exist(api: Api) -> None:
    assert oauth_client(api).status_code == 200
    answer = oauth_client(api, tags=["tag:unknown"])
    assert answer.json() == {"message": "requested tags [tag:unknown] are invalid or not permitted"}


@pytest.mark.parametrize(
    ("scopes", "tags", "status"),
    [
        (["auth_keys"], [], 400),
        (["devices:core"], [], 400),
        (["devices:core:read", "dns"], [], 200),
        (["policy_file"], ["tag:deployer"], 400),
        (["policy_file", "devices:core:read", "devices:posture_attributes"], [], 200),
        (["policy_file:read"], [], 200),
        (["everything"], [], 400),
        ([], [], 400),
    ],
)
def test_scopes_bring_their_conditions(api: Api, scopes: list[str], tags: list[str], status: int) -> None:
    assert oauth_client(api, scopes=scopes, tags=tags).status_code == status


@pytest.mark.parametrize(
    ("description", "status"),
    [("acme prod-1", 200), ("", 200), ("x" * 50, 200), ("x" * 51, 400), ("acme_prod", 400), ("acme: prod", 400)],
)
def test_a_description_is_fifty_letters_digits_hyphens_and_spaces(api: Api, description: str, status: int) -> None:
    assert oauth_client(api, description=description).status_code == status
    assert auth_key(api, [], description=description).status_code == status


def test_a_client_passes_on_only_what_it_holds(api: Api, client_token: Tokens) -> None:
    deployer = api.as_(client_token("oauth_keys", "auth_keys"))
    assert oauth_client(deployer, tags=["tag:k8s-operator-acme", "tag:kube-acme-prod"]).status_code == 200
    assert oauth_client(deployer, tags=["tag:k8s-acme"]).status_code == 400
    beyond = oauth_client(deployer, scopes=["auth_keys", "services"])
    assert beyond.status_code == 403
    assert "services" in beyond.json()["message"]


def test_a_secret_is_shown_once(api: Api) -> None:
    for made in (auth_key(api, []).json(), oauth_client(api).json()):
        assert made["key"].startswith(f"tskey-{made['keyType']}-{made['id']}-")
        again = api.get(f"/{{t}}/keys/{made['id']}")
        assert "key" not in again.json()
        assert made["key"] not in api.get("/{t}/keys?all=true").text


def test_put_changes_a_client_in_place(api: Api) -> None:
    made = oauth_client(api).json()
    body = {"keyType": "client", "scopes": ["services"], "tags": ["tag:k8s-acme"], "description": "new"}
    changed = api.put(f"/{{t}}/keys/{made['id']}", json=body)
    assert changed.status_code == 200
    assert "key" not in changed.json()
    assert api.get(f"/{{t}}/keys/{made['id']}").json()["scopes"] == ["services"]
    assert api.as_("").post("/oauth/token", auth=(made["id"], made["key"])).json()["tags"] == "tag:k8s-acme"


def test_put_keeps_the_rules_of_post(api: Api) -> None:
    made = oauth_client(api).json()
    for body in (
        {"scopes": ["auth_keys"], "tags": []},
        {"scopes": ["dns"], "tags": ["tag:unknown"]},
        {"keyType": "federated", "scopes": ["dns"]},
    ):
        assert api.put(f"/{{t}}/keys/{made['id']}", json=body).status_code == 400
    auth = auth_key(api, []).json()
    assert api.put(f"/{{t}}/keys/{auth['id']}", json={"scopes": ["dns"]}).status_code == 400
    assert api.get(f"/{{t}}/keys/{made['id']}").json()["scopes"] == ["auth_keys"]


def test_a_revoked_key_is_invalid_and_off_the_list(api: Api) -> None:
    made = oauth_client(api).json()
    assert api.delete(f"/{{t}}/keys/{made['id']}").status_code == 200
    got = api.get(f"/{{t}}/keys/{made['id']}")
    assert (got.status_code, got.json()["invalid"]) == (200, True)
    assert made["id"] not in [key["id"] for key in api.get("/{t}/keys?all=true").json()["keys"]]
    assert api.delete(f"/{{t}}/keys/{made['id']}").status_code == 404
    assert api.get("/{t}/keys/k999999CNTRL").status_code == 404


def test_the_list_holds_the_kinds_that_the_scopes_read_and_all_only_on_request(api: Api, client_token: Tokens) -> None:
    auth, client = auth_key(api, []).json()["id"], oauth_client(api).json()["id"]

    def listed(caller: Api, query: str = "?all=true") -> set[str]:
        return {key["id"] for key in caller.get(f"/{{t}}/keys{query}").json()["keys"]}

    reader = api.as_(client_token("oauth_keys:read"))
    assert client in listed(reader)
    assert auth not in listed(reader)
    assert {auth, client} <= listed(api)
    assert listed(reader, "") == set()
    assert auth in listed(api, "")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({}, 200),
        ({"issuer": "http://issuer.example.com"}, 400),
        ({"issuer": ""}, 400),
        ({"subject": ""}, 400),
        ({"customClaimRules": {"repository": "x"}}, 200),
        ({"customClaimRules": {"sub": "x"}}, 400),
    ],
)
def test_a_federated_identity_has_claims_instead_of_a_secret(api: Api, fields: dict[str, Any], status: int) -> None:
    body = {
        "keyType": "federated",
        "scopes": ["auth_keys"],
        "tags": ["tag:kube-acme-prod"],
        "issuer": "https://issuer.example.com/id",
        "subject": "system:serviceaccount:tailscale:operator",
    }
    answer = api.post("/{t}/keys", json=body | fields)
    assert answer.status_code == status
    if status == 200:
        assert answer.json()["audience"]
        assert "key" not in answer.json()


@pytest.mark.parametrize("life", [-1, 90 * 24 * 3600 + 1, "day"])
def test_an_auth_key_lives_ninety_days_at_most(api: Api, life: object) -> None:
    assert auth_key(api, [], expirySeconds=life).status_code == 400
    assert auth_key(api, []).json()["expirySeconds"] == 90 * 24 * 3600
