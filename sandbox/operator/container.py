"""What a process in a container and the kubelet that runs it agree on. Nothing else belongs here."""

from __future__ import annotations

from collections.abc import Callable

Say = Callable[[str], None]
"""Reports one change of state, as one line; never given a secret."""


class Fatal(Exception):  # noqa: N818 - the end of a process, not a fault of the sandbox
    """The process ends, with the line that it would have logged last; the kubelet starts it again after a
    while.
    """
