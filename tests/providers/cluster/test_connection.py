"""A cluster is reached as kubectl reaches it: proxies, names and authorities of the kubeconfig; and every call ends."""

from __future__ import annotations

import base64
import gzip
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from providers.cluster.environment_proxy import environment_proxy
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterUnknownError
from sandbox.certificates import Authority
from tests.providers.cluster.api_server import Server, serving
from tests.providers.cluster.contexts import CONTEXT, write
from tests.providers.cluster.proxies import connect_proxy, socks_proxy

NAMESPACE = "/api/v1/namespaces/tailscale"
PRIVATE = "api.acme.internal:6443"
"""An address that no test machine resolves: only a proxy leads there."""


def context_of(authority: Authority) -> ssl.SSLContext:
    pair = authority.server("api")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    return context


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "cluster")


@contextmanager
def secure(authority: Authority) -> Iterator[tuple[Server, int]]:
    body = {"kind": "Namespace", "metadata": {"name": "tailscale"}}
    with serving(lambda path, query: (200, body), tls=context_of(authority)) as server:
        yield server, urlsplit(server.url).port or 0


def trusting(authority: Authority, server: str, **more: Any) -> dict[str, Any]:
    """A cluster entry. The certificate of `secure` is for 127.0.0.1 and localhost."""
    data = base64.b64encode(authority.certificate.read_bytes()).decode()
    return {"server": server, "certificate-authority-data": data, **more}


def look(folder: Path, cluster: dict[str, Any], *, seconds: float = 30) -> ClusterLook:
    return ClusterLook(CONTEXT, write(folder / "kubeconfig", cluster, {"token": "t"}), seconds=seconds)


