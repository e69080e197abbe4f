"""The Tailscale API as the real tailscale plugin (0.29.2) uses it: its credentials, its requests, and its errors.

Read in terraform-provider-tailscale and tailscale.com/client/tailscale/v2: one request per operation, a timeout of
a minute, a bearer token from the OAuth client or an API key as the user name, and **no retry** on 429, 5xx or a
broken connection. Not here: identity tokens that the real one finds in a cloud's runtime (`audience`).
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx

from sandbox.plugins.kind import Failure
from sandbox.plugins.values import Properties

PUBLIC = "https://api.tailscale.com"
TIMEOUT_SECONDS = 60.0
AGENT = "support-access-sandbox"
OAUTH = "oauth2: cannot fetch token"


class ApiError(Failure):
    """The API refused. The text is the real client's: `message (status)`."""

    def __init__(self, message: str, status: int) -> None:
        super().__init__(f"{message} ({status})")
        self.message = message
        self.status = status


@dataclass(frozen=True)
class Credentials:
    """One of: an API key; an OAuth client; a federated identity with its token."""

    api_key: str = ""
    client_id: str = ""
    client_secret: str = ""
    identity_token: str = ""

    @classmethod
    def of(cls, options: Properties, variables: Mapping[str, str]) -> Credentials:
        """From the provider's arguments, else from the environment. Raises Failure with the real plugin's words."""
        token_variables = ["TAILSCALE_IDENTITY_TOKEN", "IDENTITY_TOKEN"]
        token_variables += [str(options.get("identityTokenEnvironmentVariableName") or "")]

        def value(option: str, *names: str) -> str:
            given = options.get(option) or next((v for n in names if (v := variables.get(n))), "")
            return _from_file(option, str(given))

        found = cls(
            api_key=value("apiKey", "TAILSCALE_API_KEY"),
            client_id=value("oauthClientId", "TAILSCALE_OAUTH_CLIENT_ID", "OAUTH_CLIENT_ID"),
            client_secret=value("oauthClientSecret", "TAILSCALE_OAUTH_CLIENT_SECRET", "OAUTH_CLIENT_SECRET"),
            identity_token=value("identityToken", *token_variables),
        )
        if problem := found._problem():
            raise Failure(f"Provider credentials error: {problem}")
        return found

    def _problem(self) -> str | None:
        oauth = self.client_id or self.client_secret or self.identity_token
        if not self.api_key and not oauth:
            return (
                "tailscale provider credentials are empty - set `api_key` or 'oauth_client_id' and one of "
                "'oauth_client_secret', 'identity_token', or 'audience'"
            )
        if self.api_key and oauth:
            return (
                "tailscale provider credentials are conflicting - `api_key` conflicts with 'oauth_client_id', "
                "'oauth_client_secret', 'identity_token', and 'audience'"
            )
        if not self.api_key and not self.client_id:
            return "tailscale provider argument 'oauth_client_id' is empty"
        if self.client_id and not self.client_secret and not self.identity_token:
            return (
                "one of tailscale provider arguments 'oauth_client_secret', 'identity_token', or 'audience' "
                "are mandatory with 'oauth_client_id'"
            )
        return None


def _from_file(option: str, value: str) -> str:
    if not value.startswith("file:"):
        return value
    try:
        return Path(value.removeprefix("file:")).read_text().strip()
    except OSError as error:
        raise Failure(f"Could not resolve file for {option}: {error}") from error


class Api:
    """The API of one tailnet. Keeps its token for as long as it holds; `close` ends its connections."""

    def __init__(
        self, credentials: Credentials, url: str, tailnet: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._credentials = credentials
        self._tailnet = quote(tailnet, safe="")
        self._token: str | None = None
        self._fetching = asyncio.Lock()
        self._http = httpx.AsyncClient(
            base_url=url.rstrip("/"), timeout=TIMEOUT_SECONDS, headers={"User-Agent": AGENT}, transport=transport
        )

    @classmethod
    def of(cls, options: Properties, variables: Mapping[str, str] = os.environ) -> Api:
        """For the provider's arguments; what these leave open comes from `variables`."""
        url = options.get("baseUrl") or variables.get("TAILSCALE_BASE_URL") or PUBLIC
        tailnet = options.get("tailnet") or variables.get("TAILSCALE_TAILNET") or "-"
        return cls(Credentials.of(options, variables), str(url), str(tailnet))

    async def close(self) -> None:
        await self._http.aclose()

    async def call(
        self, what: str, method: str, path: str, body: Any = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        """One request below /api/v2/tailnet/<tailnet>/, or of a path that begins with a slash. `body` is sent as JSON,
        a str as HuJSON. `what` begins the text of a failure.
        """
        try:
            return await self._call(method, path, body, dict(headers or {}))
        except ApiError as error:
            raise ApiError(f"{what}: {error.message}", error.status) from error
        except (httpx.HTTPError, Failure) as error:
            reason = str(error) or type(error).__name__
            raise Failure(f'{what}: {method.title()} "{self._http.base_url}": {reason}') from error

    async def _call(self, method: str, path: str, body: Any, headers: dict[str, str]) -> httpx.Response:
        hujson = isinstance(body, str)
        if hujson:
            headers["Content-Type"] = "application/hujson"
        elif body is None:
            headers.setdefault("Accept", "application/json")
        response = await self._http.request(
            method,
            path if path.startswith("/") else f"/api/v2/tailnet/{self._tailnet}/{path}",
            headers=headers,
            auth=await self._auth(),
            content=body if hujson else None,
            json=None if hujson else body,
        )
        if response.status_code >= httpx.codes.BAD_REQUEST:
            raise ApiError(_message(response), response.status_code)
        return response

    async def _auth(self) -> httpx.Auth:
        if self._credentials.api_key:
            return httpx.BasicAuth(self._credentials.api_key, "")
        async with self._fetching:  # resources come side by side, and the first of them fetches for all
            if self._token is None:
                self._token = await self._fetch_token()
        return Bearer(self._token)

    async def _fetch_token(self) -> str:
        """A token holds for an hour, longer than any run of the engine; so it is fetched once."""
        known = self._credentials
        if known.client_secret:
            path, form = "token", {"grant_type": "client_credentials"}
            auth = httpx.BasicAuth(known.client_id, known.client_secret)
        else:
            path, form = "token-exchange", {"client_id": known.client_id, "jwt": known.identity_token}
            auth = httpx.Auth()  # none: the form is the proof
        answer = await self._http.post(f"/api/v2/oauth/{path}", data=form, auth=auth)
        if answer.status_code >= httpx.codes.BAD_REQUEST:
            reason = f"{answer.status_code} {answer.reason_phrase}"
            raise Failure(f"{OAUTH}: {reason}\nResponse: {answer.text.strip()}")
        return answer.json()["access_token"]


class Bearer(httpx.Auth):
    def __init__(self, token: str) -> None:
        self._token = token

    def auth_flow(self, request: httpx.Request) -> Any:
        request.headers["Authorization"] = f"Bearer {self._token}"
        yield request


def _message(response: httpx.Response) -> str:
    try:
        return str(response.json()["message"])
    except (ValueError, KeyError, TypeError):
        return f"the answer is no JSON with a message: {response.text.strip()[:200]}"


def seconds(moment: str) -> str:
    """A time stamp as the plugin keeps it: RFC 3339 without the fraction of a second."""
    return re.sub(r"\.\d+", "", moment)
