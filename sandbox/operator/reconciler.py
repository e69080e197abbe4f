"""Follows all Services of a cluster and brings each to where it should be, again with back-off after a
refusal.

Owns when something is tried; `exposure` owns what. A refusal is one Warning event per distinct reason. Ends
with `Fatal` when the ServiceAccount may not watch Services at all; with the operator gone nobody removes a
finalizer.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass
from typing import NoReturn

import httpx

from sandbox.operator import service as services
from sandbox.operator.container import Fatal, Say
from sandbox.operator.exposure import Exposure, NotYet
from sandbox.operator.kube import Kube, Object, Refused
from sandbox.operator.tailnet import Refusal
from sandbox.operator.tasks import until_one_fails

_FIRST_SECONDS, _LAST_SECONDS = 0.5, 15.0
_NEVER = float("inf")


@dataclass
class _Progress:
    """How far one Service is: the version that was dealt with, when to try again, what went wrong last."""

    version: str = ""
    again_at: float = _NEVER
    failures: int = 0
    problem: str = ""


class Reconciler:
    """Keeps the Services of one cluster exposed as they ask for it."""

    def __init__(self, kube: Kube, exposure: Exposure, say: Say) -> None:
        self._kube, self._exposure, self._say = kube, exposure, say
        self._services: dict[str, Object] = {}
        self._progress: dict[str, _Progress] = {}
        self._changed = asyncio.Event()

    async def run(self) -> NoReturn:
        """Runs until cancelled."""
        await until_one_fails(self._follow(), self._work())
        raise AssertionError("neither ends")

    async def _follow(self) -> NoReturn:
        try:
            async for found in self._kube.follow("/api/v1/services"):
                self._services = {one["metadata"]["uid"]: one for one in found if services.concerns_operator(one)}
                self._changed.set()
        except Refused as refused:
            raise Fatal(f"watching Services: {refused}") from refused
        raise AssertionError("a collection is followed for ever")

    async def _work(self) -> NoReturn:
        while True:
            due = min((one.again_at for one in self._progress.values()), default=_NEVER) - time.monotonic()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), None if due == _NEVER else max(due, 0))
            self._changed.clear()
            self._progress = {uid: self._progress.get(uid, _Progress()) for uid in self._services}
            for uid, service in list(self._services.items()):
                progress = self._progress[uid]
                is_new = progress.version != service["metadata"]["resourceVersion"]
                if is_new or progress.again_at <= time.monotonic():
                    await self._attempt(service, progress)

    async def _attempt(self, service: Object, progress: _Progress) -> None:
        progress.version, progress.again_at = service["metadata"]["resourceVersion"], _NEVER
        try:
            await self._reconcile(service, progress)
        except NotYet:
            progress.again_at = time.monotonic() + _FIRST_SECONDS
        except (Refused, Refusal, httpx.TransportError) as error:
            progress.again_at = time.monotonic() + min(_FIRST_SECONDS * 2**progress.failures, _LAST_SECONDS)
            progress.failures += 1
            overtaken = isinstance(error, Refused) and error.status in (404, 409)
            if not overtaken:
                await self._warn(service, progress, "ProxyFailed", str(error))
        else:
            progress.failures = 0

    async def _reconcile(self, service: Object, progress: _Progress) -> None:
        if services.is_leaving(service):
            if services.has_finalizer(service):
                await self._exposure.clean_up(service)
        elif found := services.violations(service):
            message = f"unable to provision proxy resources: invalid Service: {', '.join(found)}"
            await self._warn(service, progress, "INVALIDSERVICE", message)
        else:
            await self._exposure.provision(service)

    async def _warn(self, service: Object, progress: _Progress, reason: str, message: str) -> None:
        if message != progress.problem:
            progress.problem = message
            meta = service["metadata"]
            self._say(f"Service {meta['namespace']}/{meta['name']}: {message}")
            with contextlib.suppress(Refused, httpx.TransportError):
                await self._kube.event(service, "Warning", reason, message)
