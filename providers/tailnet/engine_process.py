"""The engine's process, which a plugin must not outlive.

To be imported before anything slow: an engine that is killed while the plugin still starts is noticed only so.
"""

from __future__ import annotations

import os

ENGINE = os.getppid()


def gone() -> bool:
    """Whether the process that started this one has ended."""
    return os.getppid() != ENGINE
