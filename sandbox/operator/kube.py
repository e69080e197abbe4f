"""The Kubernetes API as one credential sees it: plain REST on JSON objects, and following a collection.

Owns requests, their errors and watches. Knows nothing of operators, pods or Tailscale. A refusal is
`Refused` with the server's own message; an API server that cannot be reached is `httpx.TransportError`,
except in `follow`, which waits for it.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from typing import Any

import httpx

WATCH_SECONDS = 240  # The server ends a watch then; a dead connection is noticed at the latest a little later.
AGAIN_SECONDS = 1.0

Object = dict[str, Any]
Token = Callable[[], Awaitable[str]]


class Refused(Exception):  # noqa: N818 - it is an answer, not a fault
    """The API server refused a request: HTTP status, machine-readable reason and message."""

    def __init__(self, status: int, reason: str, message: str) -> None:
        super().__init__(message)
        self.status, self.reason = status, reason


class Kube:
    """A client of one API server with one credential; `token` is asked before every request, so that it may
    be renewed.
    """

    def __init__(self, server: str, trust: ssl.SSLContext, token: Token | None = None, *, name: str) -> None:
        self._token, self._name = token, name
        self._http = httpx.AsyncClient(
            base_url=server,
            verify=trust,
            trust_env=False,
            timeout=httpx.Timeout(10),
            headers={"User-Agent": f"{name}/sandbox", "Accept": "application/json"},
        )

    async def close(self) -> None:
        """Closes the connections."""
        await self._http.aclose()

    async def get(self, path: str, **params: str) -> Object:
        """The object or list at `path`."""
        return await self._call("GET", path, params=params)

    async def find(self, path: str) -> Object | None:
        """The object at `path`, or None when there is none."""
        try:
            return await self.get(path)
        except Refused as refused:
            if refused.status == 404:
                return None
            raise

    async def create(self, path: str, body: Object) -> Object:
        """Creates `body` in the collection at `path`."""
        return await self._call("POST", path, body=body)

    async def replace(self, path: str, body: Object) -> Object:
        """Replaces the object at `path`; refused (409) when its resourceVersion has been overtaken."""
        return await self._call("PUT", path, body=body)

    async def merge(self, path: str, patch: Object) -> Object:
        """Changes the object at `path` by a JSON merge patch."""
        return await self._call("PATCH", path, body=patch, content_type="application/merge-patch+json")

    async def delete(self, path: str, *, foreground: bool = False) -> None:
        """Deletes what is at `path`; that it is gone already is no error."""
        body = {"propagationPolicy": "Foreground"} if foreground else None
        try:
            await self._call("DELETE", path, body=body)
        except Refused as refused:
            if refused.status != 404:
                raise

    async def event(self, about: Object, kind: str, reason: str, message: str) -> None:
        """Records an event (`kind` Normal or Warning) about an object, in the object's namespace; about one that is in
        none, in `default`, as client-go does.
        """
        meta, now = about["metadata"], datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
        namespace = meta.get("namespace", "default")
        event = {
            "metadata": {"name": f"{meta['name']}.{secrets.token_hex(8)}", "namespace": namespace},
            "involvedObject": {
                "apiVersion": about.get("apiVersion", "v1"),
                "kind": about["kind"],
                "name": meta["name"],
                **({"namespace": meta["namespace"]} if "namespace" in meta else {}),
                "uid": meta["uid"],
            },
            "type": kind,
            "reason": reason,
            "message": message[:1024],
            "source": {"component": self._name},
            "firstTimestamp": now,
            "lastTimestamp": now,
            "count": 1,
        }
        await self.create(f"/api/v1/namespaces/{namespace}/events", event)

    async def follow(self, path: str, **params: str) -> AsyncIterator[list[Object]]:
        """All objects of the collection at `path`, at once and again after every change, for ever.

        Lists again when the watch was overtaken or the API server went away, so nothing that was deleted
        meanwhile is missed.
        """
        while True:
            try:
                listing = await self.get(path, **params)
                kind, version = listing["kind"].removesuffix("List"), listing["metadata"]["resourceVersion"]
                known = {item["metadata"]["uid"]: {**item, "kind": kind} for item in listing["items"]}
                yield list(known.values())
                async for change, item in self._watch(path, version, params):
                    if change == "DELETED":
                        known.pop(item["metadata"]["uid"], None)
                    else:
                        known[item["metadata"]["uid"]] = item
                    yield list(known.values())
            except httpx.TransportError:
                await asyncio.sleep(AGAIN_SECONDS)
            except Refused as refused:
                if refused.status not in (410, 429, 500, 503):
                    raise
                await asyncio.sleep(AGAIN_SECONDS)

    async def _watch(self, path: str, version: str, params: dict[str, str]) -> AsyncIterator[tuple[str, Object]]:
        query = params | {"watch": "1", "resourceVersion": version, "timeoutSeconds": str(WATCH_SECONDS)}
        timeout = httpx.Timeout(10, read=WATCH_SECONDS + 30)
        headers = await self._authorization()
        async with self._http.stream("GET", path, params=query, headers=headers, timeout=timeout) as answer:
            if answer.is_error:
                await answer.aread()
                raise _refused(answer)
            async for line in answer.aiter_lines():
                change = json.loads(line)
                if change["type"] == "ERROR":
                    status = change["object"]
                    raise Refused(status.get("code", 500), status.get("reason", ""), status.get("message", ""))
                yield change["type"], change["object"]

    async def _authorization(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {await self._token()}"} if self._token else {}

    async def _call(
        self,
        method: str,
        path: str,
        *,
        params: dict[str, str] | None = None,
        body: Object | None = None,
        content_type: str = "application/json",
    ) -> Object:
        headers = await self._authorization()
        content = None
        if body is not None:
            content, headers = json.dumps(body), headers | {"Content-Type": content_type}
        answer = await self._http.request(method, path, params=params, content=content, headers=headers)
        if answer.is_error:
            raise _refused(answer)
        return answer.json()


def _refused(answer: httpx.Response) -> Refused:
    try:
        status = answer.json()
    except ValueError:
        return Refused(answer.status_code, "", answer.text[:300])
    return Refused(answer.status_code, status.get("reason", ""), status.get("message", ""))
