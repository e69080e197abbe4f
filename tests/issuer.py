"""An identity provider: keys of its own, and the identity tokens that it signs with them."""

from __future__ import annotations

import json
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from jwt.algorithms import ECAlgorithm, RSAAlgorithm

URL = "https://issuer.example.com"
SUBJECT = "repo:example/support-access:ref:refs/heads/main"
AUDIENCE = "api.tailscale.com/support-access"


@cache
def _private_key(algorithm: str, number: int) -> Any:
    """The same key for the same number, so that a test run makes few."""
    del number  # part of the cache's key only
    if algorithm == "RS256":
        return rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return ec.generate_private_key(ec.SECP256R1() if algorithm == "ES256" else ec.SECP384R1())


class Issuer:
    """Signs with one key; another `number` is another key."""

    def __init__(self, url: str = URL, algorithm: str = "ES256", number: int = 1) -> None:
        self.url = url
        self.algorithm = algorithm
        self.kid = f"key-{number}"
        self.private = _private_key(algorithm, number)

    @property
    def key(self) -> dict[str, Any]:
        """The public key as a JWK."""
        public = self.private.public_key()
        written = RSAAlgorithm.to_jwk(public) if self.algorithm == "RS256" else ECAlgorithm.to_jwk(public)
        return json.loads(written) | {"kid": self.kid, "use": "sig", "alg": self.algorithm}

    @property
    def jwks(self) -> dict[str, Any]:
        return {"keys": [self.key]}

    def token(self, expires: float, headers: dict[str, Any] | None = None, **claims: Any) -> str:
        """A token for SUBJECT and AUDIENCE until `expires` (seconds since 1970); a claim of None is left out."""
        found = {"iss": self.url, "sub": SUBJECT, "aud": AUDIENCE, "exp": int(expires)} | claims
        body = json.dumps({name: value for name, value in found.items() if value is not None}).encode()
        return jwt.api_jws.encode(body, self.private, self.algorithm, {"kid": self.kid} | (headers or {}))
