"""What is needed and a target's rules do not open, because their kind cannot: told at every run, never silently.

Owns the comparison and the words. Compares names and addresses as they are written; nothing is looked up, so a name
that leads to a private address counts as any other.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterable
from typing import Any

import pulumi

from components.egress.destinations import By, Destination
from components.egress.target import TargetArgs
from components.endpoints.hosts import address_of
from components.endpoints.published import HTTPS
from components.settings.problems import Problem, SettingsError, config_key, remove_command

Opens = Callable[[Destination], bool]
"""Whether a kind of rule can open one row of TCP."""


def is_named(row: Destination) -> bool:
    """For rules that compare names."""
    return address_of(row.host) is None


def is_named_on_443(row: Destination) -> bool:
    """For rules that compare names and have one port."""
    return is_named(row) and row.port == HTTPS


def within(ranges: Iterable[str]) -> Opens:
    """For rules that open TCP 443 to ranges. Of a name it is not known where it leads."""
    networks = [ipaddress.ip_network(cidr) for cidr in ranges]

    def opens(row: Destination) -> bool:
        address = address_of(row.host)
        return row.port == HTTPS and (address is None or any(address in network for network in networks))

    return opens


def left_out(rows: Iterable[Destination], opens: Opens) -> list[str]:
    """`host:port` of what is dialled by TCP in the customer's network and is not opened; each once, sorted."""
    tcp = [row for row in rows if row.protocol == "tcp" and row.by is not By.DEPLOYER]
    return sorted({f"{row.host}:{row.port}" for row in tcp if not opens(row)})


def tell(args: TargetArgs[Any], opens: Opens, what: str) -> None:
    """Warns of what is left out, and ends the run when that is everything. what: the target opens, `names on TCP 443`.

    Raises RunError: a rule for no name at all is refused by one cloud, and by another taken for one for every host.
    """
    egress, ends = args.egress, left_out(args.rows, opens)
    told = f"does not open {', '.join(ends)}: it opens {what}."
    if ends == left_out(args.rows, lambda _: False):
        problem = Problem(
            config_key(("egress", args.index)),
            f"It opens nothing that is needed: {egress.target} {told}",
            "The stack needs nothing else by TCP, and a rule that names no host may be one for every host.",
            f"the customer opens these; {remove_command(args.names.name, ('egress', args.index))}",
        )
        raise pulumi.RunError(str(SettingsError(args.names.name, [problem])))
    if ends:
        pulumi.log.warn(f"{egress.target} on {egress.place} {told} The customer has to.")
