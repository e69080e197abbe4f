"""What the whole tailnet has set: settings, DNS; its people and its audit log to read.

Owns these records and which scope reads and writes each setting. None of them changes what the sandbox does,
except devicesApprovalOn.
"""

from __future__ import annotations

from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import flag, json_object, strings
from sandbox.tailscale.clock import seconds
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError, forbidden
from sandbox.tailscale.policy import grammar
from sandbox.tailscale.state import State

# Setting -> its value in a new tailnet and the scope that it takes.
SETTINGS: dict[str, tuple[Any, str]] = {
    "aclsExternallyManagedOn": (False, "policy_file"),
    "aclsExternalLink": ("", "policy_file"),
    "devicesApprovalOn": (False, "feature_settings"),
    "devicesAutoUpdatesOn": (False, "feature_settings"),
    "devicesKeyDurationDays": (180, "feature_settings"),
    "usersApprovalOn": (False, "feature_settings"),
    "usersRoleAllowedToJoinExternalTailnets": ("admin", "feature_settings"),
    "postureIdentityCollectionOn": (False, "feature_settings"),
    "networkFlowLoggingOn": (False, "logs:network"),
    "regionalRoutingOn": (False, "networking_settings"),
    "httpsEnabled": (False, "networking_settings"),
}


async def get(_request: Request, state: State, caller: Actor) -> Response:
    """The settings that the caller's scopes cover."""
    shown = {
        name: state.data["settings"].get(name, default)
        for name, (default, scope) in SETTINGS.items()
        if caller.may(f"{scope}:read")
    }
    if not shown:
        raise forbidden()
    return JSONResponse(shown)


async def patch(request: Request, state: State, caller: Actor) -> Response:
    """Set what is given and not null; all or nothing."""
    body = {name: value for name, value in (await json_object(request)).items() if value is not None}
    for name, value in body.items():
        if name not in SETTINGS:
            raise ApiError(400, f"unknown setting {name!r}")
        default, scope = SETTINGS[name]
        caller.require(scope)
        if type(value) is not type(default):
            raise ApiError(400, f"{name} must be of type {type(default).__name__}")
    state.data["settings"].update(body)
    state.record("UPDATE", "TAILNET", "settings", caller.id, " ".join(body))
    return await get(request, state, caller)


async def get_preferences(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse({"magicDNS": state.data["dns"].get("magicDNS", True)})


async def set_preferences(request: Request, state: State, caller: Actor) -> Response:
    state.data["dns"]["magicDNS"] = flag(await json_object(request), "magicDNS")
    state.record("UPDATE", "TAILNET", "dns", caller.id)
    return await get_preferences(request, state, caller)


async def get_nameservers(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse({"dns": state.data["dns"].get("nameservers", [])})


async def set_nameservers(request: Request, state: State, caller: Actor) -> Response:
    servers = strings(await json_object(request), "dns")
    for server in servers:
        if not server.startswith("https://") and grammar.network(server) is None:
            raise ApiError(400, f"invalid nameserver {server!r}")
    state.data["dns"]["nameservers"] = servers
    state.record("UPDATE", "TAILNET", "dns", caller.id)
    magic = state.data["dns"].get("magicDNS", True)
    return JSONResponse({"dns": servers, "magicDNS": magic})


async def get_search_paths(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse({"searchPaths": state.data["dns"].get("searchPaths", [])})


async def set_search_paths(request: Request, state: State, caller: Actor) -> Response:
    state.data["dns"]["searchPaths"] = strings(await json_object(request), "searchPaths")
    state.record("UPDATE", "TAILNET", "dns", caller.id)
    return await get_search_paths(request, state, caller)


async def audit_log(request: Request, state: State, _caller: Actor) -> Response:
    """Events between the RFC 3339 times `start` and `end`, both required, the older first."""
    try:
        start, end = (seconds(request.query_params[name]) for name in ("start", "end"))
    except (KeyError, ValueError) as error:
        raise ApiError(400, f"start and end must be RFC 3339 times: {error}") from error
    events = [event for event in state.data["audit"] if start <= seconds(event["eventTime"]) <= end]
    return JSONResponse({"version": "1.1", "tailnetId": state.data["dnsSuffix"], "logs": events})


async def list_users(_request: Request, state: State, _caller: Actor) -> Response:
    people = [
        {"id": f"u{number:06d}CNTRL", "loginName": user, "role": role, "status": "active", "type": "member"}
        for number, (user, role) in enumerate(state.data["users"].items(), start=1)
    ]
    return JSONResponse({"users": people})
