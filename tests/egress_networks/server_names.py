"""A filter that reads the TLS server name and follows rules in Suricata's language, as AWS Network Firewall does.

Owns the few words of the language that the targets and a customer's denial write, and the order: in STRICT_ORDER groups
by their priority and rules as they stand, the policy's default action at the end; in DEFAULT_ACTION_ORDER every pass
before every drop, and what no rule names goes through. A word that is not known here is an error. UDP that no rule
passes counts as dropped by `aws:drop_established`; whether its first packet gets out was not seen.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from tests.egress_networks.addresses import ANYWHERE, contains
from tests.egress_networks.connections import Connection

Order = Literal["STRICT_ORDER", "DEFAULT_ACTION_ORDER"]
Variables = dict[str, tuple[str, ...]]

_RULE = re.compile(
    r"(?P<action>pass|drop) (?P<protocol>tls|udp|tcp|http) (?P<source>\S+) any -> (?P<target>\S+) (?P<port>\d+|any)"
    r" \((?P<options>.*)\)"
)
_FLAGS = {"tls.sni", "dotprefix", "nocase", "startswith", "endswith"}
_SPOKEN = ("ssl_state:client_hello", "flow:to_server, established", "flow:to_server")
"""What is true of every connection that is asked about here: it is the client's side of one that came about."""


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule. content: what the server name is compared with, None for any."""

    action: str
    protocol: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    port: int | None
    flags: frozenset[str]
    content: str | None

    def matches(self, connection: Connection) -> bool:
        return (
            self.protocol in (connection.content, connection.protocol)
            and self.port in (None, connection.port)
            and contains(self.sources, connection.source)
            and contains(self.targets, connection.address)
            and (self.content is None or self._names(connection.host if connection.content == "tls" else None))
        )

    def _names(self, host: str | None) -> bool:
        if host is None or self.content is None:
            return False
        said, wanted = (f".{host}" if "dotprefix" in self.flags else host), self.content
        if "nocase" in self.flags:
            said, wanted = said.lower(), wanted.lower()
        begins, ends = "startswith" in self.flags, "endswith" in self.flags
        if begins and ends:
            return said == wanted
        return said.endswith(wanted) if ends else said.startswith(wanted) if begins else wanted in said


def parse(text: str, variables: Variables) -> list[Rule]:
    """Rules of one group, one a line. variables: of the group, `{"HOME_NET": (...)}`. ValueError for unknown words."""
    return [_parsed(line, variables) for line in text.splitlines()]


def _parsed(line: str, variables: Variables) -> Rule:
    found = _RULE.fullmatch(line)
    if found is None:
        raise ValueError(f"not a rule that is understood here: {line}")
    flags, content = set[str](), None
    for word in filter(None, (part.strip() for part in found["options"].split(";"))):
        if word.startswith("content:"):
            content = word.removeprefix("content:").strip('"')
        elif word in _FLAGS:
            flags.add(word)
        elif word not in _SPOKEN and not word.startswith(("msg:", "sid:", "rev:")):
            raise ValueError(f"{word!r} is not understood here: {line}")
    if content is not None and "tls.sni" not in flags:
        raise ValueError(f"content without tls.sni: {line}")
    return Rule(
        action=found["action"],
        protocol=found["protocol"],
        sources=_networks(found["source"], variables),
        targets=_networks(found["target"], variables),
        port=None if found["port"] == "any" else int(found["port"]),
        flags=frozenset(flags),
        content=content,
    )


def _networks(word: str, variables: Variables) -> tuple[str, ...]:
    return ANYWHERE if word == "any" else variables[word.removeprefix("$")]


@dataclass(frozen=True, slots=True)
class ServerNameFilter:
    """groups: priority to the rules of a group, ours and the customer's. default: of the stateful engine."""

    groups: dict[int, list[Rule]]
    order: Order
    default: str | None = "aws:drop_established"

    def passes(self, connection: Connection) -> bool:
        if self.default == "aws:drop_strict" and connection.protocol == "tcp":
            return False  # the handshake, of which no rule here knows, never comes about
        rules = [rule for priority in sorted(self.groups) for rule in self.groups[priority]]
        if self.order == "DEFAULT_ACTION_ORDER":
            rules.sort(key=lambda rule: rule.action != "pass")
        for rule in rules:
            if rule.matches(connection):
                return rule.action == "pass"
        return self.default is None
