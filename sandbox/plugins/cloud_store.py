"""Resources whose service is the cloud store (sandbox/cloud/store.py), at SANDBOX_CLOUD_URL.

A kind says how its path is made of its inputs; making, reading, changing and unmaking it are then the same for all.
Keeps no state.
"""

# ruff: noqa: ARG002 - parameters of the interface that a subclass may need

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

import httpx

from sandbox.plugins.kind import Failure, Kind
from sandbox.plugins.values import Properties

TIMEOUT_SECONDS = 30.0


class Store:
    """The cloud store as a client. Raises Failure, never an exception of the HTTP library."""

    def __init__(self, url: str, transport: httpx.AsyncBaseTransport | None = None) -> None:
        self._http = httpx.AsyncClient(base_url=url.rstrip("/"), timeout=TIMEOUT_SECONDS, transport=transport)

    @classmethod
    def of(cls, variables: Mapping[str, str] = os.environ) -> Store:
        url = variables.get("SANDBOX_CLOUD_URL")
        if not url:
            raise Failure(
                "SANDBOX_CLOUD_URL is not set: this stand-in works on the sandbox's cloud store only. "
                "Start the sandbox and load its environment, or put the real plugin on the PATH."
            )
        return cls(url)

    async def close(self) -> None:
        await self._http.aclose()

    async def call(self, method: str, kind: str, path: str, body: Any = None, new: bool = False) -> httpx.Response:
        headers = {"If-None-Match": "*"} if new else {}
        try:
            return await self._http.request(method, f"/{kind}/{path}", json=body, headers=headers)
        except httpx.HTTPError as error:
            raise Failure(f"The cloud store does not answer: {error or type(error).__name__}") from error


class StoredKind(Kind):
    """A kind whose objects lie in the store. `gone` is the status that says an object does not exist."""

    gone: ClassVar[int] = httpx.codes.NOT_FOUND

    def __init__(self, store: Store) -> None:
        self.store = store

    @property
    def stored_as(self) -> str:
        """The store's name for the kind: the type token without the part that only bridged plugins have."""
        return re.sub("/[^:]*", "", self.token)

    @abstractmethod
    def path(self, inputs: Properties) -> str:
        """The object's path at the cloud."""

    @abstractmethod
    def refused(self, doing: str, path: str, status: int, code: str, message: str) -> Failure:
        """The failure in the real plugin's words; `doing` is creating, updating, reading or deleting."""

    def served(self, path: str, inputs: Properties) -> Properties:
        """What the service adds to the inputs."""
        return {}

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        path = self.path(inputs)
        state = inputs | self.served(path, inputs)
        await self._put("creating", path, state, new=True)
        return path, state

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        new = inputs | self.served(identity, inputs)
        await self._put("updating", identity, new, new=False)
        return new

    async def read(self, identity: str, state: Properties) -> Properties | None:
        answer = await self.store.call("GET", self.stored_as, identity)
        if self.is_gone(answer):
            return None
        return self._checked("reading", identity, answer).json()

    async def delete(self, identity: str, state: Properties) -> None:
        answer = await self.store.call("DELETE", self.stored_as, identity)
        if not self.is_gone(answer):
            self._checked("deleting", identity, answer)

    def is_gone(self, answer: httpx.Response) -> bool:
        """Whether the service says that the object does not exist."""
        return answer.status_code == self.gone

    async def _put(self, doing: str, path: str, body: Properties, new: bool) -> None:
        self._checked(doing, path, await self.store.call("PUT", self.stored_as, path, body, new))

    def _checked(self, doing: str, path: str, answer: httpx.Response) -> httpx.Response:
        if answer.is_error:
            error = answer.json()["error"]
            raise self.refused(doing, path, answer.status_code, error["code"], error["message"])
        return answer


def autoname(name: str, seed: bytes, digits: int, separator: str = "-") -> str:
    """The engine's way to make a name unique: `digits` hexadecimal digits after the resource's name, the same for
    the same seed.
    """
    return f"{name}{separator}{(seed or os.urandom(16)).hex()[:digits]}"
