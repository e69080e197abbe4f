"""Posture attributes of devices, with their expiry.

Owns custom:* attributes as set by the API and the few node:* ones that a client reports. An attribute whose time
is over is gone.
"""

from __future__ import annotations

import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import json_object
from sandbox.tailscale.clock import seconds, stamp
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.devices import find
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.state import State

LONGEST = 50  # characters of a key, and of a value that is a string


async def get(request: Request, state: State, _caller: Actor) -> Response:
    """{"attributes": {name: value}, "expiries": {name: time}}."""
    device = find(request, state)
    held = _current(device, state)
    attributes = {"node:os": device["os"], "node:tsVersion": device["clientVersion"]}
    attributes |= {name: each["value"] for name, each in held.items()}
    expiries = {name: stamp(each["expiry"]) for name, each in held.items() if each["expiry"] is not None}
    return JSONResponse({"attributes": attributes, "expiries": expiries})


async def post(request: Request, state: State, caller: Actor) -> Response:
    """{"value", "expiry"?, "comment"?}. The value is a string, a number or true/false."""
    device, name = find(request, state), request.path_params["key"]
    body = await json_object(request)
    value = body.get("value")
    if not re.fullmatch(r"custom:[A-Za-z0-9_]+", name) or len(name) > LONGEST:
        raise ApiError(400, "attribute keys are custom: and letters, digits, underscores; 50 characters at most")
    if not isinstance(value, str | int | float) or (isinstance(value, str) and len(value) > LONGEST):
        raise ApiError(400, "value must be true, false, a number, or a string of 50 characters at most")
    _current(device, state)[name] = {"value": value, "expiry": _expiry(body, state)}
    state.record("UPDATE", "NODE", device["nodeId"], caller.id, f"{name}: {body.get('comment') or ''}")
    return JSONResponse({})


async def delete(request: Request, state: State, caller: Actor) -> Response:
    device, name = find(request, state), request.path_params["key"]
    if _current(device, state).pop(name, None) is None:
        raise not_found("attribute")
    state.record("UPDATE", "NODE", device["nodeId"], caller.id, name)
    return Response(status_code=200)


def _expiry(body: dict[str, Any], state: State) -> float | None:
    text = body.get("expiry")
    # The Go client sends its zero time for "never".
    if not text or str(text).startswith("0001-"):
        return None
    try:
        expiry = seconds(str(text))
    except ValueError as error:
        raise ApiError(400, f"expiry must be an RFC 3339 time: {error}") from error
    if expiry <= state.clock.now():
        raise ApiError(400, "expiry must be in the future")
    return expiry


def _current(device: dict[str, Any], state: State) -> dict[str, Any]:
    now = state.clock.now()
    held = device["attributes"]
    over = [name for name, each in held.items() if each["expiry"] is not None and each["expiry"] <= now]
    for name in over:
        del held[name]
    return held
