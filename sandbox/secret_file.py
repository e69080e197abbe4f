"""Files that hold secrets: mode 0600 from the first byte on, and whole as soon as they are there."""

from __future__ import annotations

import os
from pathlib import Path


def write_secret(file: Path, text: str) -> None:
    """Writes or replaces `file`."""
    unfinished = file.with_name(f"{file.name}.unfinished")
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as opened:
        opened.write(text)
    unfinished.rename(file)
