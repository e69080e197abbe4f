"""Whether a process of a test's has ended."""

from __future__ import annotations

import os
import time
from pathlib import Path


def ended(pid: int, patience: float = 60) -> bool:
    """Waits for a process to be gone, or to be only a record that its parent has not collected yet."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            os.kill(pid, 0)
            state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
        except (ProcessLookupError, FileNotFoundError):
            return True
        if state == "Z":
            return True
        time.sleep(0.05)
    return False
