"""The credential of a kubeconfig's user: headers and client certificate, by way of a login plugin where one is named.

Owns the plugin's run, as client-go's: its environment, the protocol ExecCredential, a credential kept until it expires.
A plugin never gets a terminal, and its run counts to the time limit of the call that needs it. Raises
ClusterUnknownError for everything that does not give a credential. No token is ever part of a message.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

from providers import process

from .kubeconfig import Access, Exec, User, pem
from .problems import ClusterUnknownError

GRACE = 0.3
"""Seconds for a plugin to end after each signal; the last one is SIGKILL."""

_EXTRA_SAFE = "!#$&'*+-.^_`|~"
"""What a name of impersonation's extra keeps in a header, besides letters and digits."""


@dataclass(frozen=True, slots=True)
class Credential:
    """headers: of every request. certificate: PEM of the client's certificate and key."""

    headers: tuple[tuple[str, str], ...] = ()
    certificate: bytes = b""


class Login:
    """The credential of one user, made once and again when it has expired or was refused."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._of_plugin: tuple[Credential, datetime | None] | None = None

    def credential(self, limit: float) -> Credential:
        """limit: seconds for a plugin to run. Raises ClusterUnknownError."""
        credential = self._made(limit)
        for name, value in credential.headers:
            if any(ord(letter) < 32 or ord(letter) == 127 for letter in value):
                raise ClusterUnknownError(f"the credential has a character that the header {name} cannot hold")
        return credential

    def _made(self, limit: float) -> Credential:
        user = self._access.user
        impersonation = tuple(_impersonation(user))
        # As kubectl, which sends no credential over a connection that anybody on the way can read.
        if urlsplit(self._access.cluster.server).scheme == "http":
            return Credential(impersonation)
        certificate = b""
        if user.client_certificate_data:
            certificate = b"\n".join(
                pem(data, "client certificate or key") for data in (user.client_certificate_data, user.client_key_data)
            )
        headers = _authorization(user)
        if user.exec and not headers and not certificate:
            made = self._from_plugin(user.exec, limit)
            return Credential((*made.headers, *impersonation), made.certificate)
        return Credential((*headers, *impersonation), certificate)

    def refused(self) -> None:
        """The API server did not accept the credential: the next one is made anew."""
        self._of_plugin = None

    def _from_plugin(self, plugin: Exec, limit: float) -> Credential:
        if self._of_plugin is not None:
            credential, expires = self._of_plugin
            if expires is None or datetime.now(UTC) < expires:
                return credential
        status = _run(plugin, _exec_info(plugin, self._access), limit)
        self._of_plugin = _credential(plugin, status), _expiry(plugin, status)
        return self._of_plugin[0]


def _authorization(user: User) -> tuple[tuple[str, str], ...]:
    token = _token(user)
    if token:
        return (("Authorization", f"Bearer {token}"),)
    if user.username or user.password:
        basic = base64.b64encode(f"{user.username}:{user.password}".encode()).decode()
        return (("Authorization", f"Basic {basic}"),)
    return ()


def _token(user: User) -> str:
    """A file's is read at every call, since it rotates, and wins as long as the file has one."""
    if not user.token_file:
        return user.token
    try:
        in_file = Path(user.token_file).read_text().strip()
        why = "it is empty"
    except (OSError, ValueError) as error:
        in_file, why = "", getattr(error, "strerror", None) or "it is not text"
    if not in_file and not user.token:
        raise ClusterUnknownError(f"the kubeconfig's tokenFile {user.token_file} gives no token: {why}")
    return in_file or user.token


def _impersonation(user: User) -> Sequence[tuple[str, str]]:
    if not user.as_:
        return ()
    return (
        ("Impersonate-User", user.as_),
        *((("Impersonate-Uid", user.as_uid),) if user.as_uid else ()),
        *(("Impersonate-Group", group) for group in user.as_groups),
        *(
            (f"Impersonate-Extra-{quote(key, safe=_EXTRA_SAFE)}", value)
            for key, values in user.as_user_extra.items()
            for value in values
        ),
    )


def _exec_info(plugin: Exec, access: Access) -> dict[str, Any]:
    """What a plugin is told in KUBERNETES_EXEC_INFO."""
    spec: dict[str, Any] = {"interactive": False}
    if plugin.provideClusterInfo:
        cluster = access.cluster
        given = {
            "server": cluster.server,
            "tls-server-name": cluster.tls_server_name,
            "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
            "certificate-authority-data": "".join(cluster.certificate_authority_data.split()),
            "proxy-url": cluster.proxy_url,
            "disable-compression": cluster.disable_compression,
        }
        spec["cluster"] = {key: value for key, value in given.items() if value} | {"config": access.plugin_config}
    return {"kind": "ExecCredential", "apiVersion": plugin.apiVersion, "spec": spec}


def _run(plugin: Exec, info: dict[str, Any], limit: float) -> dict[str, Any]:
    """The status of the ExecCredential that the plugin prints."""
    environ = {
        **os.environ,
        **{it.name: it.value for it in plugin.env},
        "KUBERNETES_EXEC_INFO": json.dumps(info, default=str),
    }
    what = f"the login plugin {plugin.command} of the kubeconfig"
    try:
        ended = process.run([plugin.command, *plugin.args], environ=environ, limit=limit, grace=GRACE)
    except (OSError, ValueError) as error:
        hint = f". {_line(plugin.installHint)}" if plugin.installHint else ""
        why = getattr(error, "strerror", None) or error
        raise ClusterUnknownError(f"{what} cannot be started: {why}{hint}") from None
    if ended.code is None:
        raise ClusterUnknownError(
            f"{what} gave no credential within {limit:.3g} s and was ended. It gets no terminal: log in first, so that"
            " it does not ask"
        )
    if ended.code != 0:
        raise ClusterUnknownError(f"{what} ended with code {ended.code}: {_last_line(ended.errors)}")
    try:
        printed = json.loads(ended.output)
        status = printed["status"]
    except (ValueError, KeyError, TypeError):
        raise ClusterUnknownError(f"{what} printed no ExecCredential with a status") from None
    if printed.get("apiVersion") != plugin.apiVersion or not isinstance(status, dict):
        raise ClusterUnknownError(f"{what} printed an ExecCredential that is not of {plugin.apiVersion}")
    return status


def _credential(plugin: Exec, status: dict[str, Any]) -> Credential:
    token, certificate, key = (status.get(it) or "" for it in ("token", "clientCertificateData", "clientKeyData"))
    if not (token or certificate) or bool(certificate) != bool(key):
        raise ClusterUnknownError(
            f"the login plugin {plugin.command} gave neither a token nor a certificate with a key"
        )
    headers = (("Authorization", f"Bearer {token}"),) if token else ()
    return Credential(headers, f"{certificate}\n{key}".encode() if certificate else b"")


def _expiry(plugin: Exec, status: dict[str, Any]) -> datetime | None:
    given = status.get("expirationTimestamp")
    if not given:
        return None
    try:
        expires = datetime.fromisoformat(given)
    except (ValueError, TypeError):
        raise ClusterUnknownError(
            f"the login plugin {plugin.command} gave an expirationTimestamp that is no time"
        ) from None
    return expires if expires.tzinfo else expires.replace(tzinfo=UTC)


def _last_line(text: str) -> str:
    lines = [line for line in text.splitlines() if line.strip()]
    return _line(lines[-1]) if lines else "it gave no reason"


def _line(text: str) -> str:
    """One line that a terminal may print."""
    return "".join(letter if letter.isprintable() else " " for letter in text.strip())[:300]
