"""One HTTP connection to a cluster's API server: TLS, proxy, credential, and a time limit that holds.

Owns the transport as kubectl chooses it: the kubeconfig's proxy-url or the environment's proxies, the cluster's own
certificate authority or the system's. The limit covers all of a call: login plugin, name resolution, an answer that
comes byte by byte. Every failure is a ClusterUnknownError. What an answer means is look.py's.
"""

from __future__ import annotations

import queue
import ssl
import tempfile
import threading
import time
import weakref
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlsplit

import httpx

from .environment_proxy import environment_proxy
from .kubeconfig import Access, Cluster, pem
from .login import Credential, Login
from .problems import ClusterUnknownError

USER_AGENT = "support-access"
LARGEST = 64 * 1024 * 1024
"""Bytes of an answer, unpacked. A few packed ones may stand for more than this machine has."""

Value = TypeVar("Value")


@dataclass(frozen=True, slots=True)
class Answer:
    """What came over the wire. reason: of the status."""

    status: int
    reason: str
    body: bytes


class Connection:
    """Calls to the API server of one context. Safe for several threads."""

    def __init__(self, access: Access, *, seconds: float) -> None:
        """seconds: for each call."""
        self._access = access
        self._seconds = seconds
        self._login = Login(access)
        self._lock = threading.Lock()
        self._open: tuple[bytes, httpx.Client] | None = None
        self.server = _url(access)

    def call(
        self, method: str, path: str, *, query: Mapping[str, str], headers: Mapping[str, str], body: bytes | None
    ) -> Answer:
        """The answer, whatever its status. Raises ClusterUnknownError."""
        ends = time.monotonic() + self._seconds
        client, credential = self._logged_in(ends)
        left = max(ends - time.monotonic(), 0.01)

        def send() -> Answer:
            with client.stream(
                method,
                f"{self.server}{path}",
                params=dict(query),
                headers=[(name.encode(), value.encode()) for name, value in (*headers.items(), *credential.headers)],
                content=body,
                timeout=left,
            ) as response:
                return Answer(response.status_code, response.reason_phrase, _read(response, ends))

        try:
            answer = within(left, send)
        except (TimeoutError, httpx.TimeoutException):
            self._open = None  # the call may go on in there
            raise ClusterUnknownError(f"the API server does not answer within {self._seconds:.3g} s") from None
        except httpx.ProxyError as error:
            raise ClusterUnknownError(f"the proxy before the API server refuses: {error}") from None
        except Exception as error:
            raise ClusterUnknownError(f"the API server does not answer: {_reason(error)}") from None
        if answer.status == 401:
            self._login.refused()
        return answer

    def login(self, seconds: float) -> None:
        """Logs in within a time limit of its own; calls use the credential. Raises ClusterUnknownError."""
        self._logged_in(time.monotonic() + seconds)

    def _logged_in(self, ends: float) -> tuple[httpx.Client, Credential]:
        """A client that has the credential's certificate, and the credential. One thread logs in for all."""
        if not self._lock.acquire(timeout=max(ends - time.monotonic(), 0)):
            raise ClusterUnknownError(f"the login to the cluster did not end within {self._seconds:.3g} s")
        try:
            credential = self._login.credential(max(ends - time.monotonic(), 0.01))
            if self._open is None or self._open[0] != credential.certificate:
                client = _client(self._access, self.server, credential.certificate)
                weakref.finalize(self, client.close)
                self._open = credential.certificate, client
            return self._open[1], credential
        finally:
            self._lock.release()


class _Context(ssl.SSLContext):
    """A TLS context that expects one name of the server, whatever its address: tls-server-name."""

    expected: str | None = None

    def wrap_socket(self, sock: Any, *args: Any, server_hostname: str | None = None, **options: Any) -> Any:
        return super().wrap_socket(sock, *args, server_hostname=self.expected or server_hostname, **options)

    def wrap_bio(self, incoming: Any, outgoing: Any, *args: Any, server_hostname: Any = None, **options: Any) -> Any:
        return super().wrap_bio(incoming, outgoing, *args, server_hostname=self.expected or server_hostname, **options)


