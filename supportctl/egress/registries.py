"""Which hosts a node dials to pull an image, found by pulling its smallest part.

Owns the anonymous pull of one image's manifest and configuration, with the redirects that a node would follow, and the
comparison with the required egress. Every request is bounded in time and size, and the body behind a redirect is not
read. Sends no credential: the registry's anonymous token goes to that registry alone. What the list holds is in
components/endpoints/published.py.
"""

from __future__ import annotations

import ipaddress
import json
import re
from typing import Any
from urllib.parse import urljoin, urlsplit

import httpx

from components.egress.destinations import registry_ends
from components.endpoints.published import GITHUB, HTTPS
from components.settings.images import names_host
from components.settings.operator import Operator

SECONDS = 10.0
"""For connecting, and for each read."""
LARGEST = 1024 * 1024
"""Bytes of a manifest or a token; registries refuse larger manifests themselves."""
MOST_REDIRECTS = 5
MANIFESTS = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')

End = tuple[str, int]
"""Host and port."""


class RegistryError(Exception):
    """The image could not be pulled, so nothing was compared; says why."""


def published() -> tuple[str, str]:
    """The operator's image in both places where its publisher puts it."""
    image = Operator().pin("operator").reference
    return image, f"{GITHUB[0]}/{image}"


def dialled(image: str) -> dict[End, str]:
    """Every host that a pull of `image` (`[HOST[:PORT]/]PATH:TAG` or `@DIGEST`) dials, and what for: `manifests`,
    `token` or `layers`. Raises RegistryError."""
    with httpx.Client(timeout=SECONDS, headers={"Accept": ", ".join(MANIFESTS)}) as http:
        return _Pull(http, image).run()


def unlisted(image: str, found: dict[End, str]) -> dict[End, str]:
    """Those of `found` that are not in the required egress of the image."""
    listed = set(registry_ends(image))
    return {end: what for end, what in found.items() if end not in listed}


class _Pull:
    """One pull. found: hosts so far."""

    def __init__(self, http: httpx.Client, image: str) -> None:
        self.http, self.found = http, dict[End, str]()
        name, at, reference = image.partition("@")
        if not at:
            name, _, reference = image.rpartition(":")
        self.path = name.partition("/")[2] if names_host(name) else name
        self.reference = reference
        # The host of the registry's API is the last of Docker Hub's, the first of every other one.
        ends = registry_ends(image)
        host, port = ends[-1] if ends[-1][0].startswith("registry") else ends[0]
        scheme = "http" if _is_loopback(host) else "https"
        self.base = f"{scheme}://{host}:{port}/v2/{self.path}"
        self.token: str | None = None

    def run(self) -> dict[End, str]:
        manifest = self._manifest(self.reference)
        if "manifests" in manifest:
            manifest = self._manifest(_digest_of_linux(manifest))
        digest = _digest(manifest.get("config"))
        self._follow(f"{self.base}/blobs/{digest}")
        return self.found

    def _manifest(self, reference: str) -> dict[str, Any]:
        url = f"{self.base}/manifests/{reference}"
        try:
            parsed = json.loads(self._read(url, "manifests", token=self.token))
        except (ValueError, RecursionError):
            parsed = None
        if not isinstance(parsed, dict) or not ("config" in parsed or "manifests" in parsed):
            raise RegistryError(f"{url} is not a manifest: a proxy may answer instead of the registry.")
        return parsed

    def _read(self, url: str, what: str, *, token: str | None = None) -> bytes:
        """The whole body of a small answer."""
        self._note(url, what)
        with self._asked(url, token) as answer:
            challenge = answer.headers.get("WWW-Authenticate", "")
            if answer.status_code == httpx.codes.UNAUTHORIZED and token is None and challenge.startswith("Bearer "):
                self.token = self._token(challenge)
                return self._read(url, what, token=self.token)
            if answer.status_code != httpx.codes.OK:
                raise RegistryError(f"{_shown(url)} answered {answer.status_code} {answer.reason_phrase}.")
            content = bytearray()
            for part in answer.iter_bytes():
                content += part
                if len(content) > LARGEST:
                    raise RegistryError(f"{_shown(url)} answers with more than {LARGEST} bytes.")
            return bytes(content)

    def _token(self, challenge: str) -> str:
        """An anonymous one, of the service that the registry names."""
        said = dict(_CHALLENGE.findall(challenge))
        url = str(httpx.URL(said.get("realm", ""), params={k: said[k] for k in ("service", "scope") if k in said}))
        _check_url(url)
        try:
            answer = json.loads(self._read(url, "token", token=""))
            return str(answer.get("token") or answer["access_token"])
        except (ValueError, KeyError, AttributeError, RecursionError):
            raise RegistryError(f"{_shown(url)} gives no token to anonymous users.") from None

    def _follow(self, url: str) -> None:
        """The hosts of a blob, without reading it. What the last one answers does not matter: it is known by then."""
        token, what = self.token, "manifests"
        for _ in range(MOST_REDIRECTS + 1):
            self._note(url, what)
            with self._asked(url, token) as answer:
                if not answer.is_redirect:
                    if answer.is_error and what == "manifests":
                        raise RegistryError(f"{_shown(url)} answered {answer.status_code} {answer.reason_phrase}.")
                    return
                url = urljoin(url, answer.headers["Location"])
            _check_url(url)
            token, what = None, "layers"
        raise RegistryError(f"{self.base} redirects more than {MOST_REDIRECTS} times.")

    def _asked(self, url: str, token: str | None) -> Any:
        headers = {"Authorization": f"Bearer {token}"} if token else {}
        return _Stream(self.http, url, headers)

    def _note(self, url: str, what: str) -> None:
        parts = urlsplit(url)
        port = parts.port or (HTTPS if parts.scheme == "https" else 80)
        self.found.setdefault((parts.hostname or "", port), what)


class _Stream:
    """One request whose body need not be read; every failure of the network is a RegistryError."""

    def __init__(self, http: httpx.Client, url: str, headers: dict[str, str]) -> None:
        self.url, self.stream = url, http.stream("GET", url, headers=headers)

    def __enter__(self) -> httpx.Response:
        try:
            return self.stream.__enter__()
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise RegistryError(f"{_shown(self.url)} cannot be fetched: {error or type(error).__name__}.") from None

    def __exit__(self, *error: Any) -> None:
        self.stream.__exit__(*error)


def _digest_of_linux(index: dict[str, Any]) -> str:
    """Of the image for Linux on the commonest processor, or of the first."""
    rows = [row for row in index["manifests"] if isinstance(row, dict)] if isinstance(index["manifests"], list) else []
    wanted = {"os": "linux", "architecture": "amd64"}
    rows.sort(key=lambda row: not (wanted.items() <= dict(row.get("platform") or {}).items()))
    return _digest(rows[0] if rows else None)


def _digest(part: Any) -> str:
    digest = part.get("digest") if isinstance(part, dict) else None
    if not isinstance(digest, str) or not _DIGEST.fullmatch(digest):
        raise RegistryError("The answer is not a manifest: it has no digest.")
    return digest


def _check_url(url: str) -> None:
    """Raises RegistryError for what no node would dial: without TLS, but for loopback, where registries need none."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        host = ""
        parts = urlsplit("")
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(host))):
        raise RegistryError(f"The registry leads to {_shown(url)!r}, which is not an https URL.")


def _is_loopback(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _shown(url: str) -> str:
    """Without the query, in which redirects carry their signature."""
    return url.partition("?")[0]
