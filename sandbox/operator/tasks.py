"""Coroutines that belong together: none goes on without the others. Nothing else belongs here."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, NoReturn


async def until_one_fails(*coroutines: Coroutine[Any, Any, NoReturn]) -> None:
    """Runs all at once until the first one raises, ends the others and raises what it raised.

    Unlike `asyncio.TaskGroup` it raises that exception itself, not a group of one.
    """
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_EXCEPTION)
        for task in done:
            task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
