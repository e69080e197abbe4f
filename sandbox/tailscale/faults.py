"""Faults on demand, and a record of all calls.

Owns an ASGI middleware that delays, refuses or breaks API calls as told by PUT /sandbox/faults. The sandbox's own
calls are never hit. Faults and calls live in memory only and end with the server.
"""

from __future__ import annotations

import asyncio
import re
from dataclasses import asdict, dataclass
from typing import Any

from starlette.datastructures import MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from sandbox.tailscale.clock import stamp
from sandbox.tailscale.errors import ApiError
from sandbox.tailscale.state import State

KINDS = ("latency", "status", "reset", "stale-etag")
_MESSAGES = {429: "rate limit exceeded", 500: "internal server error", 503: "service unavailable"}


@dataclass
class Fault:
    """One switched-on fault; it hits calls whose method and path match, `count` times, or with `probability`.

    latency: wait `seconds` first. status: answer `status` with Retry-After `retryAfter` seconds, before anything is
    done. reset: break the connection in the answer, `when` "before" the call is carried out or "after" it was.
    stale-etag: an If-Match in the call arrives as one that was overtaken, so the save ends in 412.
    """

    kind: str
    method: str = ""
    path: str = ""
    status: int = 500
    retryAfter: float | None = None  # noqa: N815 - the name in the JSON
    seconds: float = 0
    count: int | None = None
    probability: float | None = None
    when: str = "before"


def parse(body: Any) -> list[dict[str, Any]]:
    """The body of PUT /sandbox/faults. Raises ApiError for a fault that could not work."""
    if not isinstance(body, list):
        raise ApiError(400, "faults are a JSON array")
    faults = []
    for item in body:
        try:
            fault = Fault(**item)
            re.compile(fault.path)
        except (TypeError, re.error) as error:
            raise ApiError(400, f"invalid fault {item!r}: {error}") from error
        if fault.kind not in KINDS or fault.when not in ("before", "after"):
            raise ApiError(400, f"invalid fault {item!r}: kind is one of {', '.join(KINDS)}")
        faults.append(asdict(fault))
    return faults


class Faults:
    """The middleware. It must be the outermost: a broken connection is broken for everybody inside too."""

    def __init__(self, app: ASGIApp, state: State) -> None:
        self._app = app
        self._state = state

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        call = {"method": scope["method"], "path": scope["path"], "status": 0, "at": stamp(self._state.clock.now())}
        self._state.calls.append(call)

        async def noting(message: Message) -> None:
            if message["type"] == "http.response.start":
                call["status"] = message["status"]
            await send(message)

        await self._hit(scope, receive, noting)

    async def _hit(self, scope: Scope, receive: Receive, send: Send) -> None:
        for fault in self._matching(scope):
            if fault["kind"] == "latency":
                await asyncio.sleep(fault["seconds"])
            elif fault["kind"] == "stale-etag":
                headers = MutableHeaders(scope=scope)
                if "if-match" in headers:
                    headers["if-match"] = f'"{"0" * 64}"'
            elif fault["kind"] == "status":
                await _refusal(fault)(scope, receive, send)
                return
            else:
                if fault["when"] == "after":
                    await self._app(scope, receive, _nowhere)
                # Promise a body and send none: the server closes the connection in the middle of the answer.
                await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})
                return
        await self._app(scope, receive, send)

    def _matching(self, scope: Scope) -> list[dict[str, Any]]:
        hits = []
        for fault in self._state.faults:
            if fault["method"] not in ("", scope["method"]) or not re.search(fault["path"], scope["path"]):
                continue
            if fault["count"] is not None:
                if fault["count"] <= 0:
                    continue
                fault["count"] -= 1
            elif fault["probability"] is not None and self._state.random.random() >= fault["probability"]:
                continue
            hits.append(fault)
        return hits


def _refusal(fault: dict[str, Any]) -> JSONResponse:
    headers = {} if fault["retryAfter"] is None else {"Retry-After": f"{fault['retryAfter']:g}"}
    message = _MESSAGES.get(fault["status"], "fault injected by the sandbox")
    return JSONResponse({"message": message}, status_code=fault["status"], headers=headers)


async def _nowhere(_message: Message) -> None:
    """Swallow an answer that the caller shall not get."""
