"""Whether one party reaches another under the network rules of a document: the evaluator.

Owns the match of selectors with parties. It judges names, not packets: a party is somebody (a user, a holder of tags,
an address), with or without a device of their own. It reports no verdict on a document (the server's tests do) and
knows no environments (`standing` does). Adding a rule never takes reach away. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from ..logins import document_in_one_spelling, lowered
from .names import EVERYBODY, INTERNET, MEMBERS, ROLES, SELF, TAGGED, Document, Names, is_user
from .networks import Networks, in_tailnet, inside, is_single, overlap, read
from .rules import TCP, Rule, rules


@dataclass(frozen=True, slots=True)
class Party:
    """One side of a connection. A device has tags or a user, never both. `group`: an unnamed member of a group."""

    user: str = ""
    tags: tuple[str, ...] = ()
    addresses: Networks = ()
    group: str = ""

    @classmethod
    def of_device(cls, device: Mapping[str, Any]) -> Party:
        """From `{"tags": [...], "user": "ada@example.com", "addresses": ["100.64.0.7", ...]}`; members may lack."""
        tags = tuple(device.get("tags") or ())
        found = tuple(network for address in device.get("addresses") or () for network in read(address))
        return cls(user="" if tags else lowered(device.get("user") or ""), tags=tags, addresses=found)


class Evaluator:
    """The rules of one document. Raises nothing, whatever the document holds.

    roles: login name to role (`admin`, `owner`, ...). Without it anybody may have any role: the answer then is on the
    wide side, as the document cannot tell.
    """

    def __init__(
        self,
        document: Document,
        devices: Iterable[Mapping[str, Any]] = (),
        *,
        roles: Mapping[str, str] | None = None,
    ) -> None:
        document = document_in_one_spelling(document)
        self.names = Names(document)
        self._rules = rules(document)
        self._devices = tuple(Party.of_device(device) for device in devices)
        self._roles = roles

    def party(self, name: str) -> Party | None:
        """Somebody whom a user, tag, group, host or address names; the device that has the address. None: nobody.

        A group's party is an unnamed member, whom only the group itself and what includes all people match.
        """
        if name.startswith("tag:"):
            return Party(tags=(name,))
        if name.startswith("group:"):
            return Party(group=name)
        if is_user(name):
            return Party(user=lowered(name))
        networks = self.names.networks(name)
        if not is_single(networks):
            return None
        holder = (device for device in self._devices if overlap(networks, device.addresses))
        return next(holder, Party(addresses=networks))

    def allows(
        self, source: Party, destination: Party, port: int, protocol: int = TCP, *, meets_postures: bool = True
    ) -> bool:
        """Whether a rule lets `source` through. With meets_postures False, only rules that ask for no posture."""
        return any(
            (meets_postures or not rule.postures) and self._matches(rule, source, destination, port, protocol)
            for rule in self._rules
        )

    def _matches(self, rule: Rule, source: Party, destination: Party, port: int, protocol: int) -> bool:
        return any(self.is_source(selector, source) for selector in rule.sources) and any(
            any(opening.admits(port, protocol) for opening in openings)
            and self.is_destination(selector, destination, source)
            for selector, openings in rule.destinations
        )

    def is_source(self, selector: str, party: Party) -> bool:
        """Whether a source selector names this party."""
        if selector == "*":
            return bool(party.user or party.tags or party.group) or in_tailnet(party.addresses)
        return selector == EVERYBODY or self._names(selector, party)

    def is_destination(self, selector: str, party: Party, source: Party) -> bool:
        """Whether a destination selector names this party, seen from `source`."""
        if selector == "*":
            return True
        if selector == SELF:
            return bool(party.user) and party.user == source.user
        if selector == INTERNET:
            return any(network.is_global and not in_tailnet((network,)) for network in party.addresses)
        return self._names(selector, party)

    def _names(self, selector: str, party: Party) -> bool:
        if selector.startswith("tag:"):
            return selector in party.tags
        if selector.startswith("group:"):
            return party.group == selector or (bool(party.user) and party.user in self.names.members(selector))
        if selector.startswith("user:*@"):
            return bool(party.user) and party.user.endswith(selector.removeprefix("user:*"))
        if selector in (MEMBERS, "autogroup:members"):
            return bool(party.user or party.group)
        if selector == TAGGED:
            return bool(party.tags)
        if selector in ROLES:
            return bool(party.user or party.group) and self._may_have(selector.removeprefix("autogroup:"), party.user)
        if is_user(selector):
            return party.user == selector
        networks = self.names.networks(selector)
        return any(inside((address,), networks) for address in party.addresses)

    def _may_have(self, role: str, user: str) -> bool:
        return self._roles is None or self._roles.get(user) == role
