"""Keys: auth keys that let a device in, OAuth clients, federated identities, API access tokens.

Owns making, listing, changing and revoking them, with the tag rule, the description rule and the scopes that need
tags. A revoked key stays readable as invalid; the secret is in the answer to its creation and nowhere else.
An OAuth client may pass on only what it holds itself (scopes and tags): whether the real service is as strict is
not known, and the stand-in must not be the kinder of the two.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale import scopes
from sandbox.tailscale.bodies import flag, json_object, strings, text
from sandbox.tailscale.clock import stamp
from sandbox.tailscale.credentials import Actor, check_tags
from sandbox.tailscale.errors import ApiError, forbidden, not_found
from sandbox.tailscale.state import State, fingerprint, new_secret

LONGEST_LIFE = 90 * 24 * 3600  # seconds
SCOPE_OF = {"auth": "auth_keys", "client": "oauth_keys", "federated": "federated_keys", "api": "all"}
_DESCRIPTION = re.compile(r"[A-Za-z0-9 -]{0,50}")


async def post(request: Request, state: State, caller: Actor) -> Response:
    return JSONResponse(create(state, caller, await json_object(request)))


async def list_all(request: Request, state: State, caller: Actor) -> Response:
    """All keys that the caller may read with ?all=true, else the caller's own. Revoked ones are left out."""
    readable = {kind for kind, scope in SCOPE_OF.items() if caller.may(f"{scope}:read")}
    if not readable:
        raise forbidden()
    everybody = request.query_params.get("all") == "true"
    found = [
        {"id": key["id"]} | _public(key)
        for key in state.data["keys"].values()
        if key["type"] in readable and not key["revoked"] and (everybody or _owned(key, caller))
    ]
    return JSONResponse({"keys": found})


async def get(request: Request, state: State, caller: Actor) -> Response:
    """Every credential may read itself, whatever its scopes (tailscale.com/kb/1623)."""
    own = state.data["keys"].get(caller.id) if request.path_params["id"] == caller.id else None
    return JSONResponse(_public(own or _find(request, state, caller, ":read")))


async def put(request: Request, state: State, caller: Actor) -> Response:
    """Change scopes, tags and description of a client or a federated identity in place; no new secret."""
    key = _find(request, state, caller)
    if key["revoked"] or key["type"] not in ("client", "federated"):
        raise ApiError(400, "only OAuth clients and federated identities that are not revoked can be changed")
    body = await json_object(request)
    if body.get("keyType", key["type"]) != key["type"]:
        raise ApiError(400, "keyType cannot be changed")
    changed = _trust(state, caller, body, key["type"])
    if key["type"] == "federated":
        changed["audience"] = changed["audience"] or key["audience"]
    key.update(changed)
    key["updated"] = stamp(state.clock.now())
    state.record("UPDATE", "API_KEY", key["id"], caller.id, " ".join(key["tags"]))
    return JSONResponse(_public(key))


async def delete(request: Request, state: State, caller: Actor) -> Response:
    """Revoke. The tokens of a client are void with it; devices that it let in stay."""
    key = _find(request, state, caller)
    if key["revoked"]:
        raise not_found("key")
    key["revoked"] = stamp(state.clock.now())
    state.record("REVOKE", "API_KEY", key["id"], caller.id)
    return Response(status_code=200)


def create(state: State, caller: Actor, body: dict[str, Any]) -> dict[str, Any]:
    """Make a key of the kind that `body` asks for; returns its public form with the secret. Raises ApiError."""
    kind = body.get("keyType") or "auth"
    if kind not in ("auth", "client", "federated"):
        raise ApiError(400, f"unknown keyType {kind!r}")
    caller.require(SCOPE_OF[kind])
    content = _auth(state, caller, body) if kind == "auth" else _trust(state, caller, body, kind)
    key, secret = _add(state, kind, caller.user, content)
    detail = " ".join(content.get("tags") or [])
    state.record("CREATE", "API_KEY", key["id"], caller.id, detail)
    return _public(key) | ({"key": secret} if kind != "federated" else {})


def create_api_key(state: State, user: str) -> str:
    """An API access token of `user` with everything that they may do, for 90 days. Returns the secret."""
    expires = state.clock.now() + LONGEST_LIFE
    return _add(state, "api", user, {"expires": expires, "description": ""})[1]


def by_secret(state: State, secret: str, kind: str) -> dict[str, Any] | None:
    mark = fingerprint(secret)
    found = (key for key in state.data["keys"].values() if key["secretHash"] == mark and key["type"] == kind)
    return next(found, None)


