"""A federated operator is believed by its cluster's token, read anew, and by nothing else."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from typing import Any

import httpx
import pytest

from sandbox.operator.tailnet import EARLY_SECONDS, FederatedCredential, Refusal
from sandbox.tailscale import console
from sandbox.tailscale.app import create_app
from sandbox.tailscale.credentials import owner_of
from sandbox.tailscale.keys import create
from sandbox.tailscale.state import State
from tests.issuer import Issuer
from tests.sandbox.operator.conftest import OPERATOR_TAGS, POLICY

SUBJECT, AUDIENCE = "system:serviceaccount:tailscale:operator", "support-access/acme-prod"


class Mounted:
    """The file in the pod: says how often it was read."""

    def __init__(self, issuer: Issuer, **claims: Any) -> None:
        self.issuer, self.claims, self.read = issuer, claims, 0

    async def __call__(self) -> str:
        self.read += 1
        return self.issuer.token(time.time() + 3600, **{"sub": SUBJECT, "aud": [AUDIENCE]} | self.claims)


@pytest.fixture
def issuer() -> Issuer:
    return Issuer("https://oidc.acme-prod.example")


@pytest.fixture
def mint(issuer: Issuer) -> Callable[..., str]:
    """`mint(token, times=2)`: an auth key for the operator's own tags, the last of so many."""
    state = State()
    console.seed(state, POLICY)
    state.data["issuers"] = {issuer.url: issuer.jwks}
    trust = {"issuer": issuer.url, "subject": SUBJECT, "audience": AUDIENCE}
    identity = create(
        state,
        owner_of(state),
        {"keyType": "federated", "scopes": ["auth_keys"], "tags": OPERATOR_TAGS, **trust},
    )

    async def run(token: Mounted, times: int, twice: bool, late: bool) -> str:
        transport = httpx.ASGITransport(app=create_app(state))
        async with httpx.AsyncClient(transport=transport) as http:
            operator = FederatedCredential(http, "http://sandbox", identity["id"], token, twice=twice)
            keys = []
            for _ in range(times):
                keys.append(await operator.mint(OPERATOR_TAGS))
                if late:
                    operator._expires = time.monotonic() - EARLY_SECONDS
            return keys[-1]

    def call(token: Mounted, *, times: int = 1, twice: bool = False, late: bool = False) -> str:
        return asyncio.run(run(token, times, twice, late))

    return call


def test_one_exchange_is_good_for_an_hour_and_the_next_reads_the_file_again(
    mint: Callable[..., str], issuer: Issuer
) -> None:
    token = Mounted(issuer)
    assert mint(token, times=3).startswith("tskey-auth-")
    assert token.read == 1
    assert mint(token, times=2, late=True).startswith("tskey-auth-")
    assert token.read == 3


@pytest.mark.parametrize(
    "claims",
    [
        {"sub": "system:serviceaccount:tailscale:proxies"},
        {"sub": "system:serviceaccount:default:operator"},
        {"aud": ["support-access/globex-prod"]},
        {"aud": ["https://oidc.acme-prod.example"]},
        {"iss": "https://oidc.globex-prod.example"},
    ],
)
def test_another_pods_token_is_nobodys(mint: Callable[..., str], issuer: Issuer, claims: dict[str, Any]) -> None:
    with pytest.raises(Refusal, match="Unauthorized"):
        mint(Mounted(issuer, **claims))


def test_another_clusters_key_is_nobodys(mint: Callable[..., str], issuer: Issuer) -> None:
    with pytest.raises(Refusal, match="Unauthorized"):
        mint(Mounted(Issuer(issuer.url, number=2)))


def test_the_broken_versions_are_refused_as_they_really_are(mint: Callable[..., str], issuer: Issuer) -> None:
    with pytest.raises(Refusal, match="invalid JWT format"):
        mint(Mounted(issuer), twice=True)
