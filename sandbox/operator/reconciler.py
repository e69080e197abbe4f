"""Follows all objects of one kind in a cluster and brings each to where it should be, again with back-off after a
refusal.

Owns when something is tried; a `Controller` owns what. A refusal is one Warning event per distinct reason. Ends
with `Fatal` when the ServiceAccount may not watch the kind, or the cluster does not know it; with the operator gone
nobody removes a finalizer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import NoReturn

import httpx

from sandbox.operator.container import Fatal, Say
from sandbox.operator.controller import Controller, Invalid, NotYet
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.tailnet import Refusal
from sandbox.operator.tasks import until_one_fails

_FIRST_SECONDS, _LAST_SECONDS = 0.5, 15.0
_NEVER = float("inf")


@dataclass
class _Progress:
    """How far one object is: the version that was dealt with, when to try again, what went wrong last."""

    version: str = ""
    again_at: float = _NEVER
    failures: int = 0
    problem: str = ""


class Reconciler:
    """Keeps the objects of one kind in one cluster as they ask to be."""

    def __init__(self, kube: Kube, controller: Controller, say: Say) -> None:
        self._kube, self._controller, self._say = kube, controller, say
        self._found: dict[str, Object] = {}
        self._progress: dict[str, _Progress] = {}
        self._changed = asyncio.Event()

    async def run(self) -> NoReturn:
        """Runs until cancelled."""
        await until_one_fails(self._follow(), self._work())
        raise AssertionError("neither ends")

    async def _follow(self) -> NoReturn:
        collection = self._controller.collection
        try:
            async for found in self._kube.follow(collection):
                self._found = {one["metadata"]["uid"]: one for one in found if self._controller.concerns(one)}
                self._changed.set()
        except Refused as refused:
            raise Fatal(f"watching {collection.rpartition('/')[2]}: {refused}") from refused
        raise AssertionError("a collection is followed for ever")

    async def _work(self) -> NoReturn:
        while True:
            due = min((one.again_at for one in self._progress.values()), default=_NEVER) - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if due == _NEVER else max(due, 0))
            self._changed.clear()
            self._progress = {uid: self._progress.get(uid, _Progress()) for uid in self._found}
            for uid, found in list(self._found.items()):
                progress = self._progress[uid]
                is_new = progress.version != found["metadata"]["resourceVersion"]
                if is_new or progress.again_at <= time.monotonic():
                    await self._attempt(found, progress)

    async def _attempt(self, found: Object, progress: _Progress) -> None:
        progress.version, progress.again_at = found["metadata"]["resourceVersion"], _NEVER
        try:
            await self._controller.reconcile(found)
        except NotYet:
            progress.again_at = time.monotonic() + _FIRST_SECONDS
        except Invalid as invalid:
            await self._warn(found, progress, invalid.reason, str(invalid))
        except (Refused, Refusal, httpx.TransportError) as error:
            progress.again_at = time.monotonic() + min(_FIRST_SECONDS * 2**progress.failures, _LAST_SECONDS)
            progress.failures += 1
            overtaken = isinstance(error, Refused) and error.status in (404, 409)
            if not overtaken:
                await self._warn(found, progress, self._controller.failed, str(error))
        else:
            progress.failures = 0

    async def _warn(self, found: Object, progress: _Progress, reason: str, message: str) -> None:
        if message != progress.problem:
            progress.problem = message
            meta = found["metadata"]
            place = f"{meta['namespace']}/" if "namespace" in meta else ""
            self._say(f"{found['kind']} {place}{meta['name']}: {message}")
            with contextlib.suppress(Refused, httpx.TransportError):
                await self._kube.event(found, "Warning", reason, message)
