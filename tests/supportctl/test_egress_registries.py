"""`supportctl egress check` pulls as a node does and names every host that the list lacks; no credential leaves it."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from supportctl.commands import app
from supportctl.egress import registries
from supportctl.egress.registries import RegistryError, dialled, unlisted

IMAGE = "tailscale/k8s-operator:v1.96.5"
CONFIG = "sha256:" + "c" * 64
MANIFEST = "sha256:" + "a" * 64
Answers = Callable[[str, dict[str, str]], tuple[int, dict[str, str], bytes]]


class Server:
    """One host on loopback. answers: by path and request headers. asked: every request's path and headers."""

    def __init__(self, answers: Answers) -> None:
        self.asked: list[tuple[str, dict[str, str]]] = []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append((self.path, headers))
                status, more, body = answers(self.path, headers)
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.01})
        self._thread.start()
        self.port = self._server.server_port

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


Host = Callable[[Answers], Server]


@pytest.fixture
def host() -> Iterator[Host]:
    servers: list[Server] = []

    def start(answers: Answers) -> Server:
        servers.append(Server(answers))
        return servers[-1]

    yield start
    for server in servers:
        server.close()


def registry(host: Host, *, layers: str | None = None, auth: str | None = None) -> tuple[Server, Server]:
    """A registry and its token service. layers: where blobs are redirected to. auth: another realm."""
    tokens = host(lambda path, _: (200, {}, json.dumps({"token": "anonymous-token"}).encode()))

    def answer(path: str, headers: dict[str, str]) -> tuple[int, dict[str, str], bytes]:
        realm = auth or f"http://localhost:{tokens.port}/token"
        if headers.get("authorization") != "Bearer anonymous-token":
            challenge = f'Bearer realm="{realm}",service="registry",scope="repository:tailscale/k8s-operator:pull"'
            return 401, {"WWW-Authenticate": challenge}, b"{}"
        if path.endswith("/manifests/v1.96.5"):
            index = {"manifests": [{"digest": MANIFEST, "platform": {"os": "linux", "architecture": "amd64"}}]}
            return 200, {}, json.dumps(index).encode()
        if path.endswith(f"/manifests/{MANIFEST}"):
            return 200, {}, json.dumps({"config": {"digest": CONFIG}}).encode()
        assert path.endswith(f"/blobs/{CONFIG}")
        return (307, {"Location": layers}, b"") if layers else (200, {}, b"{}")

    return host(answer), tokens


def test_every_host_of_a_pull_is_found_the_one_of_the_layers_too(host: Host) -> None:
    storage = host(lambda *_: (200, {}, b"{}"))
    server, tokens = registry(host, layers=f"http://localhost:{storage.port}/signed?sig=x")
    image = f"127.0.0.1:{server.port}/{IMAGE}"
    assert dialled(image) == {
        ("127.0.0.1", server.port): "manifests",
        ("localhost", tokens.port): "token",
        ("localhost", storage.port): "layers",
    }
    assert unlisted(image, dialled(image)) == {
        ("localhost", tokens.port): "token",
        ("localhost", storage.port): "layers",
    }


def test_a_registry_that_serves_its_layers_itself_has_nothing_unlisted(host: Host) -> None:
    manifest = json.dumps({"config": {"digest": CONFIG}}).encode()
    server = host(lambda path, _: (200, {}, manifest if "/manifests/" in path else b"{}"))
    image = f"127.0.0.1:{server.port}/{IMAGE}"
    assert unlisted(image, dialled(image)) == {}


def test_the_token_goes_to_the_registry_alone(host: Host) -> None:
    storage = host(lambda *_: (200, {}, b"{}"))
    server, tokens = registry(host, layers=f"http://localhost:{storage.port}/blob")
    dialled(f"127.0.0.1:{server.port}/{IMAGE}")
    assert storage.asked
    for _, headers in [*storage.asked, *tokens.asked]:
        assert "authorization" not in headers
        assert "cookie" not in headers


def test_a_chain_of_redirects_is_followed_to_its_end_and_no_further(host: Host) -> None:
    last = host(lambda *_: (200, {}, b"{}"))
    middle = host(lambda *_: (302, {"Location": f"http://localhost:{last.port}/blob"}, b""))
    server, _ = registry(host, layers=f"http://localhost:{middle.port}/blob")
    found = dialled(f"127.0.0.1:{server.port}/{IMAGE}")
    assert {("localhost", middle.port), ("localhost", last.port)} <= found.keys()

    ends: list[Server] = []
    ends.append(host(lambda *_: (302, {"Location": f"http://localhost:{ends[0].port}/again"}, b"")))
    looping, _ = registry(host, layers=f"http://localhost:{ends[0].port}/again")
    with pytest.raises(RegistryError, match="redirects more than"):
        dialled(f"127.0.0.1:{looping.port}/{IMAGE}")
    assert len(ends[0].asked) <= registries.MOST_REDIRECTS


