"""One call over HTTP: retried while that may help, and the wording when it fails.

Owns the connections, retries and errors. 429 is retried after its Retry-After; 5xx answers and lost connections with
full jitter, and only for calls that may be made twice; all of it within `patience` seconds. Of what the calls mean it
knows the scope that each needs, and nothing of how one authenticates. What is hidden here appears in no error, whatever
a server answers.
"""

from __future__ import annotations

import random
import ssl
import time
from collections.abc import Callable, Mapping
from email.utils import parsedate_to_datetime
from typing import Any

import httpx
import tenacity

from .credentials import Credentials
from .problems import ApiError, TailnetError

PATIENCE = 70.0
"""Seconds within which one call is retried: more than a minute, which is what a limited rate usually asks for."""

LONGEST_PAUSE = 60.0
"""Seconds: the most that a Retry-After is waited for at once."""


class Transport:
    """Connections to the Tailscale API, by way of the environment's proxy. Safe for use from several threads. Close it.

    Raises TailnetError for a proxy or certificates that cannot be used.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None = None,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials
        self._patience = patience
        self._sleep = sleep
        self._hidden: list[str] = []
        self.hide(credentials.client_secret)
        self._http = _connections(credentials.base_url, transport)

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    def hide(self, secret: str) -> None:
        """From here on `secret` appears in no error. What is shorter than any secret would blot out words instead."""
        if len(secret) >= 8 and secret not in self._hidden:
            self._hidden.append(secret)

    def send(
        self,
        method: str,
        url: str,
        *,
        repeat: bool,
        authorize: Callable[[], str] | None = None,
        headers: Mapping[str, str] | None = None,
        patience: float | None = None,
        timeout: float | None = None,
        **request: Any,
    ) -> httpx.Response:
        """The answer, of any status. Raises ApiError with status 0 when none comes.

        `url`: a path of the API, or a whole URL elsewhere. `repeat`: may the call be made again after an answer was
        lost? `authorize`: gives the Authorization header, asked at each attempt. `patience` and `timeout` (seconds)
        replace the usual ones. The rest are httpx's own arguments.
        """

        def once() -> httpx.Response:
            sent = dict(headers or {}) | ({"Authorization": authorize()} if authorize else {})
            self.hide(sent.get("Authorization", "").partition(" ")[2])
            limit = httpx.USE_CLIENT_DEFAULT if timeout is None else timeout
            return self._http.request(method, url, headers=sent, timeout=limit, **request)

        try:
            return self._patiently(once, repeat, self._patience if patience is None else patience)
        except httpx.RequestError as error:  # redirects without end and a broken encoding are no answer either
            what = f"({type(error).__name__}: {self._shown(str(error)) or 'no detail'})"
            trust = ", SSL_CERT_FILE" if _is_distrust(error) else ""
        if url.startswith("/"):
            where = f"the Tailscale API at {self._credentials.base_url}"
            raise ApiError(f"no answer from {where} {what}. Check the network{trust} and TAILSCALE_BASE_URL.")
        raise ApiError(f"no answer from {httpx.URL(url).host} {what}. Check the network.")

    def reason(self, answer: httpx.Response) -> str:
        """The server's own words of why it says no, without secrets."""
        found = body(answer)
        said = found.get("message") or found.get("error_description") or found.get("error") or answer.reason_phrase
        return self._shown(str(said))

    def refusal(self, answer: httpx.Response) -> ApiError:
        """The error for an answer that is no success: what was asked, why it was refused, how to mend it."""
        reason, status = self.reason(answer), answer.status_code
        method, path = answer.request.method, answer.request.url.path
        what = f"{method} {path}: {status} {reason}"
        if status == 401:
            what = (
                f"the Tailscale API does not accept the credential in {self._credentials.variables} ({reason}): it "
                "has expired, was revoked, or belongs to another tailnet. Put a valid one there and run again."
            )
        elif status == 403:
            what = (
                f"the credential in {self._credentials.variables} may not {method} {path} ({reason}). "
                f"It needs {_scopes(path)}; with `:read` it may look only."
            )
        elif status == 404 and "/tailnet/" in path:
            what += f". Does the tailnet {self._credentials.tailnet!r} (TAILSCALE_TAILNET) exist?"
        elif status == 429:
            what += (
                f". The API limits the rate for longer than is waited here ({self._patience:.0f} s): run again later."
            )
        return ApiError(what, status=status, reason=reason, data=body(answer).get("data"))

    def _patiently(self, once: Callable[[], httpx.Response], repeat: bool, patience: float) -> httpx.Response:
        """The answer of `once`, called again while that may help: after 429 always, else only if `repeat`."""

        def again(state: tenacity.RetryCallState) -> bool:
            outcome = state.outcome
            assert outcome is not None  # noqa: S101  tenacity asks after an attempt
            error = outcome.exception()
            if error is not None:
                lost = isinstance(error, httpx.ConnectError) or (repeat and isinstance(error, httpx.TransportError))
                return lost and not _is_distrust(error)
            status = outcome.result().status_code
            return status == 429 or (repeat and status >= 500 and status != 501)

        retrying = tenacity.Retrying(
            retry=again,
            wait=_wait,
            stop=tenacity.stop_before_delay(patience),
            sleep=self._sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        return retrying(once)

    def _shown(self, text: str) -> str:
        for secret in tuple(self._hidden):
            text = text.replace(secret, "(hidden)")
        return text


def _connections(base_url: str, transport: httpx.BaseTransport | None) -> httpx.Client:
    try:
        return httpx.Client(
            base_url=base_url,
            transport=transport,
            timeout=httpx.Timeout(30.0, connect=10.0),
            headers={"User-Agent": "support-access"},
        )
    except OSError as error:
        raise TailnetError(
            f"the certificates that SSL_CERT_FILE or SSL_CERT_DIR names cannot be read ({error.strerror}): correct it, "
            "or unset it."
        ) from None
    except (ValueError, httpx.InvalidURL):  # the address may hold a password
        raise TailnetError(
            "the proxy in HTTPS_PROXY, HTTP_PROXY or ALL_PROXY cannot be used: it must be an address that begins with "
            "http://, https:// or socks5://. Correct it, or unset it."
        ) from None


def _is_distrust(error: BaseException | None) -> bool:
    """Whether the server's certificate is not trusted, which waiting does not change."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error is not None


_SCOPES = {
    "/acl": "the scopes policy_file, devices:core and devices:posture_attributes",
    "/keys": "the scope of the credential's kind: oauth_keys, federated_keys or auth_keys",
    "/device": "the scope devices:core",
    "/vip-services": "the scope services",
    "/users": "the scope users",
}
"""What is missing when a path is refused, by a part of the path."""


def _scopes(path: str) -> str:
    return next((scopes for part, scopes in _SCOPES.items() if part in path), "a scope that allows it")


def body(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object; empty when it is none."""
    try:
        found = answer.json()
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def json_object(answer: httpx.Response) -> dict[str, Any]:
    """The answer's JSON object. Raises ApiError when it is none: then it is not the API that answered."""
    try:
        found = answer.json()
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise ApiError(
            f"{answer.request.method} {answer.request.url.path} was answered with something that is not JSON: "
            "does TAILSCALE_BASE_URL lead to the Tailscale API?"
        )
    return found


def _wait(state: tenacity.RetryCallState) -> float:
    outcome = state.outcome
    if outcome is not None and outcome.exception() is None:
        after = _retry_after(outcome.result())
        if after is not None:
            return after
    return random.uniform(0, min(10.0, 0.25 * 2**state.attempt_number))  # noqa: S311  jitter, no secret


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a Retry-After header (a number or a date), at most LONGEST_PAUSE; None when there is none."""
    written = answer.headers.get("Retry-After", "").strip()
    if not written:
        return None
    try:
        seconds = float(written)
    except ValueError:
        try:
            seconds = parsedate_to_datetime(written).timestamp() - time.time()
        except ValueError:
            return None
    # A little jitter, so that many stacks do not come back at the same moment.
    return min(max(seconds, 0.0), LONGEST_PAUSE) + random.uniform(0, 0.5)  # noqa: S311
