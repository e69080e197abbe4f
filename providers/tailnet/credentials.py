"""The credential of this provider, from the environment and nowhere else: never an input, never in state.

Owns the variables, the choice between the four forms, and one precise message for each wrong combination. The names are
those of the official Tailscale provider (terraform-provider-tailscale, provider_framework.go), since both read the one
environment of a stack. Where that one prefers one of two credentials without a word, this one refuses: a run must not
act as somebody else than its author thinks. It calls nobody: access_token.py and identity_token.py do.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from .identity_token import GivenToken, IdentityToken, RuntimeToken
from .problems import TailnetError
from .variables import FILE, Variable, first

PUBLIC_API = "https://api.tailscale.com"

API_KEY = "TAILSCALE_API_KEY"
CLIENT_ID = "TAILSCALE_OAUTH_CLIENT_ID"
CLIENT_SECRET = "TAILSCALE_OAUTH_CLIENT_SECRET"  # noqa: S105  the variable's name
IDENTITY_TOKEN = "TAILSCALE_IDENTITY_TOKEN"  # noqa: S105  the variable's name
AUDIENCE = "TAILSCALE_AUDIENCE"
TAILNET = "TAILSCALE_TAILNET"
BASE_URL = "TAILSCALE_BASE_URL"

_PROOFS = {
    "secret": "the secret of an OAuth client",
    "token": "the identity token of a federated identity",
    "audience": "a request to the runtime for such a token",
}


@dataclass(frozen=True, slots=True)
class Credentials:
    """Where the API is, which tailnet, and one way to authenticate.

    Exactly one is set: `api_key`; `client_id` with `client_secret` (an OAuth client); `client_id` with `identity` (a
    federated identity). `variables` names the variables that hold the credential, for messages.
    """

    base_url: str
    tailnet: str
    variables: str
    api_key: str = field(default="", repr=False)
    client_id: str = ""
    client_secret: str = field(default="", repr=False)
    identity: IdentityToken | None = None


def credentials(environ: Mapping[str, str]) -> Credentials:
    """The credential that `environ` holds. Raises TailnetError for every combination that is not exactly one."""
    key = first(environ, API_KEY)
    # The names without a prefix are the official provider's older ones; it falls back to them, so they count here too.
    client = first(environ, CLIENT_ID, CLIENT_ID.removeprefix("TAILSCALE_"))
    secret = first(environ, CLIENT_SECRET, CLIENT_SECRET.removeprefix("TAILSCALE_"))
    token = first(environ, IDENTITY_TOKEN, IDENTITY_TOKEN.removeprefix("TAILSCALE_"))
    audience = first(environ, AUDIENCE)
    _judge(key, client, {"secret": secret, "token": token, "audience": audience})
    base_url, tailnet = _base_url(environ.get(BASE_URL, "").strip() or PUBLIC_API), _tailnet(environ)
    if key is not None:
        return Credentials(base_url, tailnet, key.name, api_key=_api_key(key))
    proof = secret or token or audience
    assert client is not None and proof is not None  # noqa: S101, PT018  judged above
    variables, client_id = f"{client.name} and {proof.name}", _client_id(client)
    if secret is not None:
        return Credentials(base_url, tailnet, variables, client_id=client_id, client_secret=_client_secret(secret))
    identity = GivenToken(token) if token is not None else _runtime(proof, environ)
    identity.check()
    return Credentials(base_url, tailnet, variables, client_id=client_id, identity=identity)


def _judge(key: Variable | None, client: Variable | None, proofs: Mapping[str, Variable | None]) -> None:
    """Raises TailnetError unless there is a key and nothing else, or an id and exactly one proof."""
    given = {kind: proof for kind, proof in proofs.items() if proof is not None}
    names = [variable.name for variable in (client, *given.values()) if variable is not None]
    if key is None and not names:
        raise TailnetError(
            f"no Tailscale credential: set {CLIENT_ID} and {CLIENT_SECRET} (an OAuth client), {CLIENT_ID} and "
            f"{IDENTITY_TOKEN} or {AUDIENCE} (a federated identity), or {API_KEY} (a person's API key). They are read "
            "from the environment only and never stored."
        )
    if key is not None and names:
        raise TailnetError(
            f"{key.name} is set and {_and(names)} too: it cannot be known which one is meant. "
            "Unset one of the two ways."
        )
    if len(given) > 1:
        said = _and([f"{proof.name} ({_PROOFS[kind]})" for kind, proof in given.items()])
        raise TailnetError(
            f"{said} are set together: each proves in its own way who is calling, and it cannot be known which one is "
            "meant. Leave one of them set."
        )
    if client is None and key is None:
        kind, proof = next(iter(given.items()))
        raise TailnetError(
            f"{proof.name} is set and {CLIENT_ID} is not: {_PROOFS[kind]} says nothing without the id of that "
            f"{'client' if kind == 'secret' else 'identity'}. Set {CLIENT_ID}."
        )
    if client is not None and not given:
        raise TailnetError(
            f"{client.name} is set and {CLIENT_SECRET} is not, nor {IDENTITY_TOKEN} or {AUDIENCE}: an id alone proves "
            f"nothing. Set {CLIENT_SECRET} for an OAuth client, one of the other two for a federated identity."
        )


def _api_key(variable: Variable) -> str:
    key = variable.read()
    if key.startswith("tskey-client-"):
        raise TailnetError(
            f"{variable.name} holds the secret of an OAuth client, which is no API key: put it into {CLIENT_SECRET}, "
            f"and the client's id into {CLIENT_ID}."
        )
    _refuse_auth_key(variable, key)
    return key


def _client_secret(variable: Variable) -> str:
    secret = variable.read()
    if secret.startswith("tskey-api-"):
        raise TailnetError(
            f"{variable.name} holds an API key, which is no client's secret: put it into {API_KEY} and unset "
            f"{variable.name} and {CLIENT_ID}."
        )
    _refuse_auth_key(variable, secret)
    return secret


def _refuse_auth_key(variable: Variable, secret: str) -> None:
    if secret.startswith("tskey-auth-"):
        raise TailnetError(
            f"{variable.name} holds an auth key, which lets a device into the tailnet and calls no API: make an OAuth "
            "client (or an API key) and put that there."
        )


def _client_id(variable: Variable) -> str:
    client_id = variable.read()
    if client_id.startswith("tskey-"):
        raise TailnetError(
            f"{variable.name} holds a secret (it begins with tskey-) instead of an id, and ids are shown in messages: "
            "put the id there, the secret into its own variable, and replace that secret if this run was logged."
        )
    if not re.fullmatch(r"[A-Za-z0-9_-]+", client_id):
        raise TailnetError(
            f"{variable.name} is not the id of a client or an identity (such as kAbc123CNTRL): correct it."
        )
    return client_id


def _runtime(audience: Variable | None, environ: Mapping[str, str]) -> RuntimeToken:
    assert audience is not None  # noqa: S101  the one proof that is left
    return RuntimeToken(
        audience.name,
        audience.read(),
        request_url=environ.get("ACTIONS_ID_TOKEN_REQUEST_URL", "").strip(),
        request_token=environ.get("ACTIONS_ID_TOKEN_REQUEST_TOKEN", "").strip(),
    )


def _tailnet(environ: Mapping[str, str]) -> str:
    tailnet = environ.get(TAILNET, "").strip() or "-"
    if tailnet.startswith(FILE) or not re.fullmatch(r"[A-Za-z0-9@._-]+", tailnet):
        raise TailnetError(
            f"{TAILNET} must be the tailnet's id, or '-' (or unset) for the credential's own tailnet; "
            f"`{FILE}` is read for credentials only. It is {tailnet!r}."
        )
    return tailnet


def _base_url(url: str) -> str:
    wrong = f"{BASE_URL} must be a plain http(s) URL such as {PUBLIC_API}"
    try:
        parts = urlsplit(url)
        plain = parts.hostname and re.fullmatch(r"[A-Za-z0-9._:\[\]-]+", parts.netloc) and parts.port != 0
    except ValueError:  # brackets without an address; a port that is no number
        raise TailnetError(wrong) from None
    if parts.scheme not in ("http", "https") or not plain or parts.query or parts.fragment:
        raise TailnetError(wrong)
    if parts.scheme == "http" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise TailnetError(f"{BASE_URL} must be https: over http the credential could be read on the way")
    return url.rstrip("/")


def _and(names: list[str]) -> str:
    return " and ".join(filter(None, [", ".join(names[:-1]), names[-1]]))
