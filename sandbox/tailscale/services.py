"""Tailscale Services (svc:*): list, get, put, delete.

Owns their records and addresses. Which devices serve a Service is not kept.
"""

from __future__ import annotations

import ipaddress
import re

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import json_object, strings, text
from sandbox.tailscale.credentials import Actor, check_tags
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.state import State

FIRST_IPV4 = ipaddress.IPv4Address("100.120.0.0")
FIRST_IPV6 = ipaddress.IPv6Address("fd7a:115c:a1e0::ffff:0")


async def list_all(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse({"vipServices": list(state.data["services"].values())})


async def get(request: Request, state: State, _caller: Actor) -> Response:
    service = state.data["services"].get(request.path_params["name"])
    if service is None:
        raise not_found("service")
    return JSONResponse(service)


async def put(request: Request, state: State, caller: Actor) -> Response:
    """Make or replace {"name", "tags", "ports", "comment", "annotations"}; addresses are given once and kept."""
    name, body = request.path_params["name"], await json_object(request)
    if not re.fullmatch(r"svc:[a-z0-9]([a-z0-9-]*[a-z0-9])?", name) or body.get("name", name) != name:
        raise ApiError(400, "a service's name is svc: and a DNS label, the same in path and body")
    for port in strings(body, "ports"):
        if not re.fullmatch(r"(tcp:[1-9][0-9]{0,4}(-[1-9][0-9]{0,4})?)|do-not-validate", port):
            raise ApiError(400, f"invalid port {port!r}: tcp:<port>, tcp:<first>-<last> or do-not-validate")
    tags = strings(body, "tags")
    check_tags(state, caller, tags)
    old = state.data["services"].get(name)
    annotations = body.get("annotations") or {}
    if not isinstance(annotations, dict):
        raise ApiError(400, "annotations must be an object of strings")
    state.data["services"][name] = {
        "name": name,
        "addrs": old["addrs"] if old else _addresses(state),
        "comment": text(body, "comment"),
        "annotations": annotations,
        "ports": strings(body, "ports"),
        "tags": tags,
    }
    state.record("UPDATE" if old else "CREATE", "SERVICE", name, caller.id)
    return JSONResponse(state.data["services"][name])


async def delete(request: Request, state: State, caller: Actor) -> Response:
    name = request.path_params["name"]
    if state.data["services"].pop(name, None) is None:
        raise not_found("service")
    state.record("DELETE", "SERVICE", name, caller.id)
    return Response(status_code=200)


def _addresses(state: State) -> list[str]:
    number = state.count("service")
    return [str(FIRST_IPV4 + number), str(FIRST_IPV6 + number)]
