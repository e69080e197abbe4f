"""What callers send: JSON objects with fields of known types.

Owns reading a body and the refusal of what is not in it. Shapes of single calls are in the module of their noun.
"""

from __future__ import annotations

import json
from typing import Any

from starlette.requests import Request

from sandbox.tailscale.errors import ApiError


async def json_object(request: Request) -> dict[str, Any]:
    """The body as a JSON object. Raises 400."""
    try:
        value = json.loads(await request.body())
    except ValueError as error:
        raise ApiError(400, f"the body is not JSON: {error}") from error
    if not isinstance(value, dict):
        raise ApiError(400, "the body must be a JSON object")
    return value


def strings(body: dict[str, Any], field: str) -> list[str]:
    """A list of strings, empty when absent or null. Raises 400."""
    value = body.get(field) or []
    if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
        raise ApiError(400, f"{field} must be a list of strings")
    return value


def text(body: dict[str, Any], field: str) -> str:
    """A string, empty when absent or null. Raises 400."""
    value = body.get(field) or ""
    if not isinstance(value, str):
        raise ApiError(400, f"{field} must be a string")
    return value


def flag(body: dict[str, Any], field: str, default: bool | None = None) -> bool:
    """True or false; must be there unless it has a default. Raises 400."""
    value = body.get(field, default)
    if not isinstance(value, bool):
        raise ApiError(400, f"{field} must be true or false")
    return value
