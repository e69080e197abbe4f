"""The engine's process, which a plugin must not outlive, and to which it owes silence at the end.

To be imported before anything slow: an engine that is killed while the plugin still starts is noticed only so.
"""

from __future__ import annotations

import os

ENGINE = os.getppid()
STANDARD_ERROR = 2


def gone() -> bool:
    """Whether the process that started this one has ended."""
    return os.getppid() != ENGINE


def hush() -> None:
    """Nothing that this process writes to standard error from here on is seen.

    grpc writes a traceback of its own, past any logger, for a request that it cancels as its server ends; the engine
    passes everything that a plugin writes on to the user.
    """
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, STANDARD_ERROR)
    os.close(nowhere)
