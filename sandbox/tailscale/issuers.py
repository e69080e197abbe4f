"""Identity providers and their keys: who signed an identity token, and does it fit a federated identity?

Owns the keys by issuer, the sandbox's call that puts them in, and the verification. The real service fetches the keys
from the issuer's discovery document; the sandbox reaches nobody, so PUT /sandbox/issuers stands for that one fetch, and
nothing else of the verification is left out. The keys are part of the state and die with it.
"""

from __future__ import annotations

import logging
import re
from typing import Any

import jwt
from jwt.types import Options
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import json_object
from sandbox.tailscale.credentials import Actor
from sandbox.tailscale.errors import ApiError
from sandbox.tailscale.state import State

# What GitHub, Google Cloud and Kubernetes sign with, and AWS (ES384). Never a shared secret, never "none".
ALGORITHMS = ("RS256", "ES256", "ES384")
_PRIVATE = frozenset({"d", "p", "q", "k"})

_log = logging.getLogger(__name__)


async def put(request: Request, state: State, _caller: Actor) -> Response:
    """Replace all issuers by {"<issuer's URL>": <its JWKS>}."""
    body = await json_object(request)
    for issuer, keys in body.items():
        _keys(issuer, keys)
    state.data["issuers"] = body
    return JSONResponse(body)


async def get(_request: Request, state: State, _caller: Actor) -> Response:
    return JSONResponse(state.data["issuers"])


def verify(state: State, identity: dict[str, Any], token: str) -> None:
    """Raises ApiError unless `token` is one by which a caller may act as `identity`.

    The real service says no more than "Unauthorized" (tailscale/github-action issue 227); the reason is logged here.
    """
    try:
        header = jwt.get_unverified_header(token)
    except jwt.PyJWTError as error:
        raise ApiError(400, "invalid JWT format") from error
    issuer = identity["issuer"]
    if issuer not in state.data["issuers"]:
        raise ApiError(
            400, f"the sandbox reaches no issuer and holds no keys of {issuer}: give them to PUT /sandbox/issuers"
        )
    try:
        _judge(_claims(state, issuer, header, token), identity, state.clock.now())
    except (jwt.PyJWTError, ValueError) as error:
        _log.info("token exchange for %s refused: %s", identity["id"], error)
        raise ApiError(403, "Unauthorized") from error


def _claims(state: State, issuer: str, header: dict[str, Any], token: str) -> dict[str, Any]:
    """The claims, when one of the issuer's keys signed them. Their times are judged by the tailnet's own clock."""
    unjudged: Options = {
        "verify_exp": False,
        "verify_nbf": False,
        "verify_iat": False,
        "verify_aud": False,
        "verify_iss": False,
        "verify_sub": False,
        "verify_jti": False,
    }
    keys = _keys(issuer, state.data["issuers"][issuer])
    if "kid" in header:
        keys = [key for key in keys if key.key_id == header["kid"]]
    for key in keys:
        try:
            return jwt.decode(token, key, algorithms=[*ALGORITHMS], options=unjudged)
        except (jwt.InvalidSignatureError, jwt.InvalidAlgorithmError, jwt.InvalidKeyError):
            continue  # the next key of the issuer
    raise ValueError("no key of the issuer signed it")


def _judge(claims: dict[str, Any], identity: dict[str, Any], now: float) -> None:
    audiences = claims.get("aud")
    expires, begins = claims.get("exp"), claims.get("nbf", 0)
    if claims.get("iss") != identity["issuer"]:
        raise ValueError("iss is not the identity's issuer")
    if not _matches(identity["subject"], claims.get("sub")):
        raise ValueError("sub does not match the identity's subject")
    if identity["audience"] not in (audiences if isinstance(audiences, list) else [audiences]):
        raise ValueError("aud is not the identity's audience")
    if not isinstance(expires, int | float) or expires <= now:
        raise ValueError("it is expired or has no exp")
    if not isinstance(begins, int | float) or begins > now:
        raise ValueError("it is not valid yet (nbf)")
    for claim, pattern in identity["customClaimRules"].items():
        if not _matches(pattern, claims.get(claim)):
            raise ValueError(f"{claim} does not match the identity's rule")


def _matches(pattern: str, value: object) -> bool:
    """`*` stands for any characters; everything else for itself."""
    if not isinstance(value, str):
        return False
    return re.fullmatch(".*".join(map(re.escape, pattern.split("*"))), value, re.DOTALL) is not None


def _keys(issuer: str, keys: Any) -> list[jwt.PyJWK]:
    """The issuer's keys for signatures. Raises ApiError for what no issuer may publish."""
    if not issuer.startswith("https://"):
        raise ApiError(400, f"an issuer is an https URL: {issuer!r}")
    try:
        found = [key for key in keys["keys"] if key.get("use", "sig") == "sig"]
        if any(_PRIVATE & set(key) for key in found):
            raise ApiError(
                400, f"the JWKS of {issuer} holds a private or a shared key; an issuer publishes public ones"
            )
        return [jwt.PyJWK(key) for key in found]
    except (jwt.PyJWTError, KeyError, TypeError, AttributeError, ValueError) as error:
        raise ApiError(400, f"the JWKS of {issuer} cannot be read: {error}") from error
