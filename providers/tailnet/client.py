"""A client of the Tailscale API: the calls this provider makes, and what their answers hold.

Owns the calls. How one call is retried and refused is in transport.py, what it is authorised with in access_token.py.
Knows nothing of slices. A POST of the policy is not repeated here, since a lost answer leaves open whether it was
saved: document.py reads again. No secret appears in an error, a log line or a repr.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import httpx

from .access_token import AccessToken
from .credentials import Credentials
from .problems import ApiError
from .transport import PATIENCE, Transport, json_object

_HUJSON = "application/hujson"
_REPEATABLE = frozenset({"GET", "DELETE"})


@dataclass(frozen=True, slots=True)
class Policy:
    """The policy document as it stands: HuJSON text and the ETag to give back (None when the server sent none)."""

    text: str
    etag: str | None


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the server says of a candidate document: errors refuse it, warnings do not. `data` is as ApiError's."""

    errors: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()
    tests_failed: bool = False
    data: object = None


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
        now: Callable[[], float] = time.time,
    ) -> None:
        self.patience = patience
        self.sleep = sleep
        self.clock = clock
        self.now = now
        self.credentials = credentials
        self._tailnet = f"/api/v2/tailnet/{quote(credentials.tailnet, safe='-')}"
        self._transport = Transport(credentials, transport=transport, patience=patience, sleep=sleep)
        self._token = AccessToken(credentials, self._transport, clock, now)

    def __enter__(self) -> Client:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        self._transport.close()

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
        return _verdict(json_object(answer) if answer.content.strip() else {})

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
        """The tailnet's own devices, only those with `tag` when one is given. Needs devices:core:read.

        Not those that are shared into it: their tags are another tailnet's, and they cannot be deleted here.
        """
        query = {"fields": "default", **({"tags": tag} if tag else {})}
        devices = json_object(self._call("GET", f"{self._tailnet}/devices", params=query)).get("devices") or []
        own = [device for device in devices if not device.get("isExternal")]
        # The filter is checked again here: a server that ignored it would have us delete other devices.
        return [device for device in own if tag is None or tag in (device.get("tags") or [])]

    def delete_device(self, node_id: str) -> bool:
        """Deletes a device; False when it was gone already. Needs devices:core."""
        return self._delete(f"/api/v2/device/{quote(node_id, safe='')}")

    def services(self) -> list[dict[str, Any]]:
        """The tailnet's Tailscale Services (`svc:...`). Needs services:read."""
        return json_object(self._call("GET", f"{self._tailnet}/vip-services")).get("vipServices") or []

    def delete_service(self, name: str) -> bool:
        """Deletes a Tailscale Service; False when it was gone already. Needs services."""
        return self._delete(f"{self._tailnet}/vip-services/{quote(name, safe=':')}")

    # --- the tailnet's settings --------------------------------------------------------------

    def tailnet_settings(self) -> dict[str, Any]:
        """The settings that the credential's scopes cover; the others are left out. Asked once and briefly."""
        return json_object(self._call("GET", f"{self._tailnet}/settings", patience=0, timeout=5.0))

    def dns_preferences(self) -> dict[str, Any]:
        """MagicDNS, on or off. Needs dns:read. Asked once and briefly."""
        return json_object(self._call("GET", f"{self._tailnet}/dns/preferences", patience=0, timeout=5.0))

    # --- credentials -------------------------------------------------------------------------

    def scopes(self) -> frozenset[str] | None:
        """The scopes of the credential in use; None for an API key, and where the API does not say."""
        return self._token.scopes()

    def key(self, key_id: str) -> dict[str, Any]:
        """A credential without its secret. A client or an identity may read itself, whatever its scopes (kb/1623).

        Asked once and briefly: nothing waits for the answer.
        """
        path = f"{self._tailnet}/keys/{quote(key_id, safe='')}"
        return json_object(self._call("GET", path, patience=0, timeout=5.0))

    def keys(self) -> list[dict[str, Any]]:
        """Every OAuth client, federated identity and auth key that is still good. Needs their scopes, or sees less."""
        answer = self._call("GET", f"{self._tailnet}/keys", params={"all": "true"})
        # One that was revoked may go on being listed, as invalid: deleting it again would never end.
        return [key for key in json_object(answer).get("keys") or [] if not key.get("invalid")]

    def delete_key(self, key_id: str) -> bool:
        """Revokes a client, an identity or an auth key; False when it was gone already."""
        return self._delete(f"{self._tailnet}/keys/{quote(key_id, safe='')}")

    # --- one call ----------------------------------------------------------------------------

    def _delete(self, path: str) -> bool:
        try:
            self._call("DELETE", path)
        except ApiError as error:
            if error.status == 404:
                return False
            raise
        return True

    def _call(
        self,
        method: str,
        path: str,
        *,
        repeatable: bool | None = None,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        content: str | None = None,
        patience: float | None = None,
        timeout: float | None = None,
    ) -> httpx.Response:
        def send() -> httpx.Response:
            return self._transport.send(
                method,
                path,
                repeat=method in _REPEATABLE if repeatable is None else repeatable,
                authorize=self._token.authorization,
                headers=headers,
                params=params,
                content=None if content is None else content.encode("utf-8"),
                patience=patience,
                timeout=timeout,
            )

        answer = send()
        if answer.status_code == 401 and self._token.renew(answer.request.headers["Authorization"]):
            answer = send()
        if answer.is_success:
            return answer
        raise self._transport.refusal(answer)


def _verdict(body: dict[str, Any]) -> Verdict:
    """Reads an answer of validate: a message is an error unless it only announces warnings."""
    message = str(body.get("message") or "")
    errors, warnings = judged_lines(body.get("data"))
    if not message or message.startswith("warning"):
        return Verdict(warnings=tuple(warnings))
    tests_failed = message.startswith("test(s) failed")
    return Verdict(tuple(errors or [message]), tuple(warnings), tests_failed=tests_failed, data=body.get("data"))


def judged_lines(data: object) -> tuple[list[str], list[str]]:
    """(errors, warnings) of the list that comes with a verdict, each as `<who>: <what>`."""
    errors: list[str] = []
    warnings: list[str] = []
    for entry in data if isinstance(data, list) else []:
        if isinstance(entry, dict):
            errors += [f"{entry.get('user')}: {line}" for line in entry.get("errors") or []]
            warnings += [f"{entry.get('user')}: {line}" for line in entry.get("warnings") or []]
    return errors, warnings
