"""What the names in a policy document stand for: groups, hosts, ipsets, autogroups.

Owns the look-up of names and the question whether one selector includes another. It does not know whose a tag is
(`standing`) nor which rules there are (`rules`). A name that means nothing stands for nobody. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from ..ownership import section_of
from .networks import TAILNET_RANGES, Network, Networks, inside, read, without

Document = Mapping[str, Any]

EVERYBODY = "autogroup:danger-all"
"""Every source there is, people of other tailnets too; `*` is every device of this one."""

MEMBERS = "autogroup:member"
TAGGED = "autogroup:tagged"
SHARED = "autogroup:shared"
SELF = "autogroup:self"
INTERNET = "autogroup:internet"
ROLES = frozenset(
    f"autogroup:{role}" for role in ("owner", "admin", "network-admin", "it-admin", "billing-admin", "auditor")
)
"""People with a role in the tailnet. The document does not say who they are."""


def texts(value: Any) -> list[str]:
    """The strings of a list; a string alone is a list of one."""
    if isinstance(value, str):
        return [value]
    return [text for text in value if isinstance(text, str)] if isinstance(value, list | tuple) else []


def entries(document: Document, section: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Index and entry of each object in a section of entries."""
    value = section_of(document, section)
    if isinstance(value, list | tuple):
        yield from ((index, entry) for index, entry in enumerate(value) if isinstance(entry, Mapping))


def fields(entry: Mapping[str, Any]) -> dict[str, Any]:
    """An entry's fields with their names in lower case: the server takes them in any."""
    return {key.lower(): value for key, value in entry.items()}


def is_user(selector: str) -> bool:
    """Whether this is a login name (`ada@example.com`, `ada@github`)."""
    return "@" in selector and not selector.startswith(("group:", "tag:", "autogroup:", "user:", "svc:"))


class Names:
    """The names that one document defines."""

    def __init__(self, document: Document) -> None:
        self._groups = _mapping(document, "groups")
        self._hosts = _mapping(document, "hosts")
        self._ipsets = _mapping(document, "ipsets")
        self._networks: dict[str, Networks] = {}

    def members(self, group: str) -> tuple[str, ...]:
        """The users of a group that the document lists; none for one that comes from the identity provider."""
        return tuple(dict.fromkeys(texts(self._groups.get(group))))

    def is_known_group(self, group: str) -> bool:
        """Whether the document lists the group, so that `members` is all of it."""
        return group in self._groups

    def networks(self, selector: str) -> Networks:
        """The addresses of a host, ipset, address or prefix; empty for every other selector."""
        if selector not in self._networks:
            self._networks[selector] = self._resolve(selector, frozenset())
        return self._networks[selector]

    def _resolve(self, selector: str, seen: frozenset[str]) -> Networks:
        if selector.startswith("ipset:"):
            return () if selector in seen else self._ipset(selector, seen | {selector})
        name = selector.removeprefix("host:")
        address = self._hosts.get(name)
        return read(address if isinstance(address, str) else name)

    def _ipset(self, name: str, seen: frozenset[str]) -> Networks:
        found: tuple[Network, ...] = ()
        for text in texts(self._ipsets.get(name)):
            verb, _, rest = text.partition(" ")
            meant = self._resolve(rest.strip() if verb in ("add", "remove") else text.strip(), seen)
            if verb == "remove":
                for network in meant:
                    found = without(found, network)
            else:
                found += meant
        return found

    def elements(self, selector: str) -> tuple[str, ...]:
        """The users of a group that the document lists and that is not empty; else the selector itself."""
        return self.members(selector) or (selector,)

    def includes(self, wide: str, narrow: str, *, after: Names | None = None) -> bool:
        """Whether everybody of `narrow` certainly is one of `wide`. `narrow` is read in `after`, another document's
        names, where that is given. Where the document cannot tell, the answer is no.
        """
        other = after or self
        wide, narrow = _current(wide), _current(narrow)
        if wide in (EVERYBODY, narrow) and not (wide == narrow and self._redefined(wide, other)):
            return True
        if narrow in (EVERYBODY, SHARED, SELF, INTERNET):
            return False
        if narrow.startswith("group:") and other.is_known_group(narrow):
            users = other.members(narrow)
            if wide == narrow and self.is_known_group(wide):
                return set(users) <= set(self.members(wide))
            return bool(users) and all(self.includes(wide, user, after=other) for user in users)
        if networks := other.networks(narrow):
            return inside(networks, TAILNET_RANGES if wide == "*" else self.networks(wide))
        if wide == "*":
            return True
        if narrow.startswith("tag:"):
            return wide == TAGGED
        if wide == MEMBERS:
            return narrow in ROLES or narrow.startswith(("group:", "user:")) or is_user(narrow)
        if wide.startswith("user:*@"):
            return is_user(narrow) and narrow.endswith(wide.removeprefix("user:*"))
        return is_user(narrow) and narrow in self.members(wide)

    def _redefined(self, name: str, other: Names) -> bool:
        """Whether `other` may mean more by the same name."""
        if not name.startswith("group:"):
            return not inside(other.networks(name), self.networks(name))
        before, now = self._listed(name), other._listed(name)
        return before is not None and (now is None or not now <= before)

    def _listed(self, group: str) -> set[str] | None:
        """The members; None for a group that the identity provider fills (`group:name@domain`)."""
        return None if "@" in group and not self.is_known_group(group) else set(self.members(group))


def covered(names: Names, wide: Iterable[str], narrow: str, *, after: Names | None = None) -> bool:
    """Whether everybody of `narrow` is in one or another of `wide`."""
    several = tuple(wide)
    if any(names.includes(one, narrow, after=after) for one in several):
        return True
    parts = (after or names).elements(narrow)
    return parts != (narrow,) and all(any(names.includes(one, part, after=after) for one in several) for part in parts)


def _current(selector: str) -> str:
    return MEMBERS if selector == "autogroup:members" else selector


def _mapping(document: Document, section: str) -> Mapping[str, Any]:
    value = section_of(document, section)
    return value if isinstance(value, Mapping) else {}
