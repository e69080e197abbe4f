"""What a policy is judged against: who and what is in the tailnet at the moment of the save.

Owns two records, Node and Tailnet, without behaviour beyond look-ups. They are made anew for every judgement.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Mapping
from dataclasses import dataclass, field

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


@dataclass(frozen=True)
class Node:
    """A device: tagged, or a person's. `user` is the login name, empty for a tagged device."""

    name: str
    user: str = ""
    tags: tuple[str, ...] = ()
    addresses: tuple[Address, ...] = ()
    routes: tuple[str, ...] = ()  # prefixes that it serves


@dataclass(frozen=True)
class Tailnet:
    """`users`: login name -> role ("owner", "admin", "member", ...). The owner's domain is the tailnet's own."""

    users: Mapping[str, str] = field(default_factory=dict)
    nodes: tuple[Node, ...] = ()

    def domains(self) -> set[str]:
        """The domains that `user:*@<domain>` may name."""
        return {user.rpartition("@")[2] for user, role in self.users.items() if role == "owner"}

    def node_at(self, address: Address) -> Node | None:
        return next((node for node in self.nodes if address in node.addresses), None)
