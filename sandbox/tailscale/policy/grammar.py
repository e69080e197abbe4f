"""The small words of the policy language: tags, ports, protocols, addresses, capability names, durations.

Owns their syntax and the messages for getting it wrong. It knows no document: whether a tag is declared is asked
in selectors.py. Everything here either returns a value or raises Refusal.
"""

from __future__ import annotations

import ipaddress
import re
from dataclasses import dataclass

from sandbox.tailscale.policy.refusal import Refusal, quoted

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

TAILNET_RANGES: tuple[Network, ...] = (
    ipaddress.ip_network("100.64.0.0/10"),
    ipaddress.ip_network("fd7a:115c:a1e0::/48"),
)
# Recorded: a save with an address pool here is refused. 100.115.92.0/23 belongs to ChromeOS.
RESERVED_RANGES: tuple[Network, ...] = tuple(
    ipaddress.ip_network(text) for text in ("100.100.0.0/24", "100.100.100.0/24", "100.115.92.0/23")
)

PROTOCOLS = {
    "icmp": 1,
    "igmp": 2,
    "ipv4": 4,
    "ip-in-ip": 4,
    "tcp": 6,
    "egp": 8,
    "igp": 9,
    "udp": 17,
    "gre": 47,
    "esp": 50,
    "ah": 51,
    "ipv6-icmp": 58,
    "sctp": 132,
}
TCP, UDP = PROTOCOLS["tcp"], PROTOCOLS["udp"]

# Capability names in Tailscale's own domain that a grant may carry.
OWN_CAPABILITIES = frozenset(
    f"tailscale.com/cap/{name}" for name in ("drive", "kubernetes", "relay", "secrets", "tsidp", "webui")
)


@dataclass(frozen=True)
class Ports:
    """A range of ports, both ends included. 0-65535 stands for any port, and for protocols without ports."""

    first: int
    last: int

    def __contains__(self, port: int) -> bool:
        return self.first <= port <= self.last


ANY_PORT = Ports(0, 65535)


def check_tag(tag: str) -> None:
    """Refuse a name that no tag may have (rules of the public client, tailcfg.CheckTag)."""
    name = tag.removeprefix("tag:")
    if name == tag:
        raise Refusal("tags must start with 'tag:'")
    if not name:
        raise Refusal("tag names must not be empty")
    if not re.match(r"[A-Za-z]", name):
        raise Refusal("tag names must start with a letter, after 'tag:'")
    if not re.fullmatch(r"[A-Za-z0-9-]+", name):
        raise Refusal("tag names can only contain numbers, letters, or dashes")


def ports(text: str) -> Ports:
    """ "*", "443" or "80-443"."""
    if text == "*":
        return ANY_PORT
    first, dash, last = text.partition("-")
    low = _port(text, first, "first")
    if low == 0:
        raise Refusal(f"port range {quoted(text)}: first port must be >0, or use '*' for wildcard")
    high = _port(text, last, "last") if dash else low
    if high < low:
        raise Refusal(f"port range {quoted(text)}: first port must be less than or equal to last port")
    return Ports(low, high)


def _port(whole: str, text: str, which: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or int(text) > 65535:
        raise Refusal(f"port range {quoted(whole)}: invalid {which} integer")
    return int(text)


def protocol(text: str) -> int:
    """A protocol's name or number as its number."""
    if text.lower() in PROTOCOLS:
        return PROTOCOLS[text.lower()]
    if re.fullmatch(r"[0-9]{1,3}", text) and 0 < int(text) < 256:
        return int(text)
    raise Refusal(f"unknown protocol {quoted(text)}")


def network(text: str) -> list[Network] | None:
    """An address, a prefix (host bits may be set) or a range "a-b" as networks; None if it is none of these."""
    try:
        if "-" in text:
            first, _, last = text.partition("-")
            return list(ipaddress.summarize_address_range(ipaddress.ip_address(first), ipaddress.ip_address(last)))
        return [ipaddress.ip_network(text, strict=False)]
    except (ValueError, TypeError):
        return None


def check_capability(name: str) -> None:
    """Refuse an application capability that a grant may not carry."""
    domain, slash, path = name.partition("/")
    if not slash or not path or not re.fullmatch(r"[A-Za-z0-9-]+(\.[A-Za-z0-9-]+)+", domain):
        raise Refusal("capability name must have the form {domain}/{path}")
    if (domain == "tailscale.com" or domain.endswith(".tailscale.com")) and name not in OWN_CAPABILITIES:
        raise Refusal("capability name must not be in the tailscale.com domain")


_UNITS = {"h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "ns": 1}


def duration(text: str) -> int:
    """A Go duration ("1h30m", "-1m", "0") in nanoseconds."""
    sign, rest = (-1, text[1:]) if text.startswith("-") else (1, text.removeprefix("+"))
    parts = re.findall(r"([0-9]+(?:\.[0-9]*)?|\.[0-9]+)(h|ms|us|ns|m|s)", rest)
    if rest == "0":
        return 0
    if not parts or "".join(a + b for a, b in parts) != rest:
        raise Refusal(f"time: invalid duration {quoted(text)}")
    return sign * round(sum(float(number) * _UNITS[unit] for number, unit in parts))


def duration_text(nanoseconds: int) -> str:
    """A duration of whole seconds as Go prints it: 200h0m0s, -1m0s, 30s."""
    sign, seconds = ("-" if nanoseconds < 0 else ""), abs(nanoseconds) // _UNITS["s"]
    hours, minutes, seconds = seconds // 3600, seconds // 60 % 60, seconds % 60
    text = f"{hours}h{minutes}m{seconds}s" if hours else f"{minutes}m{seconds}s" if minutes else f"{seconds}s"
    return sign + text
