"""What every egress target's component is given and gives back, whichever cloud it is for.

Owns the arguments and the texts that name what a stack makes. Makes nothing itself.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, TypeVar

import pulumi

from components.egress.destinations import Destination
from components.naming import LABEL_DOMAIN, Names
from components.settings.egress_target import TargetSettings

T = TypeVar("T", bound=TargetSettings)


@dataclass(frozen=True, kw_only=True, slots=True)
class TargetArgs(Generic[T]):
    """egress: the target's settings. index: its place in the list, for messages. names: of the environment, on every
    object. rows: what must be reached; of a proxy, what it is asked for. provider: of the target's cloud. narrowed:
    what must have taken away access that is no longer declared, before the customer's cloud is asked anything."""

    egress: T
    index: int
    names: Names
    rows: tuple[Destination, ...]
    provider: pulumi.ProviderResource
    narrowed: pulumi.Resource


class Target(pulumi.ComponentResource):
    """One target: objects of ours only, added beside the customer's."""

    handoff: dict[str, Any]
    """What the stack exports of it: `target`, `place`, ids of what was made, what the customer adds if anything."""


def description(names: Names) -> str:
    """For every object's description. At most 88 characters, letters, digits, spaces, commas and hyphens: what the
    strictest cloud takes."""
    return f"Tailscale operator, support access to {names.name}"


def tags(names: Names) -> dict[str, str]:
    """For every object that can be tagged."""
    return {"Name": names.resource("egress"), **names.labels, f"{LABEL_DOMAIN}/stack": names.name}
