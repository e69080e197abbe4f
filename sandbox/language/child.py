"""A process that the language host starts on the engine's behalf, ended whenever the request that asked for it
ends.

The child shares the host's process group, so a signal of the engine to the group reaches it too; `lifeline` tells a
program that the host has died. Does not interpret what the child writes. Dies by SIGTERM, after a grace time by
SIGKILL.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from pathlib import Path

GRACE_SECONDS = 3.0


@contextlib.asynccontextmanager
async def started(
    arguments: Sequence[str | Path],
    folder: str,
    variables: Mapping[str, str],
    *,
    output: int | None = None,
    keep_open: Sequence[int] = (),
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Runs `arguments` in `folder` with exactly `variables`; at the end of the block the process is gone, however
    it ended.

    `output` is None to share this process's stdout and stderr, or asyncio.subprocess.PIPE.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        cwd=folder,
        env=dict(variables),
        stdin=asyncio.subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        pass_fds=keep_open,
    )
    try:
        yield process
    finally:
        await _end(process)


async def _end(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    with contextlib.suppress(ProcessLookupError):
        process.terminate()
    try:
        await asyncio.wait_for(process.wait(), GRACE_SECONDS)
    except TimeoutError:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()


@contextlib.contextmanager
def lifeline() -> Iterator[int]:
    """The reading end of a pipe whose writing end only this process holds: it ends when this process ends."""
    reading, writing = os.pipe()
    try:
        yield reading
    finally:
        os.close(reading)
        os.close(writing)