def _add(state: State, kind: str, user: str, content: dict[str, Any]) -> tuple[dict[str, Any], str]:
    key_id = f"k{state.count('key'):06d}CNTRL"
    secret = f"tskey-{kind}-{key_id}-{new_secret()}"
    now = stamp(state.clock.now())
    key = {
        "id": key_id,
        "type": kind,
        "user": user,
        "created": now,
        "updated": now,
        "revoked": "",
        "secretHash": fingerprint(secret),
        **content,
    }
    if kind == "federated" and not key["audience"]:
        key["audience"] = f"api.tailscale.com/{key_id}"  # as tailscale/tailscale issue 19919 shows it
    state.data["keys"][key_id] = key
    return key, secret


def _auth(state: State, caller: Actor, body: dict[str, Any]) -> dict[str, Any]:
    asked = ((body.get("capabilities") or {}).get("devices") or {}).get("create") or {}
    tags = strings(asked, "tags")
    if tags or not caller.user:
        check_tags(state, caller, tags)
    life = body.get("expirySeconds") or LONGEST_LIFE
    if not isinstance(life, int) or not 0 < life <= LONGEST_LIFE:
        raise ApiError(400, f"expirySeconds must be between 1 and {LONGEST_LIFE}")
    return {
        "description": _description(body),
        "tags": tags,
        "reusable": flag(asked, "reusable", default=False),
        "ephemeral": flag(asked, "ephemeral", default=False),
        "preauthorized": flag(asked, "preauthorized", default=False),
        "expires": state.clock.now() + life,
        "life": life,
        "used": False,
    }


def _trust(state: State, caller: Actor, body: dict[str, Any], kind: str) -> dict[str, Any]:
    """What a client and a federated identity have in common, and the latter's claims."""
    wanted, tags = strings(body, "scopes"), strings(body, "tags")
    if not wanted:
        raise ApiError(400, "scopes must not be empty")
    for scope in wanted:
        if scope not in scopes.SCOPES:
            raise ApiError(400, f'invalid scope "{scope}"')
    if scopes.NEED_TAGS & set(wanted) and not tags:
        raise ApiError(400, "tags are required with the scopes devices:core and auth_keys")
    if "policy_file" in wanted:
        missing = [scope for scope in scopes.POLICY_NEEDS if not scopes.covers(wanted, scope)]
        if missing:
            raise ApiError(400, f"scope policy_file also requires {' and '.join(missing)}")
    beyond = [scope for scope in wanted if not caller.may(scope)]
    if beyond:
        raise ApiError(403, f'OAuth client cannot grant scopes "{" ".join(beyond)}"')
    if tags:
        check_tags(state, caller, tags)
    content = {"description": _description(body), "scopes": wanted, "tags": tags}
    return content | (_claims(body) if kind == "federated" else {})


def _claims(body: dict[str, Any]) -> dict[str, Any]:
    issuer, subject = text(body, "issuer"), text(body, "subject")
    if not re.fullmatch(r"https://[^/\s]+(/\S*)?", issuer):
        raise ApiError(400, "issuer must be a publicly reachable https URL")
    if not subject:
        raise ApiError(400, "subject must not be empty")
    rules = body.get("customClaimRules") or {}
    if not isinstance(rules, dict) or {"sub", "iss", "aud"} & set(rules):
        raise ApiError(400, "customClaimRules must be an object without sub, iss and aud")
    return {"issuer": issuer, "subject": subject, "audience": text(body, "audience"), "customClaimRules": rules}


def _description(body: dict[str, Any]) -> str:
    description = text(body, "description")
    if not _DESCRIPTION.fullmatch(description):
        raise ApiError(400, "description must be at most 50 letters, digits, hyphens and spaces")
    return description


def _find(request: Request, state: State, caller: Actor, suffix: str = "") -> dict[str, Any]:
    key = state.data["keys"].get(request.path_params["id"])
    if key is None:
        if not any(caller.may(scope + suffix) for scope in SCOPE_OF.values()):
            raise forbidden()
        raise not_found("key")
    caller.require(SCOPE_OF[key["type"]] + suffix)
    return key


def _owned(key: dict[str, Any], caller: Actor) -> bool:
    return bool(caller.user) and key["user"] == caller.user


def _public(key: dict[str, Any]) -> dict[str, Any]:
    """A key as the API shows it, without its secret."""
    shown: dict[str, Any] = {
        "id": key["id"],
        "keyType": key["type"],
        "description": key["description"],
        "created": key["created"],
        "updated": key["updated"],
        "userId": key["user"],
    }
    for field in ("scopes", "issuer", "subject", "audience", "customClaimRules"):
        if field in key:
            shown[field] = key[field]
    if "expires" in key:
        shown["expires"] = stamp(key["expires"])
    if key["type"] == "auth":
        shown["expirySeconds"] = key["life"]
        made = {name: key[name] for name in ("reusable", "ephemeral", "preauthorized", "tags")}
        shown["capabilities"] = {"devices": {"create": made}}
    elif "tags" in key:
        shown["tags"] = key["tags"]
    if key["revoked"] or key.get("used"):
        shown["invalid"] = True
    if key["revoked"]:
        shown["revoked"] = key["revoked"]
    return shown
