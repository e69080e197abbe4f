"""One kind of resource, described once: its inputs, what the service decides, what forces a replacement, and how it
is made and unmade.

From the description follow check, diff, previews and import (see provider.py), in the way of the real, bridged
plugins: the state of a resource is its inputs and what the service added, side by side, and a diff compares the
declared inputs with that state.
"""

# ruff: noqa: ARG002 - parameters of the interface that a subclass may need

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from sandbox.plugins.values import UNKNOWN, Plain, Properties, has_unknown


class Failure(Exception):  # noqa: N818 - named for what the user sees
    """An operation failed, and its text tells the user why. Anything else that is raised is a fault of the stand-in
    itself.
    """


class InvalidInput(Exception):  # noqa: N818 - named for what the user sees
    """An input that the provider refuses before it asks the service. `property` is the input's name."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.property = name
        self.reason = reason


@dataclass(frozen=True, kw_only=True)
class Input:
    """What holds for one input.

    `default` is what its absence means; `served` says that the service chooses a value when it is absent;
    `replaces` that a change of it makes a new resource; `unordered` that it is a set.
    """

    required: bool = False
    default: Plain = None
    served: bool = False
    replaces: bool = False
    unordered: bool = False

    def same(self, old: Plain, new: Plain) -> bool:
        if has_unknown(new):
            return False
        new = self.default if new is None else new
        if new is None and self.served:
            return True
        if self.unordered and isinstance(old, list) and isinstance(new, list):
            return len(old) == len(new) and all(item in old for item in new)
        return (old or None) == (new or None) if is_empty(old) or is_empty(new) else old == new


def is_empty(value: Plain) -> bool:
    """Null, "", [] and {} are one and the same to the real plugins; 0 and false are not."""
    return value is None or value == "" or value == [] or value == {}


class Kind(ABC):
    """Subclasses describe one resource type and talk to its service in plain properties."""

    token: ClassVar[str]
    inputs: ClassVar[Mapping[str, Input]]
    outputs: ClassVar[frozenset[str]] = frozenset()  # what the service alone decides
    volatile: ClassVar[frozenset[str]] = frozenset()  # those outputs that any update changes
    secrets: ClassVar[frozenset[str]] = frozenset()  # outputs that are secret whatever the inputs are
    delete_before_replace: ClassVar[bool] = False

    @abstractmethod
    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        """Makes it. `inputs` are complete with defaults. Returns its id and its state. Raises Failure."""

    @abstractmethod
    async def read(self, identity: str, state: Properties) -> Properties | None:
        """Its state as the service tells it, or None when it is gone. `state` is empty when it is being imported."""

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        """Changes it in place; returns its new state. Not called for kinds whose every input forces a replacement."""
        raise NotImplementedError(f"{self.token} has nothing to change in place")

    @abstractmethod
    async def delete(self, identity: str, state: Properties) -> None:
        """Unmakes it. Already gone is no failure."""

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        """Completes the inputs (a generated name). Raises InvalidInput. `name` is the resource's name in the
        program.
        """
        return inputs

    def replacing(self, state: Properties, inputs: Properties) -> set[str]:
        """Properties that force a replacement for a reason that Input cannot express."""
        return set()

    def declared(self, inputs: Properties) -> Properties:
        """The inputs with their defaults filled in."""
        filled = {name: inputs.get(name, spec.default) for name, spec in self.inputs.items()}
        return {name: value for name, value in filled.items() if value is not None}

    def planned(self, inputs: Properties, state: Properties) -> Properties:
        """The next state as far as a preview can know it; `state` is the present one, empty before a creation."""
        served = {name for name, spec in self.inputs.items() if spec.served}
        open_values = dict.fromkeys(self.outputs | served, UNKNOWN)
        kept = {name: state[name] for name in open_values if name in state and name not in self.volatile}
        return open_values | kept | self.declared(inputs)

    def inputs_of(self, state: Properties, before: Properties) -> Properties:
        """The inputs that declare `state`, in the words of `before` where these still hold; `before` is empty at an
        import.
        """
        found = {}
        for name, spec in self.inputs.items():
            value = state.get(name)
            if name in before and spec.same(value, before[name]):
                found[name] = before[name]
            elif before and spec.served and name not in before:
                continue  # the service's own choice, and nobody declared another
            elif not is_empty(value) and value != spec.default:
                found[name] = value
        return found
