"""What a call is authorised with: the API key itself, or an access token that is got for a client or an identity.

Owns the token: fetched once for all threads, again shortly before it ends, and anew when the API no longer accepts it.
It lives in memory only and dies with the process; it cannot be revoked by its holder, and ends an hour after it was
made, or with its client.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import httpx

from .credentials import Credentials
from .identity_token import IdentityToken, claims, described, github_forms
from .problems import ApiError, TailnetError
from .transport import Transport, json_object

_EARLY = 60.0  # seconds before its end at which a token is fetched anew
_LIFE = 3600.0  # seconds, where the answer does not say
_REFUSED = frozenset({400, 401, 403, 404})


class AccessToken:
    """The authorisation of one credential. Safe for use from several threads."""

    def __init__(
        self, credentials: Credentials, transport: Transport, clock: Callable[[], float], now: Callable[[], float]
    ) -> None:
        """`clock`: seconds that only grow, for access tokens. `now`: seconds since 1970, for identity tokens."""
        self._credentials = credentials
        self._transport = transport
        self._clock = clock
        self._now = now
        self._lock = threading.Lock()
        self._token = ""
        self._ends = 0.0
        self._scopes: frozenset[str] | None = None
        self._attempts = 0
        self._failure: TailnetError | None = None

    def authorization(self) -> str:
        """The Authorization header. Raises ApiError or TailnetError when no token can be had."""
        if self._credentials.api_key:
            return f"Bearer {self._credentials.api_key}"
        seen = self._attempts
        with self._lock:
            if self._clock() >= self._ends - _EARLY:
                self._fetch(seen)
            return f"Bearer {self._token}"

    def renew(self, refused: str) -> bool:
        """Drops the token behind the header `refused`; False for an API key, of which there is no other.

        A token can be revoked before its end: one fresh one tells that from a refused credential. Of many threads that
        were refused with the same token, only the first drops it.
        """
        if self._credentials.api_key:
            return False
        with self._lock:
            if refused == f"Bearer {self._token}":
                self._ends = 0.0
        return True

    def scopes(self) -> frozenset[str] | None:
        """The scopes of the token, fetched if need be; None for an API key, and where the API did not say."""
        self.authorization()
        return self._scopes

    def _fetch(self, seen: int) -> None:
        # Whoever waited for an attempt shares its failure: each trying for itself would take threads x patience.
        if self._attempts != seen and self._failure is not None:
            raise self._failure
        try:
            self._failure = None
            self._keep(self._request())
        except TailnetError as error:
            self._failure = error
            raise
        finally:
            self._attempts += 1

    def _request(self) -> httpx.Response:
        known = self._credentials
        if known.identity is not None:
            return self._exchange(known.identity)
        form = {"grant_type": "client_credentials", "client_id": known.client_id, "client_secret": known.client_secret}
        answer = self._transport.send("POST", "/api/v2/oauth/token", data=form, repeat=True)
        mend = "it was revoked or the secret is not its own. Put a valid client there and run again."
        self._judge(answer, f"the OAuth client in {known.variables}", mend)
        return answer

    def _exchange(self, identity: IdentityToken) -> httpx.Response:
        known = self._credentials
        token = identity.obtain(self._get)
        self._transport.hide(token)
        found = claims(token, identity, self._now())
        form = {"client_id": known.client_id, "jwt": token}
        answer = self._transport.send("POST", "/api/v2/oauth/token-exchange", data=form, repeat=True)
        # The API says "Unauthorized" and no more (tailscale/github-action issues 223 and 227): so the message says what
        # there is to compare.
        mend = (
            f"the token from {identity.source} says {described(found)}. Compare these with the identity's issuer, "
            "subject, audience and claim rules; look whether it was revoked, and whether its issuer can be reached "
            f"from the internet.{github_forms(found)}"
        )
        self._judge(answer, f"the federated identity {known.client_id} of {known.variables}", mend)
        return answer

    def _get(
        self, url: str, *, params: Mapping[str, str], headers: Mapping[str, str], patience: float | None = None
    ) -> httpx.Response:
        whole = str(httpx.URL(url).copy_merge_params(params))  # `params=` would replace the query that is there
        return self._transport.send("GET", whole, headers=headers, repeat=True, patience=patience, timeout=5.0)

    def _judge(self, answer: httpx.Response, who: str, mend: str) -> None:
        if answer.is_success:
            return
        if answer.status_code not in _REFUSED:
            raise self._transport.refusal(answer)
        reason = self._transport.reason(answer)
        raise ApiError(f"the Tailscale API refuses {who} ({reason}): {mend}", status=answer.status_code, reason=reason)

    def _keep(self, answer: httpx.Response) -> None:
        found: dict[str, Any] = json_object(answer)
        token, life, scope = found.get("access_token"), found.get("expires_in"), found.get("scope")
        if not isinstance(token, str) or not token:
            raise ApiError("the Tailscale API answered a token request without a token")
        self._token = token
        self._scopes = frozenset(scope.split()) if isinstance(scope, str) and scope.strip() else None
        if not isinstance(life, int | float) or isinstance(life, bool) or life <= 0:
            life = _LIFE
        self._ends = self._clock() + life
