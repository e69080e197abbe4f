"""What a request is about."""

from __future__ import annotations

from typing import Protocol


class Request(Protocol):
    @property
    def type(self) -> str: ...


def type_of(request: Request) -> str:
    """The resource's own type token. The SDK's `type` keeps what the engine puts before a child's: `parent$own`."""
    return request.type.rpartition("$")[2]
