"""What the operator does about one kind of object, and what all its controllers share: finalizers, conditions.

Owns the form that `reconciler` drives. Knows no kind.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from sandbox.operator.kube import Kube, Object
from sandbox.operator.proxy_set import FINALIZER


class NotYet(Exception):  # noqa: N818 - nothing is wrong
    """The object is not where it should be, and there is nothing to do but wait."""


class Invalid(Exception):  # noqa: N818 - it is a verdict
    """The object cannot be served as it is: the event's reason and message. Tried again only when it changes."""

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class Controller(Protocol):
    """One kind. collection: the API's path of all its objects; failed: the reason of events about refusals."""

    collection: str
    failed: str

    def concerns(self, found: Object) -> bool:
        """Whether the operator looks at this object at all."""
        ...

    async def reconcile(self, found: Object) -> None:
        """One attempt. Raises NotYet, Invalid, and whatever refuses."""
        ...


def is_deleted(found: Object) -> bool:
    return "deletionTimestamp" in found["metadata"]


def has_finalizer(found: Object) -> bool:
    """Whether the operator has to clean up before this object may go."""
    return FINALIZER in found["metadata"].get("finalizers", [])


async def add_finalizer(kube: Kube, path: str, found: Object) -> None:
    """Puts it on and raises NotYet, because the object has changed; returns when it is there."""
    if not has_finalizer(found):
        await _set(kube, path, found, [*found["metadata"].get("finalizers", []), FINALIZER])
        raise NotYet


async def drop_finalizer(kube: Kube, path: str, found: Object) -> Object:
    """The object without it."""
    return await _set(kube, path, found, [name for name in found["metadata"]["finalizers"] if name != FINALIZER])


async def set_condition(
    kube: Kube, path: str, found: Object, kind: str, *, ready: bool, reason: str, message: str = "", **status: Any
) -> None:
    """Writes one condition, and `status` beside it, when that changes anything."""
    current = found.get("status") or {}
    conditions = [one for one in current.get("conditions") or [] if one["type"] != kind]
    old = next((one for one in current.get("conditions") or [] if one["type"] == kind), {})
    new = {"type": kind, "status": str(ready), "reason": reason, "message": message or reason}
    same_status = all(current.get(key) == value for key, value in status.items())
    if same_status and all(old.get(key) == value for key, value in new.items()):
        return
    since = old.get("lastTransitionTime") if old.get("status") == new["status"] else None
    new["lastTransitionTime"] = since or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    # Replaced, not patched: the chart's role lets the operator do no more to the status of its custom resources.
    shown = {**current, "conditions": [*conditions, new], **status}
    await kube.replace(f"{path}/status", {**found, "status": shown})


async def _set(kube: Kube, path: str, found: Object, finalizers: list[str]) -> Object:
    return await kube.replace(path, {**found, "metadata": {**found["metadata"], "finalizers": finalizers}})
