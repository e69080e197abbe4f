"""A REST store of cloud objects, for what moto does not emulate: GET, PUT and DELETE by the object's path, with
each cloud's refusals.

    GET    /<kind>                   {"items": {path: object}}
    GET    /<kind>/<path>            the object
    PUT    /<kind>/<path>            makes or replaces it; with `If-None-Match: *` makes it only
    DELETE /<kind>/<path>            204

A refusal is {"error": {"code", "message"}} with the cloud's status. Knows no permissions and no effect on traffic;
quotas only where a rule says so. State is in memory and dies with the process.
"""

from __future__ import annotations

from typing import Any

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.cloud.refusals import Refusal
from sandbox.cloud.rules import RULES

Objects = dict[str, dict[str, Any]]


class Store:
    """All objects, by kind and path."""

    def __init__(self) -> None:
        self._objects: dict[str, Objects] = {kind: {} for kind in RULES}

    async def listed(self, request: Request) -> Response:
        objects = self._objects.get(request.path_params["kind"])
        return _unknown_kind(request) if objects is None else JSONResponse({"items": objects})

    async def one(self, request: Request) -> Response:
        kind, identity = request.path_params["kind"], request.path_params["path"]
        objects = self._objects.get(kind)
        if objects is None:
            return _unknown_kind(request)
        rules = RULES[kind]
        present = objects.get(identity)
        if request.method == "PUT":
            body = await request.json()
            if present is not None and request.headers.get("If-None-Match") == "*":
                return _refused(rules.exists, identity, identity, body)
            if conflict := rules.conflict(identity, body, objects) or rules.fits(identity, body, self._objects):
                refusal, other = conflict
                return _refused(refusal, identity, other, body)
            objects[identity] = body
            return JSONResponse(body, status_code=200 if present is not None else 201)
        if present is None:
            return _refused(rules.missing, identity, identity, {})
        if request.method == "DELETE":
            if held := rules.free(identity, present, self._objects):
                refusal, other = held
                return _refused(refusal, identity, other, present)
            del objects[identity]
            return Response(status_code=204)
        return JSONResponse(present)


def _refused(refusal: Refusal, identity: str, other: str, body: dict[str, Any]) -> Response:
    error = {"code": refusal.code, "message": refusal.text(identity, other, body)}
    return JSONResponse({"error": error}, status_code=refusal.status)


def _unknown_kind(request: Request) -> Response:
    message = f"The store has no kind {request.path_params['kind']!r}. It has: {', '.join(sorted(RULES))}."
    return JSONResponse({"error": {"code": "UnknownKind", "message": message}}, status_code=404)


def create_app() -> Starlette:
    """An empty store."""
    store = Store()
    return Starlette(
        routes=[
            Route("/{kind}", store.listed),
            Route("/{kind}/{path:path}", store.one, methods=["GET", "PUT", "DELETE"]),
        ]
    )
