"""How the API says no.

Owns the error answer and its recurring texts, as public reports quote them. Raised anywhere below the app, turned
into a response in app.py.
"""

from __future__ import annotations

from typing import Any


class ApiError(Exception):
    """An answer {"message": ..., "data": ...?} with an HTTP status of 400 or more."""

    def __init__(self, status: int, message: str, *, data: list[dict[str, Any]] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.data = data

    def body(self) -> dict[str, Any]:
        return {"message": self.message} | ({"data": self.data} if self.data is not None else {})


def unauthorized() -> ApiError:
    return ApiError(401, "API token invalid")


def forbidden() -> ApiError:
    return ApiError(403, "calling actor does not have enough permissions to perform this function")


def not_found(what: str) -> ApiError:
    return ApiError(404, f"{what} not found")


def tags_not_permitted(tags: list[str]) -> ApiError:
    return ApiError(400, f"requested tags [{' '.join(tags)}] are invalid or not permitted")
