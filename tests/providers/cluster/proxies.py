"""Proxies on loopback that lead every connection to one server, and record where the client wanted to go."""

from __future__ import annotations

import contextlib
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

WANTED = list[str]
"""`host:port` of every connection that was asked for."""


@contextmanager
def connect_proxy(port: int, *, tls: ssl.SSLContext | None = None) -> Iterator[tuple[str, WANTED]]:
    """An HTTP proxy that answers CONNECT, and its URL."""
    wanted: WANTED = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            method, target, _ = self.rfile.readline().decode().split()
            while self.rfile.readline().strip():
                pass
            assert method == "CONNECT"
            wanted.append(target)
            self.connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            _relay(self.connection, port)

    with _serving(Handler, tls) as own:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{own}", wanted


@contextmanager
def socks_proxy(port: int) -> Iterator[tuple[str, WANTED]]:
    """A SOCKS 5 proxy without a login, and its URL."""
    wanted: WANTED = []

    class Handler(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            _, methods = self.rfile.read(2)
            self.rfile.read(methods)
            self.connection.sendall(b"\x05\x00")
            _, _, _, kind = self.rfile.read(4)
            if kind == 3:
                host = self.rfile.read(self.rfile.read(1)[0]).decode()
            else:
                host = socket.inet_ntop(
                    *((socket.AF_INET, self.rfile.read(4)) if kind == 1 else (socket.AF_INET6, self.rfile.read(16)))
                )
            wanted.append(f"{host}:{int.from_bytes(self.rfile.read(2))}")
            self.connection.sendall(b"\x05\x00\x00\x01\x00\x00\x00\x00\x00\x00")
            _relay(self.connection, port)

    with _serving(Handler, None) as own:
        yield f"socks5://127.0.0.1:{own}", wanted


@contextmanager
def _serving(handler: type[socketserver.StreamRequestHandler], tls: ssl.SSLContext | None) -> Iterator[int]:
    class Server(socketserver.ThreadingTCPServer):
        daemon_threads = True
        block_on_close = False

        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gives up, or does not trust the proxy, is part of the tests."""

    with Server(("127.0.0.1", 0), handler) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
        thread.start()
        try:
            yield server.server_address[1]
        finally:
            server.shutdown()
            thread.join()


def _relay(client: socket.socket, port: int) -> None:
    with socket.create_connection(("127.0.0.1", port)) as server:
        back = threading.Thread(target=_copy, args=(server, client), daemon=True)
        back.start()
        _copy(client, server)
        back.join()


def _copy(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
