"""Endpoints that are told of events. Nobody is told anything: the sandbox keeps who would be.

Owns these records and their fields. A webhook's secret is in the answer that makes it and in no other.
"""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import json_object, strings, text
from sandbox.tailscale.clock import stamp
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.state import State, fingerprint, new_secret, owner

PROVIDERS = ("", "slack", "mattermost", "googlechat", "discord")


async def list_all(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse({"webhooks": [_shown(webhook) for webhook in state.data["webhooks"].values()]})


async def post(request: Request, state: State, caller: Actor) -> Response:
    """The webhook, with its secret."""
    body, now = await json_object(request), stamp(state.clock.now())
    url, provider, events = text(body, "endpointUrl"), text(body, "providerType"), _events(body)
    if not urlsplit(url).hostname:
        raise ApiError(400, "endpointUrl must be a URL")
    if provider not in PROVIDERS:
        raise ApiError(400, f"unknown providerType {provider!r}")
    identity, secret = str(10_000 + state.count("webhook")), f"tskey-webhook-{new_secret()}"
    state.data["webhooks"][identity] = {
        "endpointId": identity,
        "endpointUrl": url,
        "providerType": provider,
        "creatorLoginName": caller.user or owner(state),
        "created": now,
        "lastModified": now,
        "subscriptions": events,
        "secret": fingerprint(secret),
    }
    state.record("CREATE", "WEBHOOK_ENDPOINT", identity, caller.id)
    return JSONResponse(_shown(state.data["webhooks"][identity]) | {"secret": secret})


async def get(request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(_shown(_found(request, state)))


async def patch(request: Request, state: State, caller: Actor) -> Response:
    """Changes the events; nothing else can be changed."""
    webhook = _found(request, state)
    changed = {"subscriptions": _events(await json_object(request)), "lastModified": stamp(state.clock.now())}
    webhook.update(changed)
    state.record("UPDATE", "WEBHOOK_ENDPOINT", webhook["endpointId"], caller.id)
    return JSONResponse(_shown(webhook))


async def delete(request: Request, state: State, caller: Actor) -> Response:
    identity = _found(request, state)["endpointId"]
    del state.data["webhooks"][identity]
    state.record("DELETE", "WEBHOOK_ENDPOINT", identity, caller.id)
    return Response(status_code=200)


def _found(request: Request, state: State) -> dict[str, Any]:
    webhook = state.data["webhooks"].get(request.path_params["id"])
    if webhook is None:
        raise not_found("webhook")
    return webhook


def _events(body: dict[str, Any]) -> list[str]:
    events = strings(body, "subscriptions")
    if not events:
        raise ApiError(400, "subscriptions must not be empty")
    return events


def _shown(webhook: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in webhook.items() if name != "secret"}
