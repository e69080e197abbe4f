"""The probe's script, run by a real shell with a real wget: each end of a connection has a word of its own."""

from __future__ import annotations

import json
import os
import shutil
import socket
import ssl
import subprocess
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from sandbox.certificates import Authority
from supportctl.verify.probe import SCRIPT

pytestmark = pytest.mark.skipif(
    not (shutil.which("wget") and shutil.which("setsid")), reason="the image of the probe has wget and setsid"
)
Serve = Callable[..., int]
Run = Callable[..., dict[str, str]]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(status, tls=None, **headers)` on loopback; its port."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(status: int = 200, tls: Authority | None = None, **headers: str) -> int:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        server.handle_error = lambda *_: None  # type: ignore[method-assign] - a client that goes away is no error here
        if tls is not None:
            pair = tls.server("localhost")
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(pair.certificate, pair.key)
            server.socket = context.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return server.server_port

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


@pytest.fixture
def run(tmp_path: Path) -> Run:
    """`run(url, ..., path=None, trusts=None)`: what was seen of each URL. The results' file says the same."""

    def dial(
        *urls: str, path: str | None = None, trusts: Authority | None = None, patience: str = "5"
    ) -> dict[str, str]:
        results = tmp_path / "results"
        settings = tmp_path / "wgetrc"
        settings.write_text(f"ca_certificate = {trusts.certificate}\n" if trusts else "")
        done = subprocess.run(
            [shutil.which("sh") or "sh", str(SCRIPT)],
            env={
                "PATH": path or os.environ["PATH"],
                "TMPDIR": str(tmp_path),
                "WGETRC": str(settings),
                "CHECKS": "\n".join(f"{number} {url}" for number, url in enumerate(urls)),
                "DIGEST": "of-this-list",
                "RESULTS": str(results),
                "PATIENCE": patience,
                "AT_ONCE": "3",
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert results.read_text() == done.stdout
        rows = [json.loads(line) for line in done.stdout.splitlines()]
        assert rows.pop() == {"end": len(urls), "of": "of-this-list"}
        return {urls[row["n"]]: row["seen"] for row in rows}

    return dial


@pytest.mark.parametrize("status", [200, 204, 401, 404, 500])
def test_any_answer_means_that_the_way_is_open(serve: Serve, run: Run, status: int) -> None:
    url = f"http://localhost:{serve(status)}/"
    assert run(url) == {url: "open"}


def test_a_redirect_to_where_nobody_may_go_is_an_answer(serve: Serve, run: Run, closed: int) -> None:
    url = f"http://localhost:{serve(302, Location=f'http://localhost:{closed}/')}/"
    assert run(url) == {url: "open"}


def test_a_certificate_that_is_trusted_and_one_that_is_not(serve: Serve, run: Run, tmp_path: Path) -> None:
    for name in ("ours", "theirs"):
        (tmp_path / name).mkdir()
    ours, theirs = Authority(tmp_path / "ours", "ours"), Authority(tmp_path / "theirs", "theirs")
    url = f"https://localhost:{serve(tls=ours)}/"
    assert run(url, trusts=ours) == {url: "open"}
    assert run(url, trusts=theirs) == {url: "untrusted"}


def test_each_way_of_being_shut_has_its_word(run: Run, closed: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        urls = {
            f"http://localhost:{closed}/": "refused",
            f"http://localhost:{port}/": "silent",
            f"https://localhost:{port}/": "silent",  # a TLS hello that is dropped
            "https://nothing.invalid/": "unresolved",
        }
        assert run(*urls, patience="1") == urls


def test_a_connection_that_is_broken_off_is_not_open(run: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def hang_up() -> None:
            for _ in range(2):
                connection, _ = listener.accept()
                connection.close()

        thread = threading.Thread(target=hang_up, daemon=True)
        thread.start()
        url = f"https://localhost:{listener.getsockname()[1]}/"
        assert run(url) == {url: "cut"}
        socket.create_connection(listener.getsockname()).close()
        thread.join()


@pytest.mark.parametrize("dies", ["kill -SEGV $$", "exit 127"])
def test_a_tool_that_is_missing_or_dies_says_nothing_about_the_network(run: Run, tmp_path: Path, dies: str) -> None:
    """Else what must stay shut would look as if it were."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "wget").write_text(f"#!/bin/sh\n{dies}\n")
    (tools / "wget").chmod(0o755)
    path = f"{tools}{os.pathsep}{os.environ['PATH']}"
    assert run("https://localhost:1/", "stun:", path=path) == {"https://localhost:1/": "unknown", "stun:": "unknown"}


@pytest.mark.parametrize(("report", "seen"), [('{"UDP": true}', "open"), ('{"UDP": false}', "silent")])
def test_udp_is_what_the_clients_own_look_says(run: Run, tmp_path: Path, report: str, seen: str) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "tailscale").write_text(f"#!/bin/sh\n[ \"$*\" = 'netcheck --format=json' ] && echo '{report}'\n")
    (tools / "tailscale").chmod(0o755)
    assert run("stun:", path=f"{tools}{os.pathsep}{os.environ['PATH']}") == {"stun:": seen}


def test_more_than_are_dialled_at_once_are_all_told(run: Run, closed: int) -> None:
    urls = [f"http://localhost:{closed}/{number}" for number in range(10)]
    assert run(*urls) == dict.fromkeys(urls, "refused")


@pytest.fixture
def closed() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
