"""Hosts as they are written: whether it is an address, and whether a name is of use in a rule.

Owns the forms alone. Does not look names up.
"""

from __future__ import annotations

import ipaddress
import re


def host_problem(name: str) -> str | None:
    """Why `name` is not one host's full name, or None. A rule that holds something else matches nothing, silently."""
    if "//" in name or "/" in name:
        return "it is a URL or has a path, and rules compare host names"
    if "*" in name:
        return "it has a wildcard, which not every kind of rule knows"
    if name.endswith("."):
        return "it ends with a dot, which clients do not send"
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"{label}(\.{label})*", name) or len(name) > 253:
        return "it is not a host name in lower case"
    return None


def address_of(host: str) -> ipaddress.IPv4Address | ipaddress.IPv6Address | None:
    """The address that `host` is, or None for a name."""
    try:
        return ipaddress.ip_address(host)
    except ValueError:
        return None
