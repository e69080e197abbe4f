"""The proxy that the environment names for a URL, read as kubectl reads it.

Owns HTTPS_PROXY, HTTP_PROXY and NO_PROXY, as Go's net/http has them: no proxy for this machine itself, networks in
NO_PROXY as CIDR. Other libraries differ in both, and would reach a private API server by another way than the engine.
"""

from __future__ import annotations

import os
from ipaddress import ip_address, ip_network
from urllib.parse import urlsplit


def environment_proxy(url: str) -> str | None:
    """The proxy's URL, None for none. Raises ValueError for a port in `url` that is none."""
    parts = urlsplit(url)
    host = parts.hostname or ""
    name = f"{parts.scheme}_proxy"
    proxy = os.environ.get(name.upper()) or os.environ.get(name) or ""
    if not proxy or _is_local(host):
        return None
    port = str(parts.port or {"http": 80, "https": 443}.get(parts.scheme))
    excluded = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
    if any(_matches(pattern.strip().lower(), host.lower(), port) for pattern in excluded.split(",")):
        return None
    return proxy if "://" in proxy else f"http://{proxy}"


def _is_local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def _matches(pattern: str, host: str, port: str) -> bool:
    if not pattern:
        return False
    if pattern == "*":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is not None and "/" in pattern:
        try:
            return address in ip_network(pattern, strict=False)
        except ValueError:
            return False
    name, colon, wanted = pattern.rpartition(":")
    if colon and wanted.isdigit() and (":" not in name or name.startswith("[")):
        pattern = name.strip("[]")
        if wanted != port:
            return False
    if address is not None:
        return pattern.strip("[]") == host
    if pattern.startswith("*."):
        pattern = pattern[1:]
    return host == pattern or host.endswith(pattern if pattern.startswith(".") else f".{pattern}")
