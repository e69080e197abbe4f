"""The errors of this provider. Each says what happened, why, and how to mend it; none ever carries a secret."""

from __future__ import annotations


class TailnetError(Exception):
    """An error for the reader of `pulumi up`: shown as it is, without a traceback."""


class CancelledError(TailnetError):
    """Whoever runs `pulumi` wants it to end."""


class PolicyError(TailnetError):
    """The policy document is not what it must be (does not parse, is refused, carries a kill)."""


class ApiError(TailnetError):
    """The Tailscale API refused or could not be reached.

    `status` is the HTTP status, or 0 when no answer came. `data` is the list that comes with a refused policy
    (`[{"user": ..., "errors": [...]}]`).
    """

    def __init__(self, message: str, *, status: int = 0, reason: str = "", data: object = None) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.data = data