def _client(access: Access, server: str, certificate: bytes) -> httpx.Client:
    cluster = access.cluster
    try:
        return httpx.Client(
            verify=_tls(cluster, certificate),
            proxy=_proxy(cluster, server),
            headers={"User-Agent": USER_AGENT},
            trust_env=False,  # which would not read NO_PROXY as kubectl does
        )
    except (OSError, ValueError, httpx.InvalidURL) as error:  # ssl.SSLError is an OSError
        raise ClusterUnknownError(
            f"the kubeconfig's certificates or proxy for context {access.context} cannot be used: {_reason(error)}"
        ) from None


def _tls(cluster: Cluster, certificate: bytes) -> ssl.SSLContext:
    """Without the flag for strict certificates that Python 3.13 sets by default: kubectl accepts what it refuses."""
    context = _Context(ssl.PROTOCOL_TLS_CLIENT)
    context.expected = cluster.tls_server_name or None
    _trust(context, cluster, system=not cluster.certificate_authority_data)
    if certificate:
        with tempfile.TemporaryDirectory() as folder:  # only this user can look into it
            file = Path(folder) / "client.pem"
            file.write_bytes(certificate)
            context.load_cert_chain(file, password="")
    return context


def _trust(context: ssl.SSLContext, cluster: Cluster, *, system: bool) -> None:
    if cluster.insecure_skip_tls_verify:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        return
    # As in Go, where any certificate of the bundle is trusted, an intermediate one too.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    if system:
        context.load_default_certs()
    if cluster.certificate_authority_data:
        authority = pem(cluster.certificate_authority_data, "certificate-authority-data")
        context.load_verify_locations(cadata=authority.decode("ascii"))


def _proxy(cluster: Cluster, server: str) -> httpx.Proxy | None:
    url = cluster.proxy_url or environment_proxy(server)
    if not url:
        return None
    context = None
    if url.lower().startswith("https:"):
        # The system's authorities for a proxy of the network's own, the cluster's for one that stands for the cluster.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        _trust(context, cluster, system=True)
    try:
        return httpx.Proxy(url, ssl_context=context)
    except (ValueError, httpx.InvalidURL):  # whose message may have a part of the password
        source = "proxy-url of the kubeconfig" if cluster.proxy_url else "proxy of the environment (HTTPS_PROXY)"
        raise ClusterUnknownError(f"the {source} is not a URL that can be used") from None


def _url(access: Access) -> str:
    """The server's URL as kubectl completes it."""
    given = access.cluster.server
    if "://" not in given:
        cluster, user = access.cluster, access.user
        is_tls = cluster.certificate_authority_data or cluster.insecure_skip_tls_verify or user.client_certificate_data
        given = f"{'https' if is_tls else 'http'}://{given}"
    try:
        parts = urlsplit(given)
        if parts.scheme in ("http", "https") and parts.hostname and parts.port != 0:
            return parts._replace(path=parts.path.rstrip("/"), query="", fragment="").geturl()
    except ValueError:  # a port that is no number
        pass
    raise ClusterUnknownError(f"the kubeconfig's server for context {access.context} is not an http or https URL")


def _read(response: httpx.Response, ends: float) -> bytes:
    """The body. Raises TimeoutError at the end of the call's time: its thread ends too, and holds no memory."""
    body = bytearray()
    for part in response.iter_bytes():
        body += part
        if len(body) > LARGEST:
            raise ValueError(f"its answer is larger than {LARGEST // 1024 // 1024} MiB")
        if time.monotonic() > ends:
            raise TimeoutError
    return bytes(body)


def within(limit: float, work: Callable[[], Value]) -> Value:
    """What the work gives. Raises TimeoutError at the limit: the work may then go on in a thread that nobody waits
    for."""
    outcome: queue.SimpleQueue[tuple[Value | None, BaseException | None]] = queue.SimpleQueue()

    def run() -> None:
        try:
            outcome.put((work(), None))
        except BaseException as error:
            outcome.put((None, error))

    threading.Thread(target=run, daemon=True).start()
    try:
        value, error = outcome.get(timeout=limit)
    except queue.Empty:
        raise TimeoutError from None
    if error is not None:
        raise error
    return value  # type: ignore[return-value] - without an error there is one


def _reason(error: BaseException) -> str:
    return str(error) or type(error).__name__
