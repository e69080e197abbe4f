"""Keys of a tailnet as resources: OAuth clients, federated identities and auth keys, which the API serves as one
kind of object.

Written after terraform-provider-tailscale: only a 404 means gone (a client revoked in the console looks alive to a
refresh), clients change in place by PUT, auth keys never do, and rules about descriptions and tags are the
server's, except the length.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

import httpx

from sandbox.plugins.kind import Failure, Input, InvalidInput, Kind
from sandbox.plugins.tailscale_api import Api, ApiError, seconds
from sandbox.plugins.values import UNKNOWN, Properties

DESCRIPTION_LIMIT = 50  # characters
RESERVED_CLAIMS = {"sub", "iss", "aud"}
STAMPS = frozenset({"createdAt", "updatedAt", "userId"})


class TrustCredential(Kind):
    """What OAuth clients and federated identities have in common. Dies by DELETE; what registered with it stays
    registered.
    """

    key_type: str
    noun: str
    body: tuple[str, ...]  # inputs that are sent as they are

    def __init__(self, api: Api) -> None:
        self.api = api

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        check_description(inputs)
        return inputs

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        sent = {"keyType": self.key_type} | self._body(inputs)
        key = (await self.api.call(f"Failed to create {self.noun}", "POST", "keys", sent)).json()
        return key["id"], self._state(key) | inputs

    async def read(self, identity: str, state: Properties) -> Properties | None:
        key = await _get(self.api, f"Failed to fetch {self.noun}", identity)
        return None if key is None else {n: v for n, v in state.items() if n in self.secrets} | self._state(key)

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        sent = {"keyType": self.key_type} | self._body(state | inputs)
        key = (await self.api.call(f"Failed to update {self.noun}", "PUT", f"keys/{identity}", sent)).json()
        return state | inputs | {"updatedAt": seconds(key["updated"])}

    async def delete(self, identity: str, state: Properties) -> None:
        await _delete(self.api, f"Failed to delete {self.noun}", identity)

    def _body(self, inputs: Properties) -> dict[str, Any]:
        filled = {name: inputs.get(name, self.inputs[name].default) for name in self.body}
        return {name: "" if value is None else value for name, value in filled.items()}

    def _state(self, key: dict[str, Any]) -> Properties:
        served = {name: key.get(name, self.inputs[name].default) for name in self.body}
        return served | {
            "createdAt": seconds(key["created"]),
            "updatedAt": seconds(key["updated"]),
            "userId": key.get("userId", ""),
        }


class OauthClient(TrustCredential):
    """An OAuth client; its secret (`key`) is told at creation only, so an imported one has none."""

    token = "tailscale:index/oauthClient:OauthClient"
    key_type = "client"
    noun = "oauth client"
    body = ("scopes", "tags", "description")
    inputs = {
        "scopes": Input(required=True, unordered=True),
        "tags": Input(default=[], unordered=True),
        "description": Input(default=""),
    }
    outputs = STAMPS | {"key"}
    volatile = frozenset({"updatedAt"})
    secrets = frozenset({"key"})

    def _state(self, key: dict[str, Any]) -> Properties:
        told = {"key": key["key"]} if key.get("key") else {}
        return super()._state(key) | told


class FederatedIdentity(TrustCredential):
    """A trust in another issuer's tokens; the service makes an audience when none is given."""

    token = "tailscale:index/federatedIdentity:FederatedIdentity"
    key_type = "federated"
    noun = "federated identity"
    body = ("scopes", "tags", "audience", "issuer", "subject", "customClaimRules", "description")
    inputs = {
        "scopes": Input(required=True, unordered=True),
        "issuer": Input(required=True),
        "subject": Input(required=True),
        "tags": Input(default=[], unordered=True),
        "audience": Input(served=True),
        "customClaimRules": Input(default={}),
        "description": Input(default=""),
    }
    outputs = STAMPS
    volatile = frozenset({"updatedAt"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        issuer, claims = inputs.get("issuer"), inputs.get("customClaimRules")
        if isinstance(issuer, str) and (urlsplit(issuer).scheme != "https" or not urlsplit(issuer).netloc):
            raise InvalidInput("issuer", "Invalid URL. Must be a valid https:// URL.")
        if isinstance(claims, dict) and RESERVED_CLAIMS & claims.keys():
            raise InvalidInput(
                "customClaimRules",
                'Reserved claim key. Keys "sub", "iss" and "aud" are reserved and must not appear '
                'in custom_claim_rules. Use the "subject" and "issuer" fields instead.',
            )
        return super().check(inputs, name, seed)


class TailnetKey(Kind):
    """An auth key. A used or expired one stays in the state, marked `invalid`; a reusable one is then made again."""

    token = "tailscale:index/tailnetKey:TailnetKey"
    inputs = {
        "reusable": Input(default=False, replaces=True),
        "ephemeral": Input(default=False, replaces=True),
        "preauthorized": Input(default=False, replaces=True),
        "tags": Input(default=[], replaces=True, unordered=True),
        "expiry": Input(served=True, replaces=True),
        "description": Input(default="", replaces=True),
        "recreateIfInvalid": Input(),
        "userId": Input(served=True),
    }
    outputs = frozenset({"key", "createdAt", "expiresAt", "invalid"})
    secrets = frozenset({"key"})

    def __init__(self, api: Api) -> None:
        self.api = api

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        check_description(inputs)
        when = inputs.get("recreateIfInvalid", "")
        if when not in ("", "always", "never", UNKNOWN):
            raise InvalidInput(
                "recreateIfInvalid",
                "Invalid Attribute Value Match. Attribute recreate_if_invalid value must be one of: "
                f'["" "always" "never"], got: "{when}"',
            )
        return inputs

    def replacing(self, state: Properties, inputs: Properties) -> set[str]:
        when = inputs.get("recreateIfInvalid") or ("always" if inputs.get("reusable") else "never")
        return {"id"} if state.get("invalid") and when == "always" else set()

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        rights = {name: inputs[name] for name in ("reusable", "ephemeral", "preauthorized", "tags")}
        sent = {
            "capabilities": {"devices": {"create": rights}},
            "expirySeconds": inputs.get("expiry", 0),
            "description": inputs["description"],
        }
        key = (await self.api.call("Failed to create key: Error creating tailnet key", "POST", "keys", sent)).json()
        return key["id"], inputs | _auth_key_state(key) | {"key": key["key"]}

    async def read(self, identity: str, state: Properties) -> Properties | None:
        key = await _get(self.api, f"Failed to fetch key: Error reading tailnet key with id {identity}", identity)
        if key is None:
            return state | {"invalid": True} if state else None
        if key.get("keyType") != "auth":
            raise Failure(f"Invalid key type '{key.get('keyType')}': Only 'auth' keys are supported by this resource")
        rights = key["capabilities"]["devices"]["create"]
        served = {name: rights.get(name, self.inputs[name].default) for name in ("reusable", "ephemeral", "tags")}
        served["preauthorized"] = rights.get("preauthorized", False)
        return state | served | _auth_key_state(key) | {"description": key.get("description", "")}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        return state | inputs  # only recreateIfInvalid and userId change in place, and both are of the state alone

    async def delete(self, identity: str, state: Properties) -> None:
        what = f"Failed to delete key: Error deleting tailnet key with id {identity}"
        await _delete(self.api, what, identity)


def check_description(inputs: Properties) -> None:
    description = inputs.get("description")
    if isinstance(description, str) and len(description) > DESCRIPTION_LIMIT:
        raise InvalidInput(
            "description",
            "Invalid Attribute Value Length. Attribute description string length must be at most "
            f"{DESCRIPTION_LIMIT}, got: {len(description)}",
        )


def _auth_key_state(key: dict[str, Any]) -> Properties:
    return {
        "createdAt": seconds(key["created"]),
        "expiresAt": seconds(key["expires"]),
        "expiry": key.get("expirySeconds"),
        "invalid": bool(key.get("invalid")),
        "userId": key.get("userId", ""),
    }


async def _get(api: Api, what: str, identity: str) -> dict[str, Any] | None:
    try:
        return (await api.call(what, "GET", f"keys/{identity}")).json()
    except ApiError as error:
        if error.status == httpx.codes.NOT_FOUND:
            return None
        raise


async def _delete(api: Api, what: str, identity: str) -> None:
    try:
        await api.call(what, "DELETE", f"keys/{identity}")
    except ApiError as error:
        if error.status != httpx.codes.NOT_FOUND:
            raise
