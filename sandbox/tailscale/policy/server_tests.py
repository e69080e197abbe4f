"""The `tests` section: what must and must not be reachable, asserted on every save.

Owns the evaluation and its error texts. Tests see acls and the network part of grants, never application
capabilities. A source is tried as a device that somebody of that name might have and as every device that they
do have: `accept` must hold for all of these, `deny` for each. So a test can be passed before the first device of
a tag exists; whether the real service does the same is not recorded anywhere.
"""

from __future__ import annotations

import ipaddress
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sandbox.tailscale.policy import grammar
from sandbox.tailscale.policy.document import Document, Entry, kept
from sandbox.tailscale.policy.reach import Party, Reach, party_of
from sandbox.tailscale.policy.refusal import TESTS_FAILED, Refusal, quoted
from sandbox.tailscale.policy.selectors import is_user
from sandbox.tailscale.policy.tailnet import Tailnet


@dataclass(frozen=True)
class Case:
    """One holder of a name: as anybody who might hold it, and as the devices of those who do."""

    anybody: Party
    devices: tuple[Party, ...]


def check(document: Document, tailnet: Tailnet, reach: Reach, tests: list[Entry] | None = None) -> None:
    """Run the document's tests, or `tests` against it. Raises Refusal with one item of data per failed source."""
    failures: dict[str, list[str]] = {}
    for test in document.entries("tests") if tests is None else tests:
        errors = _Test(test, document, tailnet, reach).errors()
        if errors:
            failures.setdefault(str(test.get("src", "")), []).extend(errors)
    if failures:
        raise Refusal(TESTS_FAILED, data=[{"user": user, "errors": texts} for user, texts in failures.items()])


class _Test:
    def __init__(self, test: Entry, document: Document, tailnet: Tailnet, reach: Reach) -> None:
        self._test = test
        self._names = Names(document, tailnet)
        self._reach = reach
        self._attributes: Mapping[str, Any] = test.get("srcPostureAttrs") or {}

    def errors(self) -> list[str]:
        source = self._test.get("src", "")
        accept, deny = self._test.get("accept", []), self._test.get("deny", [])
        if not accept and not deny:
            return ["[acl test error]: test must have at least one of accept or deny"]
        try:
            sources = self._names.cases(source)
            protocols = self._protocols()
        except Refusal as error:
            return [f"[acl test error]: user or host is invalid: {error.message}"]
        wanted = [(text, True) for text in accept] + [(text, False) for text in deny]
        found = (self._error(sources, protocols, text, accepted) for text, accepted in wanted)
        return [f"[acl test error]: {error}" for error in found if error]

    def _protocols(self) -> list[int]:
        """Without a protocol a test asks for TCP or UDP."""
        name = self._test.get("proto")
        return [grammar.protocol(name)] if name else [grammar.TCP, grammar.UDP]

    def _error(self, sources: list[Case], protocols: list[int], text: str, accept: bool) -> str:
        try:
            host, port = _address(text)
            destinations = self._names.cases(host)
        except Refusal as error:
            return f"address {quoted(text)}: {error.message}"
        pairs = list(itertools.product(sources, destinations))
        if accept and not all(self._all_reach(one, other, protocols, port) for one, other in pairs):
            return f"address {quoted(text)}: want: Accept, got: Drop"
        if not accept and any(self._any_reaches(one, other, protocols, port) for one, other in pairs):
            return f"address {quoted(text)}: want: Drop, got: Accept"
        return ""

    def _all_reach(self, source: Case, destination: Case, protocols: list[int], port: int) -> bool:
        if self._allowed(source.anybody, destination.anybody, protocols, port):
            return True
        pairs = _device_pairs(source, destination)
        return bool(pairs) and all(self._allowed(one, other, protocols, port) for one, other in pairs)

    def _any_reaches(self, source: Case, destination: Case, protocols: list[int], port: int) -> bool:
        pairs = [(source.anybody, destination.anybody), *_device_pairs(source, destination)]
        return any(self._allowed(one, other, protocols, port) for one, other in pairs)

    def _allowed(self, source: Party, destination: Party, protocols: list[int], port: int) -> bool:
        return any(self._reach.allows(source, destination, protocol, port, self._attributes) for protocol in protocols)


def _device_pairs(source: Case, destination: Case) -> list[tuple[Party, Party]]:
    if not source.devices and not destination.devices:
        return []
    return list(itertools.product(source.devices or (source.anybody,), destination.devices or (destination.anybody,)))


def _address(text: str) -> tuple[str, int]:
    """`host:port` with one port; an IPv6 address stands in brackets."""
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise Refusal("missing port")
    ports = grammar.ports(port)
    if ports.first != ports.last:
        raise Refusal("a test names a single port")
    return host.removeprefix("[").removesuffix("]"), ports.first


class Names:
    """What a name in a test stands for: a user, group, tag, host alias or address. No autogroups, no prefixes."""

    def __init__(self, document: Document, tailnet: Tailnet) -> None:
        self._document = document
        self._tailnet = tailnet

    def cases(self, name: str) -> list[Case]:
        """Everybody whom `name` means; never empty. Raises Refusal for a name that is unknown here."""
        groups = self._document.lists("groups")
        if name in groups:
            members = [self._user(member) for member in groups[name]]
            return members or [Case(Party(group=name), ())]
        if name in self._document.lists("tagOwners"):
            return [self._tag(name)]
        login = kept(name)
        if login in self._tailnet.users or (is_user(login) and login in self._document.named_users()):
            return [self._user(login)]
        try:
            address = ipaddress.ip_address(self._document.hosts.get(name, name))
        except ValueError:
            raise Refusal(f"unknown user or host: {quoted(name)}") from None
        node = self._tailnet.node_at(address)
        return [Case(party_of(node) if node else Party(addresses=(address,)), ())]

    def _user(self, user: str) -> Case:
        nodes = [node for node in self._tailnet.nodes if node.user == user and not node.tags]
        return Case(Party(user=user), tuple(party_of(node) for node in nodes))

    def _tag(self, tag: str) -> Case:
        nodes = [node for node in self._tailnet.nodes if tag in node.tags]
        return Case(Party(tags=(tag,)), tuple(party_of(node) for node in nodes))
