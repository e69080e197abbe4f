"""Following a collection misses nothing, whatever the API server does in between."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from sandbox.operator.kube import Kube, Refused


def pod(uid: str) -> dict[str, Any]:
    return {"metadata": {"uid": uid}}


class Server:
    """An API server that answers lists and watches from a script, in order."""

    def __init__(self) -> None:
        self.lists: list[list[str] | int] = []
        self.watches: list[list[dict[str, Any]]] = []

    async def answer(self, request: Request) -> Response:
        if "watch" in request.query_params:
            changes = self.watches.pop(0) if self.watches else []
            return Response("".join(json.dumps(change) + "\n" for change in changes))
        found = self.lists.pop(0)
        if isinstance(found, int):
            return JSONResponse({"message": "no", "reason": "No"}, status_code=found)
        items = [pod(uid) for uid in found]
        return JSONResponse({"kind": "PodList", "metadata": {"resourceVersion": "1"}, "items": items})


@pytest.fixture
def server() -> Iterator[tuple[Server, str]]:
    script = Server()
    listener = socket.create_server(("127.0.0.1", 0))
    app = Starlette(routes=[Route("/pods", script.answer)])
    running = uvicorn.Server(uvicorn.Config(app, log_config=None))
    thread = threading.Thread(target=running.run, kwargs={"sockets": [listener]})
    thread.start()
    yield script, f"http://127.0.0.1:{listener.getsockname()[1]}"
    running.should_exit = True
    thread.join()
    listener.close()


def followed(url: str, count: int) -> list[list[str]]:
    """The first `count` states of the collection, as uids."""

    async def collect() -> list[list[str]]:
        kube = Kube(url, ssl.create_default_context(), name="test")
        states: list[list[str]] = []
        try:
            async for objects in kube.follow("/pods"):
                states.append(sorted(one["metadata"]["uid"] for one in objects))
                if len(states) == count:
                    return states
        finally:
            await kube.close()
        raise AssertionError("a collection is followed for ever")

    return asyncio.run(asyncio.wait_for(collect(), 20))


def test_each_change_gives_the_whole_collection(server: tuple[Server, str]) -> None:
    script, url = server
    script.lists = [["a"]]
    script.watches = [
        [
            {"type": "ADDED", "object": pod("b")},
            {"type": "MODIFIED", "object": pod("a")},
            {"type": "DELETED", "object": pod("a")},
        ]
    ]
    assert followed(url, 4) == [["a"], ["a", "b"], ["a", "b"], ["b"]]


def test_what_was_deleted_while_nobody_watched_is_gone_after_the_next_list(server: tuple[Server, str]) -> None:
    script, url = server
    script.lists = [["a", "b"], ["b"]]
    assert followed(url, 2) == [["a", "b"], ["b"]]


def test_an_overtaken_watch_and_a_server_in_trouble_are_tried_again(server: tuple[Server, str]) -> None:
    script, url = server
    expired = {"type": "ERROR", "object": {"code": 410, "reason": "Expired", "message": "too old"}}
    script.lists, script.watches = [["a"], 503, ["b"]], [[expired]]
    assert followed(url, 2) == [["a"], ["b"]]


def test_a_refusal_ends_it(server: tuple[Server, str]) -> None:
    script, url = server
    script.lists = [403]
    with pytest.raises(Refused, match="no"):
        followed(url, 1)
