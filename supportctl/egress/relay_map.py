"""The published relay map, from the network or from a file.

Owns the fetching and what is told when it fails. Follows no redirect and trusts no size: a proxy's page must not be
taken for the map. What the map says is components/endpoints/derp_map.py's.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import httpx

SECONDS = 10.0
"""For connecting, and for each read."""
LARGEST = 4 * 1024 * 1024
"""Bytes; the map of August 2026 has some 40 thousand."""


class MapError(Exception):
    """There is no map to compare with; says why, and what to do."""


def relay_map(url: str, file: Path | None = None) -> Any:
    """The map as parsed JSON, of no certain shape. file: read instead of the network. Raises MapError."""
    if file is not None:
        try:
            return _parsed(file.read_bytes(), str(file))
        except OSError as error:
            raise MapError(f"{file} cannot be read: {error.strerror}.") from None
    return _parsed(_fetched(url), url)


def _fetched(url: str) -> bytes:
    content = bytearray()
    try:
        with httpx.stream("GET", url, timeout=SECONDS, headers={"Accept": "application/json"}) as answer:
            if answer.status_code != httpx.codes.OK:
                raise MapError(
                    f"{url} answered {answer.status_code} {answer.reason_phrase}, not a map. {_elsewhere(url)}"
                )
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise MapError(f"{url} answers with more than {LARGEST} bytes: that is not the map.")
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise MapError(f"{url} cannot be fetched: {str(error) or type(error).__name__}. {_elsewhere(url)}") from None
    return bytes(content)


def _parsed(content: bytes, where: str) -> Any:
    try:
        return json.loads(content)
    except (ValueError, RecursionError):
        raise MapError(f"{where} is not JSON: a proxy may have put a page of its own in its place.") from None


def _elsewhere(url: str) -> str:
    return (
        f"If the network here does not allow it, fetch it where it does (curl -o derpmap.json {url}) and give the file:"
        " `verify` takes it as --map-file, `egress check` as --file."
    )