@pytest.mark.parametrize("target", ["http://192.0.2.1/blob", "ftp://localhost/blob", "file:///etc/passwd", "https://"])
def test_a_redirect_without_tls_is_not_followed(host: Host, target: str) -> None:
    server, _ = registry(host, layers=target)
    with pytest.raises(RegistryError, match="not an https URL"):
        dialled(f"127.0.0.1:{server.port}/{IMAGE}")


def test_a_blob_that_the_registry_refuses_is_not_compared(host: Host) -> None:
    manifest = json.dumps({"config": {"digest": CONFIG}}).encode()
    server = host(lambda path, _: (200, {}, manifest) if "/manifests/" in path else (404, {}, b""))
    with pytest.raises(RegistryError, match="answered 404"):
        dialled(f"127.0.0.1:{server.port}/{IMAGE}")


def test_a_token_service_without_tls_is_not_asked(host: Host) -> None:
    server, _ = registry(host, auth="http://192.0.2.1/token")
    with pytest.raises(RegistryError, match="not an https URL"):
        dialled(f"127.0.0.1:{server.port}/{IMAGE}")


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, b"{}", "answered 404"),
        (500, b"", "answered 500"),
        (200, b"<html>blocked</html>", "not a manifest"),
        (200, b"[]", "not a manifest"),
        (200, b"{}", "not a manifest"),
        (200, b'{"manifests": []}', "not a manifest"),
        (200, b'{"config": {"digest": "../../x"}}', "not a manifest"),
        (200, b" " * (registries.LARGEST + 1), "more than"),
        (401, b"{}", "answered 401"),
    ],
)
def test_what_is_no_registry_is_told_as_what_it_answers(host: Host, status: int, body: bytes, words: str) -> None:
    server = host(lambda *_: (status, {}, body))
    with pytest.raises(RegistryError, match=words):
        dialled(f"127.0.0.1:{server.port}/{IMAGE}")


def check(*words: str) -> Result:
    environment = {"COLUMNS": "200", "SUPPORT_ACCESS_DERP_MAP": None}
    return CliRunner(env=environment).invoke(app, ["egress", "check", "--only", "registries", *words])


def test_a_host_that_the_list_lacks_is_a_difference_with_what_it_breaks(host: Host) -> None:
    storage = host(lambda *_: (200, {}, b"{}"))
    server, _ = registry(host, layers=f"http://localhost:{storage.port}/signed?sig=secret")
    done = check("--image", f"127.0.0.1:{server.port}/{IMAGE}")
    assert done.exit_code == 1, done.output
    assert f"localhost:{storage.port}" in done.stdout
    assert "layers" in done.stdout
    assert "secret" not in done.output
    assert "anonymous-token" not in done.output


def test_a_registry_that_is_as_listed_is_told_so(host: Host) -> None:
    manifest = json.dumps({"config": {"digest": CONFIG}}).encode()
    server = host(lambda path, _: (200, {}, manifest if "/manifests/" in path else b"{}"))
    done = check("--image", f"127.0.0.1:{server.port}/{IMAGE}")
    assert done.exit_code == 0, done.output
    assert f"127.0.0.1:{server.port}/{IMAGE}" in done.stdout


def test_a_registry_that_does_not_answer_is_not_compared(host: Host) -> None:
    server = host(lambda *_: (503, {}, b""))
    done = check("--image", f"127.0.0.1:{server.port}/{IMAGE}")
    assert done.exit_code == 2
    assert "answered 503" in done.stderr


def test_a_difference_counts_although_another_registry_does_not_answer(host: Host) -> None:
    broken = host(lambda *_: (503, {}, b""))
    storage = host(lambda *_: (200, {}, b"{}"))
    server, _ = registry(host, layers=f"http://localhost:{storage.port}/blob")
    done = check("--image", f"127.0.0.1:{broken.port}/{IMAGE}", "--image", f"127.0.0.1:{server.port}/{IMAGE}")
    assert done.exit_code == 1
    assert "answered 503" in done.stderr


def test_by_default_both_places_of_the_operators_image_are_pulled_from() -> None:
    docker, github = registries.published()
    assert docker.startswith("tailscale/k8s-operator:v")
    assert github == f"ghcr.io/{docker}"
