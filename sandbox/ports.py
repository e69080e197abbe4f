"""Free loopback ports for servers that must be told their port before they start.

A port that was asked for and given back can be taken by anybody before the server binds it. So the ports stay
bound, without listening, until the server has bound them too; both sides set SO_REUSEPORT for that (the
servers by a flag of their own). Dies with the `with` block: leaving it gives up the reservation, not the
server's own port.
"""

from __future__ import annotations

import contextlib
import socket
from collections.abc import Iterator

LOOPBACK = "127.0.0.1"


@contextlib.contextmanager
def reserved(count: int) -> Iterator[list[int]]:
    """Yields `count` different TCP ports on 127.0.0.1 that nobody else is given while the block runs."""
    with contextlib.ExitStack() as held:
        ports = []
        for _ in range(count):
            reservation = held.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
            reservation.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            reservation.bind((LOOPBACK, 0))
            ports.append(reservation.getsockname()[1])
        yield ports


def listening() -> socket.socket:
    """A listening socket on a free loopback port: connections wait in its queue until a server accepts."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((LOOPBACK, 0))
    listener.listen(128)
    return listener
