"""Why a policy is refused, in the words that the API answers with.

Owns the shape of a refusal only. It dies with the request that caused it.
"""

from __future__ import annotations

from typing import Any

TESTS_FAILED = "test(s) failed"


class Refusal(Exception):  # noqa: N818 - it is an answer, not a fault
    """A document that the API does not accept.

    `message` is the body's message; `data` the list of {"user": <src of the test>, "errors": [...]} when tests
    failed, else None; `status` the HTTP status of a save (validate answers 200 whatever the reason).
    """

    def __init__(self, message: str, *, data: list[dict[str, Any]] | None = None, status: int = 400) -> None:
        super().__init__(message)
        self.message = message
        self.data = data
        self.status = status

    def body(self) -> dict[str, Any]:
        """The error body: {"message"} and, where there is any, {"data"}."""
        return {"message": self.message} | ({"data": self.data} if self.data is not None else {})


def quoted(text: object) -> str:
    """`text` in the double quotes that the server's messages use; letters of any script stay as they are."""
    escaped = str(text).replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'
