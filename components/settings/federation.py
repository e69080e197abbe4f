"""Settings of the operator without a secret: `support-access:credential.federation`.

Owns whose tokens Tailscale believes: the issuer of the cluster's service account tokens, and the audience for which
the operator's pod is given one. The subject is fixed: the chart's own ServiceAccount. The identity's id is made by
Tailscale, so it comes into the settings in a second step: nothing in the cluster may wait for an output of the
credential, which must be deletable before what is there. Does not own rules between settings (federation_checks.py).
Holds no secret: there is none. Nothing here lives, so nothing dies.
"""

from __future__ import annotations

import re
from typing import Annotated, Final
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from components.naming import NAMESPACE, OPERATOR_SERVICE_ACCOUNT
from components.settings.forms import Settings
from components.settings.operator_forms import YAML_WORDS
from components.settings.problems import KeyPath, config_key, refuse, set_command, shown

SUBJECT: Final = f"system:serviceaccount:{NAMESPACE}:{OPERATOR_SERVICE_ACCOUNT}"
"""What the API server writes into the tokens of the operator's pod: the chart's names, which are fixed."""

CLIENT_ID: Final[KeyPath] = ("credential", "federation", "clientId")

IN_CLUSTER = (".svc", ".local", ".internal", ".localhost")
"""Endings of names that the public DNS does not have."""


def issuer_url(url: str) -> str:
    """An https URL, kept to the letter: Tailscale compares it with the token's `iss`."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        raise refuse(f"{shown(url)} is not a URL.") from None
    if parts.username or parts.password:  # not shown: it holds a credential
        raise refuse("The URL holds a user name or a password.", why="Settings are no place for a credential.")
    if parts.query or parts.fragment or "?" in url or "#" in url:
        raise refuse(
            f"{shown(url)} has a query or a fragment.",
            why="OpenID Connect knows no such issuer: its discovery document lies below its path.",
        )
    if parts.scheme != "https" or not re.fullmatch(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?", host) or port == 0:
        raise refuse(f"{shown(url)} is not an https URL.")
    if not re.fullmatch(r"[\x21-\x7e]+", url):
        raise refuse(f"{shown(url)} is not an https URL: it has spaces or letters that no URL has.")
    if "." not in host or host.endswith(IN_CLUSTER) or re.fullmatch(r"[0-9.]+", host):
        raise refuse(
            f"{shown(url)} is not reached from the internet.",
            why="Tailscale fetches the issuer's keys. A cluster whose API server calls itself so in its tokens cannot"
            " be federated before it has a public issuer (--service-account-issuer).",
        )
    return url


def audience_text(text: str) -> str:
    if not re.fullmatch(r"[A-Za-z]([A-Za-z0-9._:/-]{0,198}[A-Za-z0-9/_-])?", text) or text.lower() in YAML_WORDS:
        raise refuse(
            f"{shown(text)} is not an audience: a letter, then at most 199 letters, digits and . _ : / -",
            why="The chart writes it into YAML as it is.",
        )
    return text


def identity_id(text: str) -> str:
    if text.startswith("tskey-"):
        raise refuse("It is a key.", why="The id of the identity is no secret, and it has none: a key is of no use.")
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9/_-]{3,126}", text):
        raise refuse(f"{shown(text)} is not the id of an identity.")
    return text


class Federation(Settings):
    """Tokens of the cluster itself in place of a secret."""

    issuer: Annotated[str, AfterValidator(issuer_url)] = Field(
        description="Tailscale believes the tokens that this issuer signs. It is the `issuer` of the answer to `kubectl"
        " get --raw /.well-known/openid-configuration`.",
        examples=["https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"],
    )
    audience: Annotated[str, AfterValidator(audience_text)] | None = Field(
        default=None,
        description="For whom the operator's token is made out. Without it, the environment's own:"
        " support-access/<customer>-<environment>.",
        examples=["support-access/acme-prod"],
    )
    client_id: Annotated[str, AfterValidator(identity_id)] | None = Field(
        default=None,
        description="The id that Tailscale has given the identity; `pulumi up` without it makes the identity and says"
        " it. Nothing is installed before.",
        examples=["kAbc123CNTRL"],
    )


def wrong_id(stack: str, declared: str | None, made: str) -> str | None:
    """Why the id in the settings is not the identity's, or None; none in the settings is not wrong yet."""
    if declared is None or declared == made:
        return None
    return (
        f"{config_key(CLIENT_ID)} is {declared}, and this stack's identity is {made}: the operator asks by an id that"
        " is not its own, so it is nobody, and nobody is let in. Take the identity's:"
        f" {set_command(stack, CLIENT_ID, made)}\nThen run `pulumi up` again."
    )


def id_wanted(stack: str, made: str) -> str:
    """What to do with the id of an identity that was just made."""
    return (
        f"The operator's identity is made, and nothing is installed before its id is in the settings:"
        f" {set_command(stack, CLIENT_ID, made)}\nThen run `pulumi up` again."
    )