@pytest.mark.parametrize("kind", ["http", "https", "socks5"])
def test_the_kubeconfigs_proxy_is_used(kind: str, tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (server, port):
        proxies = {
            "http": lambda: connect_proxy(port),
            "https": lambda: connect_proxy(port, tls=context_of(authority)),
            "socks5": lambda: socks_proxy(port),
        }
        with proxies[kind]() as (proxy, wanted):
            cluster = trusting(authority, f"https://{PRIVATE}", **{"proxy-url": proxy, "tls-server-name": "localhost"})
            assert look(tmp_path, cluster).one(NAMESPACE) == {"name": "tailscale"}
    assert wanted == [PRIVATE]
    assert server.headers[0]["authorization"] == ["Bearer t"], "the credential goes to the API server, inside of TLS"


def test_a_proxy_of_the_kubeconfig_wins_over_the_environment(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")
    with secure(authority) as (_, port), connect_proxy(port) as (proxy, wanted):
        more = {"proxy-url": proxy, "tls-server-name": "localhost"}
        look(tmp_path, trusting(authority, f"https://{PRIVATE}", **more)).one(NAMESPACE)
    assert wanted == [PRIVATE]


def test_the_environments_proxy_is_used_where_the_kubeconfig_has_none(
    tmp_path: Path, authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    with secure(authority) as (_, port), connect_proxy(port) as (proxy, wanted):
        monkeypatch.setenv("HTTPS_PROXY", proxy)
        monkeypatch.delenv("NO_PROXY", raising=False)
        monkeypatch.delenv("no_proxy", raising=False)
        look(tmp_path, trusting(authority, f"https://{PRIVATE}", **{"tls-server-name": "localhost"})).one(NAMESPACE)
    assert wanted == [PRIVATE]


@pytest.mark.parametrize(
    ("url", "excluded", "is_used"),
    [
        ("https://api.acme.internal", "", True),
        ("https://api.acme.internal", "acme.internal", False),
        ("https://api.acme.internal", ".acme.internal", False),
        ("https://api.acme.internal", "*.acme.internal", False),
        ("https://acme.internal", ".acme.internal", True),
        ("https://notacme.internal", "acme.internal", True),
        ("https://api.acme.internal:6443", "api.acme.internal:6443", False),
        ("https://api.acme.internal:443", "api.acme.internal:6443", True),
        ("https://10.1.2.3:6443", "localhost, 10.0.0.0/8", False),
        ("https://11.1.2.3:6443", "10.0.0.0/8", True),
        ("https://10.1.2.3", "10.1.2.3", False),
        ("https://[fd00::1]", "fd00::/8", False),
        ("https://api.acme.internal", "*", False),
        ("https://localhost:6443", "", False),
        ("https://127.0.0.1:6443", "", False),
        ("http://api.acme.internal", "", False),
    ],
)
def test_the_environment_excludes_what_it_excludes_for_kubectl(
    url: str, excluded: str, is_used: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HTTPS_PROXY", "proxy.acme.internal:3128")
    monkeypatch.setenv("NO_PROXY", excluded)
    assert environment_proxy(url) == ("http://proxy.acme.internal:3128" if is_used else None)


@pytest.mark.parametrize(
    "url", ["http://user:s3/cret@proxy:3128", "http://user:s3cret@[::1", "ftp://user:s3cret@proxy"]
)
def test_a_proxy_of_the_environment_that_is_no_url_is_refused_without_its_password(
    url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTPS_PROXY", url)
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)
    with pytest.raises(ClusterUnknownError, match="HTTPS_PROXY") as refused:
        look(tmp_path, {"server": f"https://{PRIVATE}"}).one(NAMESPACE)
    assert "s3" not in str(refused.value)


def test_a_proxy_that_refuses_is_an_error(tmp_path: Path, authority: Authority) -> None:
    with serving(lambda path, query: (200, {})) as web:  # which does not know CONNECT
        cluster = trusting(authority, f"https://{PRIVATE}", **{"proxy-url": web.url})
        with pytest.raises(ClusterUnknownError, match="proxy"):
            look(tmp_path, cluster).one(NAMESPACE)


def test_a_server_of_another_authority_is_not_trusted(tmp_path: Path, authority: Authority) -> None:
    (tmp_path / "other").mkdir()
    other = Authority(tmp_path / "other", "other")
    with secure(authority) as (server, _), pytest.raises(ClusterUnknownError, match="certificate"):
        look(tmp_path, trusting(other, server.url)).one(NAMESPACE)
    assert server.headers == []


def test_without_an_authority_it_is_the_systems(tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (server, _), pytest.raises(ClusterUnknownError, match="certificate"):
        look(tmp_path, {"server": server.url}).one(NAMESPACE)
    assert server.headers == []


def test_the_servers_name_is_the_one_that_the_kubeconfig_expects(tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (server, _):
        look(tmp_path, trusting(authority, server.url, **{"tls-server-name": "localhost"})).one(NAMESPACE)
        with pytest.raises(ClusterUnknownError, match="certificate"):
            look(tmp_path, trusting(authority, server.url, **{"tls-server-name": "api.acme.internal"})).one(NAMESPACE)
    assert len(server.headers) == 1


def test_an_unverified_server_is_used_where_the_kubeconfig_says_so(tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (server, _):
        cluster = look(tmp_path, {"server": server.url, "insecure-skip-tls-verify": True})
        assert cluster.one(NAMESPACE) == {"name": "tailscale"}
    assert len(cluster.warnings) == 1


def test_a_server_below_a_path_keeps_it(tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (server, _):
        look(tmp_path, trusting(authority, f"{server.url}/k8s/clusters/c-1/")).one(NAMESPACE)
    assert server.asked[0][0] == f"/k8s/clusters/c-1{NAMESPACE}"


@pytest.mark.parametrize("server", ["https://", "ftp://a", "https://a:b", "https://a:99999", "https://[a"])
def test_a_server_that_is_no_url_is_an_error(server: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterUnknownError, match="not an http or https URL"):
        look(tmp_path, {"server": server})


def test_an_answer_that_comes_byte_by_byte_has_the_same_limit(tmp_path: Path) -> None:
    """Each byte comes in time, and the answer never."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        stop = threading.Event()

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                client.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
                while not stop.wait(0.1):
                    client.sendall(b" ")

        thread = threading.Thread(target=drip)
        thread.start()
        try:
            cluster = look(tmp_path, {"server": f"http://127.0.0.1:{listener.getsockname()[1]}"}, seconds=1)
            with pytest.raises(ClusterUnknownError, match="does not answer within 1 s"):
                cluster.one(NAMESPACE)
        finally:
            stop.set()
            thread.join()


def test_an_answer_that_unpacks_to_more_than_any_list_is_not_read_to_its_end(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("providers.cluster.connection.LARGEST", 1024 * 1024, raising=False)
    packed = gzip.compress(b'{"kind": "Namespace", "metadata": {}, "x": "' + b" " * 64 * 1024 * 1024 + b'"}')
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            client, _ = listener.accept()
            with client:
                client.recv(65536)
                head = f"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: {len(packed)}\r\n\r\n"
                with suppress(OSError):  # the client may have gone by then
                    client.sendall(head.encode() + packed)

        thread = threading.Thread(target=answer)
        thread.start()
        try:
            cluster = look(tmp_path, {"server": f"http://127.0.0.1:{listener.getsockname()[1]}"})
            with pytest.raises(ClusterUnknownError, match="larger than 1 MiB"):
                cluster.one(NAMESPACE)
        finally:
            thread.join()


def test_a_name_that_does_not_resolve_in_time_has_the_same_limit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The system's resolver knows no time limit."""
    done = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_args, **_options: (done.wait(60), [])[1])
    try:
        with pytest.raises(ClusterUnknownError, match=r"does not answer within 0\.3 s"):
            look(tmp_path, {"server": "http://api.acme.internal"}, seconds=0.3).one(NAMESPACE)
    finally:
        done.set()


def test_several_threads_share_one_connection(tmp_path: Path, authority: Authority) -> None:
    found: list[Any] = []
    with secure(authority) as (server, _):
        cluster = look(tmp_path, trusting(authority, server.url))
        threads = [threading.Thread(target=lambda: found.append(cluster.one(NAMESPACE))) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert found == [{"name": "tailscale"}] * 8
