"""A client of the Tailscale API: the calls this provider makes, and how each of them fails.

Owns authentication (a token is fetched once and again before it ends), retries and the wording of errors. Knows nothing
of slices. 429 is retried after its Retry-After; 5xx answers and lost connections with full jitter; all of it within
`patience` seconds. A POST of the policy is not repeated here, since a lost answer leaves open whether it was saved:
document.py reads again. No secret appears in an error, a log line or a repr.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import quote

import httpx
import tenacity

from .credentials import Credentials
from .problems import ApiError

PATIENCE = 60.0
"""Seconds within which one call is retried."""

_HUJSON = "application/hujson"
_EARLY = 60.0  # seconds before its end at which a token is fetched anew
_REPEATABLE = frozenset({"GET", "DELETE"})


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy document as it stands: HuJSON text and the ETag to give back (None when the server sent none)."""

    text: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server says of a candidate document: errors refuse it, warnings do not."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tests_failed: bool = False


class Client:
    """One tailnet through the API. Safe for use from several threads. Close it, or use it as a context manager."""

    def __init__(
        self,
        credentials: Credentials,
        *,
        transport: httpx.BaseTransport | None = None,
        patience: float = PATIENCE,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.patience = patience
        self.sleep = sleep
        self.clock = clock
        self._credentials = credentials
        self._tailnet = f"/api/v2/tailnet/{quote(credentials.tailnet, safe='-')}"
        self._http = httpx.Client(
            base_url=credentials.base_url,
            transport=transport,
            timeout=httpx.Timeout(30.0, connect=10.0),
            headers={"User-Agent": "support-access"},
        )
        self._token = ""
        self._token_ends = 0.0
        self._token_lock = threading.Lock()

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._http.close()

    # --- policy ------------------------------------------------------------------------------

    def policy(self) -> Policy:
        """The policy document. Needs the scope policy_file:read."""
        answer = self._call("GET", f"{self._tailnet}/acl", headers={"Accept": _HUJSON})
        try:
            text = answer.content.decode("utf-8")
        except UnicodeDecodeError as error:
            raise ApiError(f"the policy document is not UTF-8 ({error.reason}); nothing was written") from None
        return Policy(text, answer.headers.get("ETag"))

    def validate(self, text: str) -> Verdict:
        """Asks the server about a candidate document; nothing is saved. Needs policy_file:read."""
        answer = self._call(
            "POST",
            f"{self._tailnet}/acl/validate",
            content=text,
            headers={"Content-Type": _HUJSON},
            repeatable=True,
        )
        return _verdict(_json(answer) if answer.content.strip() else {})

    def save_policy(self, text: str, etag: str) -> None:
        """Replaces the document if it still is the one with `etag`. Raises ApiError 412 if not, 400 if refused.

        Called once: after a lost connection (status 0) or a 5xx answer the caller has to read again. An empty text
        would reset the tailnet and is refused here.
        """
        if not text.strip():
            raise ValueError("an empty policy document resets the tailnet: it is never sent")
        if not etag.strip('"'):
            raise ValueError("a policy document is never sent without If-Match")
        self._call(
            "POST",
            f"{self._tailnet}/acl",
            content=text,
            headers={"Content-Type": _HUJSON, "Accept": _HUJSON, "If-Match": etag},
        )

    # --- devices and services ----------------------------------------------------------------

    def devices(self, tag: str | None = None) -> list[dict[str, Any]]:
        """The tailnet's devices, only those with `tag` when one is given. Needs devices:core:read."""
        query = {"fields": "default", **({"tags": tag} if tag else {})}
        devices = _json(self._call("GET", f"{self._tailnet}/devices", params=query)).get("devices") or []
        # The filter is checked again here: a server that ignored it would have us delete other devices.
        return [device for device in devices if tag is None or tag in (device.get("tags") or [])]

    def delete_device(self, node_id: str) -> bool:
        """Deletes a device; False when it was gone already. Needs devices:core."""
        return self._delete(f"/api/v2/device/{quote(node_id, safe='')}")

    def services(self) -> list[dict[str, Any]]:
        """The tailnet's Tailscale Services (`svc:...`). Needs services:read."""
        return _json(self._call("GET", f"{self._tailnet}/vip-services")).get("vipServices") or []

    def delete_service(self, name: str) -> bool:
        """Deletes a Tailscale Service; False when it was gone already. Needs services."""
        return self._delete(f"{self._tailnet}/vip-services/{quote(name, safe=':')}")

    def _delete(self, path: str) -> bool:
        try:
            self._call("DELETE", path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    # --- one call ----------------------------------------------------------------------------

    def _call(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: str | None = None,
    ) -> httpx.Response:
        repeat = method in _REPEATABLE if repeatable is None else repeatable

        def once() -> httpx.Response:
            authorization = {"Authorization": self._authorization()}
            return self._send(
                method, path, headers={**(headers or {}), **authorization}, params=params, content=content
            )

        answer = self._patiently(once, repeat=repeat)
        if answer.status_code == 401 and not self._credentials.api_key:
            # A token can be revoked before its end: one fresh one tells that from a refused credential.
            self._forget_token()
            answer = self._patiently(once, repeat=repeat)
        if answer.is_success:
            return answer
        raise self._refusal(method, path, answer)

    def _send(self, method: str, path: str, **arguments: Any) -> httpx.Response:
        content = arguments.pop("content", None)
        if content is not None:
            arguments["content"] = content.encode("utf-8")
        return self._http.request(method, path, **arguments)

    def _patiently(self, once: Callable[[], httpx.Response], *, repeat: bool) -> httpx.Response:
        """The answer of `once`, called again while that may help: after 429 always, else only if `repeat`."""

        def again(state: tenacity.RetryCallState) -> bool:
            outcome = state.outcome
            assert outcome is not None  # noqa: S101  tenacity asks after an attempt
            error = outcome.exception()
            if error is not None:
                return isinstance(error, httpx.ConnectError) or (repeat and isinstance(error, httpx.TransportError))
            status = outcome.result().status_code
            return status == 429 or (repeat and status >= 500 and status != 501)

        retrying = tenacity.Retrying(
            retry=again,
            wait=self._wait,
            stop=tenacity.stop_before_delay(self.patience),
            sleep=self.sleep,
            retry_error_callback=lambda state: state.outcome.result() if state.outcome else None,
        )
        try:
            return retrying(once)
        except httpx.TransportError as error:
            raise ApiError(
                f"no answer from the Tailscale API at {self._credentials.base_url} "
                f"({type(error).__name__}: {error or 'no detail'}). Check the network and TAILSCALE_BASE_URL."
            ) from None

    def _wait(self, state: tenacity.RetryCallState) -> float:
        outcome = state.outcome
        if outcome is not None and outcome.exception() is None:
            after = _retry_after(outcome.result())
            if after is not None:
                return after
        return random.uniform(0, min(10.0, 0.25 * 2**state.attempt_number))  # noqa: S311  jitter, no secret

    def _refusal(self, method: str, path: str, answer: httpx.Response) -> ApiError:
        body = _body(answer)
        reason = str(body.get("message") or body.get("error_description") or body.get("error") or answer.reason_phrase)
        what = f"{method} {path}: {answer.status_code} {reason}"
        status = answer.status_code
        if status == 401:
            what = (
                f"the Tailscale API does not accept the credential in {self._credentials.variables} ({reason}): it "
                "has expired, was revoked, or belongs to another tailnet. Put a valid one there and run again."
            )
        elif status == 403:
            what = (
                f"the credential in {self._credentials.variables} may not {method} {path} ({reason}). "
                "It needs the scopes policy_file (with devices:core and devices:posture_attributes) and services."
            )
        elif status == 404 and path.startswith(self._tailnet):
            what += f". Does the tailnet {self._credentials.tailnet!r} (TAILSCALE_TAILNET) exist?"
        elif status == 429:
            what += f". The API still limits the rate after {self.patience:.0f} s: run again later."
        return ApiError(what, status=status, reason=reason, data=body.get("data"))

    # --- authentication ----------------------------------------------------------------------

    def _authorization(self) -> str:
        if self._credentials.api_key:
            return f"Bearer {self._credentials.api_key}"
        with self._token_lock:
            if self.clock() >= self._token_ends - _EARLY:
                self._fetch_token()
            return f"Bearer {self._token}"

    def _forget_token(self) -> None:
        with self._token_lock:
            self._token_ends = 0.0

    def _fetch_token(self) -> None:
        path = "/api/v2/oauth/token"
        form = {
            "grant_type": "client_credentials",
            "client_id": self._credentials.client_id,
            "client_secret": self._credentials.client_secret,
        }
        answer = self._patiently(lambda: self._http.post(path, data=form), repeat=True)
        if answer.status_code in (400, 401, 403):
            body = _body(answer)
            reason = body.get("message") or body.get("error_description") or body.get("error") or answer.reason_phrase
            raise ApiError(
                f"the Tailscale API refuses the OAuth client in {self._credentials.variables} ({reason}): it was "
                "revoked or the secret is not its own. Put a valid client there and run again.",
                status=answer.status_code,
                reason=str(reason),
            )
        if not answer.is_success:
            raise self._refusal("POST", path, answer)
        token = _json(answer)
        self._token = str(token.get("access_token") or "")
        if not self._token:
            raise ApiError("the Tailscale API answered a token request without a token")
        self._token_ends = self.clock() + float(token.get("expires_in") or 3600)


def _body(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _json(answer: httpx.Response) -> dict[str, Any]:
    try:
        body = answer.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise ApiError(
            f"{answer.request.method} {answer.request.url.path} was answered with something that is not JSON: "
            "does TAILSCALE_BASE_URL lead to the Tailscale API?"
        )
    return body


def _retry_after(answer: httpx.Response) -> float | None:
    """Seconds of a Retry-After header (a number or a date), at most 60; None when there is none."""
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
    return min(max(seconds, 0.0), 60.0) + random.uniform(0, 0.5)  # noqa: S311


def _verdict(body: dict[str, Any]) -> Verdict:
    """Reads an answer of validate: a message is an error unless it only announces warnings."""
    message = str(body.get("message") or "")
    errors, warnings = judged_lines(body.get("data"))
    if not message or message.startswith("warning"):
        return Verdict(warnings=tuple(warnings))
    return Verdict(tuple(errors or [message]), tuple(warnings), tests_failed=message.startswith("test(s) failed"))


def judged_lines(data: object) -> tuple[list[str], list[str]]:
    """(errors, warnings) of the list that comes with a verdict, each as `<who>: <what>`."""
    errors: list[str] = []
    warnings: list[str] = []
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict):
            errors += [f"{entry.get('user')}: {line}" for line in entry.get("errors") or []]
            warnings += [f"{entry.get('user')}: {line}" for line in entry.get("warnings") or []]
    return errors, warnings
