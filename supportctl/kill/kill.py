"""The kill from beginning to end: sever at Tailscale, clear the state, look once more, say what is left.

Owns the order and the exit code. Severing comes first and needs the Tailscale API alone; clearing the state comes
after it and may fail without bringing anything back. The second look at the end is for whatever was under way
meanwhile: an `up` that had just minted a credential, a device that had just asked for a key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from providers.tailnet.client import Client
from providers.tailnet.severance import Mark
from supportctl.kill.in_cluster import finishing
from supportctl.kill.record import Record
from supportctl.kill.sever import Severing
from supportctl.kill.state import LIMIT, Cleared
from supportctl.kill.target import Target

STATE = "state"
GONE, LEFT, NOT_SEVERED = 0, 1, 2
"""Exit codes: all gone; access is gone and something is left that is named; access may still stand."""


class ClearsState(Protocol):
    """What clears one stack's state; see state.Stack."""

    @property
    def name(self) -> str: ...
    def clear(self, limit: float = ..., /) -> Cleared: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a person asked for. stack: gives what clears the state of a stack's name; None leaves every state alone."""

    target: Target
    mark: Mark
    stack: Callable[[str], ClearsState] | None
    known: tuple[str, ...] = ()
    limit: float = LIMIT
    dry: bool = False


def kill(client: Client, order: Order, record: Record) -> int:
    """Carries the order out; returns the exit code. Everything that happened is in the record."""
    severing = Severing(client, order.target, order.mark, record, known=order.known, dry=order.dry)
    severed = severing.run()
    if order.dry:
        return GONE if severed else NOT_SEVERED
    if order.stack is None:
        record.add(STATE, "skipped", ["left alone, as asked: `pulumi destroy` clears it"])
    else:
        stacks = [environment.name for environment in severing.environments] or _named(order.target)
        _clear(order, record, [order.stack(name) for name in stacks])
    severed = severing.run()
    record.save()
    if not severed:
        return NOT_SEVERED
    return LEFT if record.failed or record.left else GONE


def _named(target: Target) -> list[str]:
    """The policy could not be read: a stack that was named is known all the same."""
    return [target.environment.name] if target.environment else []


def _clear(order: Order, record: Record, stacks: Sequence[ClearsState]) -> None:
    for stack in stacks:
        cleared = stack.clear(order.limit)
        name = f"{STATE} of {stack.name}"
        if cleared.clear:
            record.add(name, "done", ["clear"])
        else:
            record.add(name, "failed", [f"still names {resource}" for resource in cleared.left], cleared.error)
        if cleared.in_cluster is not None:
            record.left.append(finishing(stack.name, cleared.in_cluster))
            record.save()
