"""Waiting for objects to become ready or to be gone.

Owns timeouts, polling and cancellation. What "ready" means is readiness's business. Dies when it is cancelled: every
wait that is under way then ends at its next look.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field

from sandbox.plugins.kubernetes import kinds, readiness
from sandbox.plugins.kubernetes.cluster import ApiError, Cluster
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.values import Object

DEFAULT_SECONDS = 600.0
_FIRST_PAUSE = 0.05
_LONGEST_PAUSE = 1.0


@dataclass(frozen=True)
class Outcome:
    """The object as last seen; `message` is empty when it is ready, else `reasons` may say more."""

    live: Object
    message: str = ""
    reasons: Sequence[str] = field(default_factory=list)


class Waiting:
    """The waits of one plugin process."""

    def __init__(self) -> None:
        self._cancelled = asyncio.Event()

    def cancel(self) -> None:
        self._cancelled.set()

    @property
    def over(self) -> bool:
        """Whether everything has been cancelled."""
        return self._cancelled.is_set()

    async def cancelled(self, seconds: float) -> bool:
        """Pause; True as soon as everything is cancelled."""
        try:
            await asyncio.wait_for(self._cancelled.wait(), seconds)
        except TimeoutError:
            return False
        return True

    async def problems(self, cluster: Cluster, live: Object, inputs: Object) -> list[str]:
        """Why the object is not ready now; nothing where there is nothing to wait for."""
        if not readiness.awaited(live) or readiness.annotation(inputs, "skipAwait") == "true":
            return []
        return await asyncio.to_thread(readiness.problems, live, cluster.items)

    async def until_ready(self, cluster: Cluster, live: Object, inputs: Object, timeout: float) -> Outcome:
        """Until the object is ready or `timeout` (seconds; 0 for the default) has passed."""
        deadline = _deadline(timeout, inputs)
        pause = _FIRST_PAUSE
        name = live["metadata"]["name"]
        kind, namespace = kinds.of_object(live), live["metadata"].get("namespace", "")
        while reasons := await self.problems(cluster, live, inputs):
            if asyncio.get_running_loop().time() >= deadline:
                return Outcome(live, f"'{name}' timed out waiting to be Ready", reasons)
            if await self.cancelled(pause):
                return Outcome(live, f'Resource operation was cancelled for "{name}"', reasons)
            pause = min(2 * pause, _LONGEST_PAUSE)
            live = await asyncio.to_thread(cluster.get, kind, namespace, name)
        return Outcome(live)

    async def until_gone(
        self, cluster: Cluster, kind: Kind, live: Object, inputs: Object, timeout: float
    ) -> Object | None:
        """None once the object is gone (one of the same name made since counts as gone), else what is left."""
        deadline = _deadline(timeout, inputs)
        pause = _FIRST_PAUSE
        metadata = live["metadata"]
        left = live
        while True:
            try:
                left = await asyncio.to_thread(cluster.get, kind, metadata.get("namespace", ""), metadata["name"])
            except ApiError as error:
                if error.not_found:
                    return None
            if left["metadata"]["uid"] != metadata["uid"]:
                return None
            if asyncio.get_running_loop().time() >= deadline or await self.cancelled(pause):
                return left
            pause = min(2 * pause, _LONGEST_PAUSE)


def _deadline(timeout: float, inputs: Object) -> float:
    """When to give up: the resource option customTimeouts, else the annotation, else ten minutes."""
    declared = readiness.annotation(inputs, "timeoutSeconds")
    seconds = timeout or (float(declared) if declared.isdigit() else DEFAULT_SECONDS)
    return asyncio.get_running_loop().time() + seconds
