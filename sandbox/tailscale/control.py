"""The sandbox's own calls: faults, the record of calls, the clock, and a look at everything.

Owns their HTTP side. They need an API access token; nothing here exists at the real service.
"""

from __future__ import annotations

import json

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale import faults
from sandbox.tailscale.bodies import json_object
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError
from sandbox.tailscale.state import State


async def get_faults(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(state.faults)


async def put_faults(request: Request, state: State, _caller: Actor) -> Response:
    """Replace all faults by the given list; an empty list heals."""
    try:
        body = json.loads(await request.body())
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from error
    state.faults = faults.parse(body)
    return JSONResponse(state.faults)


async def get_calls(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(state.calls)


async def delete_calls(_request: Request, state: State, _caller: Actor) -> Response:
    state.calls.clear()
    return Response(status_code=200)


async def get_state(_request: Request, state: State, _caller: Actor) -> Response:
    """All that the tailnet is, at one moment and in one answer: for observers, whom no fault may blind."""
    return JSONResponse(state.data)


async def move_clock(request: Request, state: State, _caller: Actor) -> Response:
    seconds = (await json_object(request)).get("advanceSeconds")
    if not isinstance(seconds, int | float) or seconds < 0:
        raise ApiError(400, "advanceSeconds must be a number, zero or more")
    state.clock.advance(seconds)
    return JSONResponse({"now": state.clock.now()})
