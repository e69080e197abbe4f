"""The credential of this provider, from the environment and nowhere else: never an input, never in state.

Owns the choice between an API key and an OAuth client, and one precise message for each wrong combination. A
credential's repr shows no secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .problems import TailnetError

PUBLIC_API = "https://api.tailscale.com"

API_KEY = "TAILSCALE_API_KEY"
CLIENT_ID = "TAILSCALE_OAUTH_CLIENT_ID"
CLIENT_SECRET = "TAILSCALE_OAUTH_CLIENT_SECRET"  # noqa: S105  the variable's name
TAILNET = "TAILSCALE_TAILNET"
BASE_URL = "TAILSCALE_BASE_URL"


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API is, which tailnet, and one way to authenticate: an API key, or an OAuth client."""

    base_url: str
    tailnet: str
    api_key: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)

    @property
    def variables(self) -> str:
        """The names of the variables that hold the credential in use, for messages."""
        return API_KEY if self.api_key else f"{CLIENT_ID} and {CLIENT_SECRET}"


def credentials(environ: Mapping[str, str]) -> Credentials:
    """The credential that `environ` holds. Raises TailnetError for every combination that is not exactly one."""
    key, client, secret = (environ.get(name, "").strip() for name in (API_KEY, CLIENT_ID, CLIENT_SECRET))
    if key and (client or secret):
        given = " and ".join(name for name, value in ((CLIENT_ID, client), (CLIENT_SECRET, secret)) if value)
        raise TailnetError(
            f"{API_KEY} is set and {given} too: it cannot be known which one is meant. Unset one of the two ways."
        )
    if client and not secret:
        raise TailnetError(
            f"{CLIENT_ID} is set and {CLIENT_SECRET} is not: an OAuth client needs both. Set {CLIENT_SECRET}."
        )
    if secret and not client:
        raise TailnetError(
            f"{CLIENT_SECRET} is set and {CLIENT_ID} is not: an OAuth client needs both. Set {CLIENT_ID}."
        )
    if not key and not client:
        raise TailnetError(
            f"no Tailscale credential: set {CLIENT_ID} and {CLIENT_SECRET} (an OAuth client), or {API_KEY} "
            "(an API key). They are read from the environment only and never stored."
        )
    return Credentials(
        base_url=_base_url(environ.get(BASE_URL, "").strip() or PUBLIC_API),
        tailnet=environ.get(TAILNET, "").strip() or "-",
        api_key=key,
        client_id=client,
        client_secret=secret,
    )


def _base_url(url: str) -> str:
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment or parts.username:
        raise TailnetError(f"{BASE_URL} must be a plain http(s) URL such as {PUBLIC_API}")
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise TailnetError(f"{BASE_URL} must be https: over http the credential could be read on the way")
    return url.rstrip("/")
