"""An API server of a test's own, on loopback, that answers as the test says."""

from __future__ import annotations

import json
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

Answer = tuple[int, Any]


class Server:
    """An API server of the test's own. asked: path, query and Accept of every read. written: method, path, query,
    content type and body of every write. headers: of every request, names in lower case, a list for each name. clients:
    common name of every request's client certificate, None without one. `answer` is asked for reads and writes."""

    def __init__(self, answer: Callable[[str, dict[str, str]], Answer]) -> None:
        self.answer = answer
        self.asked: list[tuple[str, dict[str, str], str]] = []
        self.written: list[tuple[str, str, dict[str, str], str, Any]] = []
        self.headers: list[dict[str, list[str]]] = []
        self.clients: list[str | None] = []
        self.url = ""


@contextmanager
def serving(answer: Callable[[str, dict[str, str]], Answer], *, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    seen = Server(answer)

    class Handler(BaseHTTPRequestHandler):
        def _handled(self) -> None:
            parts = urlsplit(self.path)
            query = {key: values[0] for key, values in parse_qs(parts.query).items()}
            names = {name.lower() for name in self.headers}
            seen.headers.append({name: self.headers.get_all(name) or [] for name in names})
            seen.clients.append(_common_name(self.connection))
            if self.command == "GET":
                seen.asked.append((parts.path, query, self.headers["Accept"]))
            else:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                seen.written.append((self.command, parts.path, query, self.headers["Content-Type"], body))
            status, body = seen.answer(parts.path, query)
            content = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        def __getattr__(self, name: str) -> Any:
            if name in ("do_GET", "do_DELETE", "do_PATCH", "do_POST"):
                return self._handled
            raise AttributeError(name)

        def log_message(self, format: str, *arguments: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        def handle_error(self, request: Any, client_address: Any) -> None:
            """A client that gives up, or does not trust the server, is part of the tests."""

    server = Quiet(("127.0.0.1", 0), Handler)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=partial(server.serve_forever, poll_interval=0.01))
    thread.start()
    seen.url = f"{'https' if tls else 'http'}://127.0.0.1:{server.server_port}"
    try:
        yield seen
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _common_name(connection: Any) -> str | None:
    certificate = connection.getpeercert() if isinstance(connection, ssl.SSLSocket) else None
    parts = [part for group in (certificate or {}).get("subject", ()) for part in group]
    return next((value for name, value in parts if name == "commonName"), None)
