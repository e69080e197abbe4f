"""`supportctl egress check` says what differs and what that breaks, and never takes anything else for the map."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from components.endpoints import derp_map
from supportctl.commands import app
from supportctl.egress import relay_map

Serve = Callable[..., str]


def published(**more: list[str]) -> dict[str, Any]:
    """Our copy as it would be published. more: nodes of a region instead, as in `r29=["derp29b.tailscale.com"]`."""
    regions = {
        str(region): {"Nodes": [{"HostName": f"derp{region}{letter}.tailscale.com"} for letter in letters or [""]]}
        for region, letters in derp_map.NODES.items()
    }
    for region, names in more.items():
        regions[region.removeprefix("r")] = {"Nodes": [{"HostName": name} for name in names]}
    return {"Regions": regions}


@pytest.fixture
def serve() -> Iterator[Serve]:
    """`serve(body, status=200, headers={})` on loopback; its URL."""
    servers: list[tuple[ThreadingHTTPServer, threading.Thread]] = []

    def start(body: bytes, status: int = 200, **headers: str) -> str:
        class Answer(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        servers.append((server, thread))
        return f"http://127.0.0.1:{server.server_port}/derpmap"

    yield start
    for server, thread in servers:
        server.shutdown()
        server.server_close()
        thread.join()


def check(*words: str) -> Result:
    return CliRunner(env={"COLUMNS": "200", "SUPPORT_ACCESS_DERP_MAP": None}).invoke(
        app, ["egress", "check", "--only", "relays", *words]
    )


def test_the_same_map_is_told_with_its_numbers(serve: Serve) -> None:
    done = check("--url", serve(json.dumps(published()).encode()))
    assert done.exit_code == 0
    assert "28 regions, 88 nodes" in done.output


def test_each_difference_says_what_it_breaks(serve: Serve) -> None:
    other = published(r29=["derp29b.tailscale.com"], r6=["relay.example.com"])
    other["Regions"]["1"]["Nodes"][0]["DERPPort"] = 8443
    done = check("--url", serve(json.dumps(other).encode()))
    assert done.exit_code == 1
    told = " ".join(done.output.split())
    for words in (
        "new regions 29 rules that name regions",
        "new nodes derp29b.tailscale.com, relay.example.com rules that name nodes",
        "gone nodes derp6.tailscale.com nothing",
        "names outside the domain relay.example.com every rule",
        "other ports derp1f.tailscale.com every rule",
    ):
        assert words in told, told
    assert "gone regions" not in told


def test_a_file_takes_the_networks_place(tmp_path: Path) -> None:
    path = tmp_path / "derpmap.json"
    path.write_text(json.dumps(published()))
    assert check("--url", "http://127.0.0.1:1/", "--file", str(path)).exit_code == 0


def test_the_place_of_the_map_can_come_from_the_environment(serve: Serve) -> None:
    url = serve(json.dumps(published()).encode())
    done = CliRunner(env={"SUPPORT_ACCESS_DERP_MAP": url}).invoke(app, ["egress", "check", "--only", "relays"])
    assert done.exit_code == 0


def refused(*words: str) -> str:
    done = check(*words)
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "Traceback" not in done.stderr
    return done.stderr


def test_a_network_that_does_not_allow_it_is_told_with_the_other_way(free_port: int) -> None:
    told = refused("--url", f"http://127.0.0.1:{free_port}/")
    assert "cannot be fetched" in told
    assert "curl -o derpmap.json" in told
    assert "give the file" in told


@pytest.mark.parametrize(
    ("body", "status", "headers", "words"),
    [
        (b"blocked by policy", 403, {}, "answered 403"),
        (b"", 302, {"Location": "http://127.0.0.1:1/login"}, "answered 302"),
        (b"<html>Sign in</html>", 200, {}, "not JSON"),
        (b"{}", 200, {}, "Not a relay map"),
        (b'{"Regions": {}}', 200, {}, "Not a relay map"),
        (b"[" * 100_000, 200, {}, "not JSON"),
    ],
)
def test_what_a_proxy_says_instead_is_not_compared(
    serve: Serve, body: bytes, status: int, headers: dict[str, str], words: str
) -> None:
    assert words in refused("--url", serve(body, status, **headers))


def test_an_endless_answer_is_not_read_to_its_end(serve: Serve, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_map, "LARGEST", 1000)
    assert "more than 1000 bytes" in refused("--url", serve(b" " * 5000))


def test_a_server_that_never_answers_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relay_map, "SECONDS", 0.1)
    with socket.create_server(("127.0.0.1", 0)) as silent:
        assert "cannot be fetched" in refused("--url", f"http://127.0.0.1:{silent.getsockname()[1]}/")


@pytest.mark.parametrize("url", ["not a url", "ftp://example.com/", "http://[", ""])
def test_what_is_no_url_is_refused_in_words(url: str) -> None:
    assert "cannot be fetched" in refused("--url", url)


def test_a_file_that_is_not_there_is_refused_in_words(tmp_path: Path) -> None:
    assert "No such file" in refused("--file", str(tmp_path / "nothing.json"))


@pytest.fixture
def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_the_exit_codes_are_documented() -> None:
    done = check("--help")
    assert done.exit_code == 0
    assert "Exit code 0" in done.output
