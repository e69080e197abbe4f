"""Holds one API call at its boundary, so that a test can end its caller there.

An ASGI middleware around the sandbox's Tailscale API. Owns the count of API calls (the sandbox's own are not counted)
and the hold: the call with a given number waits before it takes effect, or after it did and before its answer. A held
call is never answered and, held before, never carried out: its caller is dead by then. Every wait here is bounded.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Literal

from starlette.types import ASGIApp, Message, Receive, Scope, Send

When = Literal["before", "after"]
LONGEST_SECONDS = 60.0


class Gate:
    """Between the server and the application `app`. It counts from 0 since `hold` or `counted` was entered."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._calls: list[str] = []
        self._hold: Hold | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        number = len(self._calls)
        self._calls.append(f"{scope['method']} {scope['path'].removeprefix('/api/v2')}")
        hold = self._hold
        if hold is None or number != hold.call:
            await self._app(scope, receive, send)
            return
        if hold.when == "after":
            await self._app(scope, receive, _nowhere)
        hold.reached.set()
        await hold.until_over()
        # A body is promised and none is sent: the server closes the connection.
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"1")]})

    @contextmanager
    def counted(self) -> Iterator[list[str]]:
        """`METHOD path` of every API call made inside the block."""
        self._calls = []
        yield self._calls

    @contextmanager
    def hold(self, call: int, when: When) -> Iterator[Hold]:
        """Holds API call number `call` of the block until the block ends."""
        self._calls = []
        self._hold = Hold(call, when)
        try:
            yield self._hold
        finally:
            self._hold.over.set()
            self._hold = None


@dataclass
class Hold:
    """One call that is to be held; `reached` is set when it is."""

    call: int
    when: When
    reached: threading.Event = field(default_factory=threading.Event)
    over: threading.Event = field(default_factory=threading.Event)

    async def until_over(self) -> None:
        async with asyncio.timeout(LONGEST_SECONDS):
            while not self.over.is_set():
                await asyncio.sleep(0.005)


async def _nowhere(_message: Message) -> None:
    """Swallows the answer."""
