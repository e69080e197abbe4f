"""Tokens for OAuth clients and federated identities.

Owns the two token calls. A token lives one hour, no longer than its client, and holds what the client holds or the
part of it that was asked for. Whether an identity token is to be believed is in issuers.py.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale import issuers, scopes
from sandbox.tailscale.credentials import Actor, basic, check_tags
from sandbox.tailscale.errors import ApiError, unauthorized
from sandbox.tailscale.keys import by_secret
from sandbox.tailscale.state import State, fingerprint, new_secret

LIFE = 3600  # seconds


async def token(request: Request, state: State) -> Response:
    """client_credentials: id and secret as Basic or in the form; optional `scope` and `tags`, space-separated."""
    form = await _form(request)
    if form.get("grant_type", "client_credentials") != "client_credentials":
        raise ApiError(400, "grant_type must be client_credentials")
    client_id, secret = form.get("client_id", ""), form.get("client_secret", "")
    kind, _, value = request.headers.get("authorization", "").partition(" ")
    if kind.lower() == "basic":
        client_id, secret = basic(value)
    client = by_secret(state, secret, "client")
    # The id is part of the secret; the real service takes a secret without it, and refuses one of another client.
    if client is None or client["revoked"] or client_id not in ("", client["id"]):
        raise unauthorized()
    return JSONResponse(_issue(state, client, form.get("scope", "").split(), form.get("tags", "").split()))


async def exchange(request: Request, state: State) -> Response:
    """Federated: `client_id` and `jwt` in the form; the token carries all that the identity holds."""
    form = await _form(request)
    identity = state.data["keys"].get(form.get("client_id", ""))
    if identity is None or identity["type"] != "federated" or identity["revoked"]:
        raise unauthorized()
    issuers.verify(state, identity, form.get("jwt", ""))
    return JSONResponse(_issue(state, identity, [], []))


def _issue(state: State, client: dict[str, Any], wanted: list[str], tags: list[str]) -> dict[str, Any]:
    beyond = [scope for scope in wanted if not scopes.covers(client["scopes"], scope)]
    if beyond:
        raise ApiError(403, f'OAuth client cannot grant scopes "{" ".join(wanted)}"')
    holder = Actor(client["id"], frozenset(client["scopes"]), tuple(client["tags"]))
    if tags:
        check_tags(state, holder, tags)
    held = {"scopes": wanted or client["scopes"], "tags": tags or client["tags"]}
    secret = f"tskey-api-{client['id']}-{new_secret()}"
    _forget_expired(state)
    expires = state.clock.now() + LIFE
    state.data["tokens"][fingerprint(secret)] = {"client": client["id"], "expires": expires, **held}
    return {
        "access_token": secret,
        "token_type": "Bearer",
        "expires_in": LIFE,
        "scope": " ".join(held["scopes"]),
        "tags": " ".join(held["tags"]),
    }


def _forget_expired(state: State) -> None:
    now = state.clock.now()
    state.data["tokens"] = {mark: held for mark, held in state.data["tokens"].items() if held["expires"] > now}


async def _form(request: Request) -> dict[str, str]:
    """A urlencoded form; of a field given twice the first counts."""
    text = (await request.body()).decode("utf-8", errors="replace")
    return {name: values[0] for name, values in parse_qs(text).items()}
