"""Watches from outside when each part of the access is gone.

Owns the clock of a cell and a thread that looks at the tailnet and at the backend's file every LOOK seconds: a time is
right to about that much. Believes nothing that a command says. Ends with `stop`.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping

LOOK = 0.05
"""Seconds between two looks."""


class Watch:
    """look: gives what still stands, by name; the names are the same in every look."""

    def __init__(self, look: Callable[[], Mapping[str, bool]]) -> None:
        self._look = look
        self._over = threading.Event()
        self._gone: dict[str, float | None] = {}
        self._failure: Exception | None = None
        self._began = time.monotonic()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def start(self) -> None:
        """The cut begins now."""
        self._began = time.monotonic()
        self._see()
        self._thread.start()

    def stop(self) -> dict[str, float | None]:
        """Looks a last time. Seconds from the start until each part was gone for good, None where it still stands."""
        self._over.set()
        self._thread.join()
        if self._failure is not None:
            raise self._failure
        self._see()
        return {name: since if since is None else round(since, 2) for name, since in self._gone.items()}

    def _watch(self) -> None:
        try:
            while not self._over.wait(LOOK):
                self._see()
        except Exception as error:  # told by `stop`: a thread that dies unseen would give false times
            self._failure = error

    def _see(self) -> None:
        for name, stands in self._look().items():
            if stands:
                self._gone[name] = None
            elif self._gone.get(name) is None:
                self._gone[name] = time.monotonic() - self._began
