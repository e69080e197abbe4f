"""Devices: list with exact filters, get, delete, and the properties that the API can set.

Owns the devices' records and their public form. How a device comes into being is in nodes.py; its posture
attributes are in attributes.py. A deleted device is gone at once and its node must register again.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import flag, json_object, strings, text
from sandbox.tailscale.clock import stamp
from sandbox.tailscale.credentials import Actor, check_tags
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.policy import grammar
from sandbox.tailscale.state import State

KEY_LIFE = 180 * 24 * 3600  # seconds
ONLY_IN_ALL = frozenset({"advertisedRoutes", "enabledRoutes", "clientConnectivity", "sshEnabled", "distro"})
FIELDS = frozenset(
    {
        "id",
        "nodeId",
        "name",
        "hostname",
        "addresses",
        "user",
        "tags",
        "authorized",
        "clientVersion",
        "updateAvailable",
        "os",
        "created",
        "expires",
        "keyExpiryDisabled",
        "lastSeen",
        "connectedToControl",
        "isExternal",
        "isEphemeral",
        "machineKey",
        "nodeKey",
        "blocksIncomingConnections",
        "tailnetLockError",
        "tailnetLockKey",
    }
)


async def list_all(request: Request, state: State, _caller: Actor) -> Response:
    """`fields=default|all`; every other parameter is a filter that must match exactly, and all must hold.

    A parameter that is no field is refused: the real service is not known to, but a filter that is silently
    ignored makes a caller take other people's devices for its own.
    """
    everything = _all_fields(request)
    shown = [_public(device, everything) for device in state.data["devices"].values()]
    wanted = [(name, value) for name, value in request.query_params.multi_items() if name != "fields"]
    for name, _ in wanted:
        if name not in FIELDS:
            raise ApiError(400, f"unknown device filter {name!r}")
    return JSONResponse({"devices": [each for each in shown if all(_has(each, *pair) for pair in wanted)]})


async def get(request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(_public(find(request, state), _all_fields(request)))


async def delete(request: Request, state: State, caller: Actor) -> Response:
    device = find(request, state)
    del state.data["devices"][device["nodeId"]]
    state.record("DELETE", "NODE", device["nodeId"], caller.id, device["name"])
    return Response(status_code=200)


async def set_tags(request: Request, state: State, caller: Actor) -> Response:
    device, tags = find(request, state), strings(await json_object(request), "tags")
    if not tags and device["tags"]:
        raise ApiError(400, "a tagged device cannot lose its last tag")
    if tags:
        check_tags(state, caller, tags)
        # A device that is tagged belongs to its tags, and its key no longer expires.
        device["keyExpiryDisabled"] = device["keyExpiryDisabled"] or not device["tags"]
        device["tags"] = tags
    return _changed(state, caller, device, "TAGS")


async def set_key(request: Request, state: State, caller: Actor) -> Response:
    device = find(request, state)
    device["keyExpiryDisabled"] = flag(await json_object(request), "keyExpiryDisabled")
    return _changed(state, caller, device, "KEY_EXPIRY")


async def expire(request: Request, state: State, caller: Actor) -> Response:
    """End the device's key now, whatever keyExpiryDisabled says: it stays listed, offline, until it logs in anew."""
    device = find(request, state)
    device.update(expiresAt=state.clock.now(), expired=True, online=False, lastSeenAt=state.clock.now())
    return _changed(state, caller, device, "EXPIRE")


async def set_authorized(request: Request, state: State, caller: Actor) -> Response:
    device = find(request, state)
    device["authorized"] = flag(await json_object(request), "authorized")
    return _changed(state, caller, device, "AUTHORIZED")


async def set_name(request: Request, state: State, caller: Actor) -> Response:
    device, wanted = find(request, state), text(await json_object(request), "name")
    name = f"{wanted.split('.')[0]}.{state.data['dnsSuffix']}"
    if not wanted or name_taken(state, name, except_for=device["nodeId"]):
        raise ApiError(400, f"name {wanted!r} is empty or taken")
    device["name"] = name
    return _changed(state, caller, device, "NAME")


async def get_routes(request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(_routes(find(request, state)))


async def set_routes(request: Request, state: State, caller: Actor) -> Response:
    device, routes = find(request, state), strings(await json_object(request), "routes")
    for route in routes:
        if grammar.network(route) is None:
            raise ApiError(400, f"invalid route {route!r}")
    device["enabledRoutes"] = routes
    _changed(state, caller, device, "ROUTES")
    return JSONResponse(_routes(device))


def find(request: Request, state: State) -> dict[str, Any]:
    """The device that the path names by its nodeId or its old numeric id. Raises 404."""
    wanted = request.path_params["id"]
    for device in state.data["devices"].values():
        if wanted in (device["nodeId"], device["id"]):
            return device
    raise not_found("device")


def name_taken(state: State, name: str, *, except_for: str = "") -> bool:
    return any(device["name"] == name and device["nodeId"] != except_for for device in state.data["devices"].values())


def _changed(state: State, caller: Actor, device: dict[str, Any], what: str) -> Response:
    state.record("UPDATE", "NODE", device["nodeId"], caller.id, what)
    return Response(status_code=200)


def _all_fields(request: Request) -> bool:
    fields = request.query_params.get("fields", "default")
    if fields not in ("default", "all"):
        raise ApiError(400, "fields must be default or all")
    return fields == "all"


def _has(shown: dict[str, Any], name: str, value: str) -> bool:
    held = shown.get(name)
    if isinstance(held, list):
        return value in held
    if isinstance(held, bool):
        return value == str(held).lower()
    return value == held


def _routes(device: dict[str, Any]) -> dict[str, Any]:
    return {"advertisedRoutes": device["advertisedRoutes"], "enabledRoutes": device["enabledRoutes"]}


def _public(device: dict[str, Any], everything: bool) -> dict[str, Any]:
    """A device as the API shows it: without what only the sandbox keeps, lastSeen only while it is offline."""
    shown = {name: device[name] for name in FIELDS & device.keys()}
    shown["created"] = stamp(device["createdAt"])
    shown["expires"] = stamp(device["expiresAt"])
    shown["connectedToControl"] = device["online"]
    if not device["online"]:
        shown["lastSeen"] = stamp(device["lastSeenAt"])
    if everything:
        shown |= {name: device[name] for name in ONLY_IN_ALL}
    return shown


def show(device: dict[str, Any]) -> dict[str, Any]:
    """The public form with all fields."""
    return _public(device, everything=True)
