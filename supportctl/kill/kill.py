"""The kill from beginning to end: sever at Tailscale, clear the state, look once more, say what is left.

Owns the order and the exit code. Severing comes first and needs the Tailscale API alone. It is done in a quick round,
in which no step waits long for another, and in a patient one for what the API was too busy for. Clearing the state
comes after it and may fail without bringing anything back. The look at the end is for whatever was under way
meanwhile: an `up` that had just minted a credential, a device that had just asked for a key.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

from providers.tailnet.client import Client
from providers.tailnet.severance import Mark
from supportctl.kill.in_cluster import finishing
from supportctl.kill.left import Seen
from supportctl.kill.record import Record
from supportctl.kill.sever import Severing
from supportctl.kill.state import DESTROY, LIMIT, Cleared
from supportctl.kill.target import Target

STATE = "state"
GONE, LEFT, NOT_SEVERED = 0, 1, 2
"""Exit codes: all gone; access is gone and something is left that is named; access may still stand."""


UNKNOWN_NAME = "nothing at all bore the name"
"""How the line begins that says so: most likely the name was mistyped."""


class ClearsState(Protocol):
    """What clears one stack's state; see state.Stack."""

    @property
    def name(self) -> str: ...
    def clear(self, limit: float = ..., /) -> Cleared: ...


@dataclass(frozen=True, kw_only=True, slots=True)
class Order:
    """What a person asked for. stack: gives what clears the state of a stack's name; None leaves every state alone.

    cluster: what became of the objects in the cluster of a stack's name, by their labels. Raises nothing.
    """

    target: Target
    mark: Mark
    stack: Callable[[str], ClearsState] | None
    cluster: Callable[[str, Cleared], Seen] = lambda *_: Seen()
    known: tuple[str, ...] = ()
    limit: float = LIMIT
    dry: bool = False


def kill(client: Client, order: Order, record: Record, *, patient: Client | None = None) -> int:
    """Carries the order out; returns the exit code. Everything that happened is in the record.

    client: gives up a call soon. patient: the same tailnet, for what `client` gave up; None: nothing is tried longer.
    """
    severing = Severing(client, order.target, order.mark, record, known=order.known, dry=order.dry)
    severing.run()
    if patient is not None:
        severing.client = patient
        if severing.busy:
            severing.run(tuple(severing.busy))
    if order.dry:
        _would_clear(order, record, severing)
        _doubt(order, record, severing)
        return NOT_SEVERED if record.failed else GONE
    if order.stack is None:
        record.add(STATE, "skipped", ["left alone, as asked: `pulumi destroy` clears it"])
    else:
        _clear(order, record, [order.stack(environment.name) for environment in severing.environments])
    severed = severing.run()
    _doubt(order, record, severing)
    return NOT_SEVERED if not severed else LEFT if record.failed or record.left else GONE


def _would_clear(order: Order, record: Record, severing: Severing) -> None:
    for environment in severing.environments if order.stack is not None else ():
        record.add(f"{STATE} of {environment.name}", "would be done", [DESTROY.format(stack=environment.name)])


def _clear(order: Order, record: Record, stacks: Sequence[ClearsState]) -> None:
    for stack in stacks:
        name = f"{STATE} of {stack.name}"
        rest = "" if record.failed else ". Access is revoked: the rest may be interrupted"
        record.begin(name, f"{DESTROY.format(stack=stack.name)}, for at most {order.limit:.0f} s{rest}")
        try:
            cleared = stack.clear(order.limit)
        except Exception as error:  # whatever is wrong with it, the look at the end is not held up
            record.add(name, "failed", error=f"a fault of this program: {type(error).__name__}: {error}")
            continue
        _told(order, record, stack.name, name, cleared)


def _told(order: Order, record: Record, stack: str, name: str, cleared: Cleared) -> None:
    told = [cleared.told] if cleared.told else []
    if not cleared.clear:
        record.add(name, "failed", [*told, *(f"still names {resource}" for resource in cleared.left)], cleared.error)
    elif cleared.empty:
        record.add(name, "nothing to do", ["the backend has no such stack, or nothing in it"])
    else:
        record.add(name, "done", [*told, "clear"])
    if cleared.look and (cleared.clear or cleared.in_cluster is not None):
        seen = order.cluster(stack, cleared)
        if seen.done:
            record.add(f"cluster of {stack}", "done", seen.done)
        record.left += seen.left
    elif cleared.in_cluster is not None:
        record.left.append(finishing(stack, cleared.in_cluster))
    record.save()


def _doubt(order: Order, record: Record, severing: Severing) -> None:
    """What was meant by a name that nothing bears stands."""
    states = [step for step in record.steps if step.name.startswith(STATE)]
    held = any(step.what and step.status in ("done", "failed") for step in states)
    if severing.seen or held or severing.others is None:
        return
    name, marks = order.target.name, order.target.environment and not order.dry
    record.left.append(
        f"{UNKNOWN_NAME} {name}: was another one meant? The policy document has "
        f"{', '.join(severing.others) or 'no environment'}"
        + (f". `supportctl revive {name}` takes the mark away again" if marks else "")
    )
