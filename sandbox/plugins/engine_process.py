"""The engine's process, which a plugin must not outlive.

To be imported before anything slow: an engine that is killed while the plugin still starts is noticed only so.
"""

from __future__ import annotations

import asyncio
import os

ENGINE = os.getppid()
LOOK_SECONDS = 2.0


def gone() -> bool:
    """Whether the process that started this one has ended."""
    return os.getppid() != ENGINE


async def until_over(over: asyncio.Event) -> None:
    """Returns when `over` is set, or soon after the engine has gone without a word."""
    while not over.is_set() and not gone():
        try:
            await asyncio.wait_for(over.wait(), LOOK_SECONDS)
        except TimeoutError:
            continue
