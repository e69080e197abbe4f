"""Federated identities: whose identity tokens are taken for a token of the API, and whose are not."""

from __future__ import annotations

import base64
import hmac
import json
from typing import Any

import httpx
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from jwt.algorithms import ECAlgorithm

from sandbox.tailscale import console
from sandbox.tailscale.state import State
from tests.issuer import AUDIENCE, SUBJECT, URL, Issuer

from .conftest import DEPLOYER, NOON, Api

LATER = NOON + 300


@pytest.fixture
def identity(api: Api) -> str:
    """The id of a federated identity for the main branch of a repository; its issuer's keys are known."""
    trust(api, Issuer())
    return identity_of(api)


def identity_of(api: Api, **fields: Any) -> str:
    body = {
        "keyType": "federated",
        "scopes": ["policy_file:read", "devices:core"],
        "tags": [DEPLOYER],
        "issuer": URL,
        "subject": SUBJECT,
        "audience": AUDIENCE,
    }
    made = api.post("/{t}/keys", json=body | fields)
    assert made.status_code == 200, made.text
    return made.json()["id"]


def trust(api: Api, *issuers: Issuer) -> None:
    answer = api.put("/sandbox/issuers", json={issuer.url: issuer.jwks for issuer in issuers})
    assert answer.status_code == 200, answer.text


def exchange(api: Api, identity: str, token: str) -> httpx.Response:
    return api.as_("").post("/oauth/token-exchange", data={"client_id": identity, "jwt": token})


@pytest.mark.parametrize("algorithm", ["RS256", "ES256", "ES384"])
def test_a_token_that_the_issuer_signed_is_exchanged_for_what_the_identity_holds(api: Api, algorithm: str) -> None:
    issuer = Issuer(algorithm=algorithm)
    trust(api, issuer)
    answer = exchange(api, identity_of(api), issuer.token(LATER))
    assert answer.status_code == 200, answer.text
    assert answer.json()["expires_in"] == 3600
    assert answer.json()["scope"] == "policy_file:read devices:core"
    holder = api.as_(answer.json()["access_token"])
    assert holder.get("/{t}/acl").status_code == 200
    assert holder.post("/{t}/acl", content="{}").status_code == 403


def test_the_audience_is_the_identitys_own_unless_it_says_another(api: Api) -> None:
    trust(api, Issuer())
    identity = identity_of(api, audience=None)
    own = f"api.tailscale.com/{identity}"
    assert exchange(api, identity, Issuer().token(LATER, aud=own)).status_code == 200
    body = {"scopes": ["dns"], "issuer": URL, "subject": SUBJECT}
    assert api.put(f"/{{t}}/keys/{identity}", json=body).json()["audience"] == own
    assert api.put(f"/{{t}}/keys/{identity}", json=body | {"audience": AUDIENCE}).json()["audience"] == AUDIENCE
    assert exchange(api, identity, Issuer().token(LATER, aud=own)).status_code == 403


def test_a_credential_reads_itself_and_no_other(api: Api, identity: str) -> None:
    made = identity_of(api, scopes=["dns:read"], tags=[])
    holder = api.as_(exchange(api, made, Issuer().token(LATER)).json()["access_token"])
    assert holder.get(f"/{{t}}/keys/{made}").json()["scopes"] == ["dns:read"]
    assert holder.get(f"/{{t}}/keys/{identity}").status_code == 403
    assert holder.put(f"/{{t}}/keys/{made}", json={"scopes": ["dns"]}).status_code == 403
    assert holder.delete(f"/{{t}}/keys/{made}").status_code == 403


@pytest.mark.parametrize(
    ("claims", "reason"),
    [
        ({"iss": "https://other.example.com"}, "iss"),
        ({"iss": None}, "iss"),
        ({"sub": "repo:example/support-access:pull_request"}, "sub"),
        ({"sub": SUBJECT + "-2"}, "sub"),
        ({"sub": None}, "sub"),
        ({"aud": "api.tailscale.com/other"}, "aud"),
        ({"aud": ["other", "another"]}, "aud"),
        ({"aud": None}, "aud"),
        ({"exp": NOON}, "exp"),
        ({"exp": None}, "exp"),
        ({"exp": "tomorrow"}, "exp"),
        ({"nbf": NOON + 1}, "nbf"),
    ],
)
def test_a_token_that_does_not_fit_is_refused_without_saying_why(
    api: Api, identity: str, claims: dict[str, Any], reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "sandbox.tailscale.issuers")
    answer = exchange(api, identity, Issuer().token(LATER, **claims))
    assert (answer.status_code, answer.json()) == (403, {"message": "Unauthorized"})
    assert reason in caplog.messages[-1].partition("refused: ")[2]
    assert exchange(api, identity, Issuer().token(LATER)).status_code == 200


def test_one_of_several_audiences_is_enough_and_a_past_nbf_is_no_hindrance(api: Api, identity: str) -> None:
    token = Issuer().token(LATER, aud=["other", AUDIENCE], nbf=NOON, iat=NOON + 1)
    assert exchange(api, identity, token).status_code == 200


@pytest.mark.parametrize(
    ("pattern", "subject", "status"),
    [
        ("repo:example/*", "repo:example/app:ref:refs/heads/main", 200),
        ("repo:*:pull_request", "repo:example/app:pull_request", 200),
        ("repo:example/*", "repo:examples/app", 403),
        ("repo:example/*", "my-repo:example/app", 403),
        ("repo:example/app", "repo:example/app:pull_request", 403),
        # Only `*` is a pattern: nothing else may match more than itself.
        ("repo:example/[ab]", "repo:example/a", 403),
        ("repo:example/?", "repo:example/a", 403),
        ("repo:example.app", "repo:example/app", 403),
    ],
)
def test_only_a_star_in_the_subject_stands_for_anything(api: Api, pattern: str, subject: str, status: int) -> None:
    trust(api, Issuer())
    identity = identity_of(api, subject=pattern)
    assert exchange(api, identity, Issuer().token(LATER, sub=subject)).status_code == status


def test_every_claim_rule_must_match(api: Api) -> None:
    trust(api, Issuer())
    identity = identity_of(api, customClaimRules={"environment": "prod", "workflow": "deploy*"})
    rules: list[tuple[dict[str, Any], int]] = [
        ({"environment": "prod", "workflow": "deploy-all"}, 200),
        ({"environment": "dev", "workflow": "deploy-all"}, 403),
        ({"environment": "prod"}, 403),
        ({"environment": ["prod"], "workflow": "deploy"}, 403),
    ]
    for claims, status in rules:
        assert exchange(api, identity, Issuer().token(LATER, **claims)).status_code == status, claims


def test_a_signature_by_another_key_is_refused(api: Api, identity: str) -> None:
    other = Issuer(number=2)
    assert exchange(api, identity, other.token(LATER)).status_code == 403
    # Also when it claims the id of the right one; and the right one under an id that is not published.
    assert exchange(api, identity, Issuer().token(LATER, headers={"kid": "key-9"})).status_code == 403
    assert exchange(api, identity, other.token(LATER, headers={"kid": Issuer().kid})).status_code == 403
    assert exchange(api, identity, Issuer(algorithm="RS256").token(LATER, headers={"kid": "key-1"})).status_code == 403


def test_a_key_that_the_issuer_no_longer_publishes_is_refused_and_a_new_one_taken(api: Api, identity: str) -> None:
    old, new = Issuer(), Issuer(number=2)
    api.put("/sandbox/issuers", json={URL: {"keys": [old.key, new.key]}})
    assert [exchange(api, identity, signer.token(LATER)).status_code for signer in (old, new)] == [200, 200]
    trust(api, new)
    assert [exchange(api, identity, signer.token(LATER)).status_code for signer in (old, new)] == [403, 200]


def test_the_keys_of_one_issuer_do_not_speak_for_another(api: Api, identity: str) -> None:
    other = Issuer("https://other.example.com", number=2)
    trust(api, Issuer(), other)
    assert exchange(api, identity, other.token(LATER, iss=URL)).status_code == 403


def part(value: object) -> str:
    return base64.urlsafe_b64encode(json.dumps(value).encode()).decode().rstrip("=")


def test_no_signature_and_a_shared_secret_are_refused(api: Api, identity: str) -> None:
    claims = Issuer().token(LATER).split(".")[1]
    assert exchange(api, identity, f"{part({'alg': 'none', 'kid': 'key-1'})}.{claims}.").status_code == 403
    # The public key, known to everybody, taken as the secret of an HMAC: a library would not sign so, an attacker does.
    signed = f"{part({'alg': 'HS256', 'kid': 'key-1'})}.{claims}"
    pem = Issuer().private.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    mark = base64.urlsafe_b64encode(hmac.digest(pem, signed.encode(), "sha256")).decode().rstrip("=")
    assert exchange(api, identity, f"{signed}.{mark}").status_code == 403


def test_a_changed_claim_breaks_the_signature(api: Api, identity: str) -> None:
    header, _, signature = Issuer().token(LATER, sub="somebody").split(".")
    wanted = Issuer().token(LATER).split(".")[1]
    assert exchange(api, identity, f"{header}.{wanted}.{signature}").status_code == 403


@pytest.mark.parametrize("token", ["", "a.b", "a.!.c", "tskey-api-k1-x", "a.b.c.d"])
def test_what_is_no_jwt_is_a_bad_request(api: Api, identity: str, token: str) -> None:
    answer = exchange(api, identity, token)
    assert answer.status_code == 400
    assert "invalid JWT" in answer.json()["message"]


def test_without_the_issuers_keys_nothing_is_believed(api: Api) -> None:
    answer = exchange(api, identity_of(api), Issuer().token(LATER))
    assert answer.status_code == 400
    assert "PUT /sandbox/issuers" in answer.json()["message"]


def test_only_a_federated_identity_that_is_not_revoked_is_exchanged_for(api: Api, identity: str) -> None:
    token = Issuer().token(LATER)
    held = api.as_(exchange(api, identity, token).json()["access_token"])
    client_id, _ = console.new_oauth_client(api.state, ["dns"], [])
    assert exchange(api, client_id, token).status_code == 401
    assert exchange(api, "k999999CNTRL", token).status_code == 401
    assert api.delete(f"/{{t}}/keys/{identity}").status_code == 200
    assert exchange(api, identity, token).status_code == 401
    assert held.get("/{t}/acl").status_code == 401


def test_a_token_ends_by_the_tailnets_clock(api: Api, identity: str) -> None:
    token = Issuer().token(LATER)
    api.post("/sandbox/clock", json={"advanceSeconds": 300})
    assert exchange(api, identity, token).status_code == 403


def test_only_an_administrator_puts_keys_in_and_only_public_ones(api: Api, client_token: Any) -> None:
    issuer = Issuer()
    secret = json.loads(ECAlgorithm.to_jwk(issuer.private))
    for body in (
        {URL: {"keys": [secret]}},
        {URL: {"keys": [{"kty": "oct", "k": "c2VjcmV0"}]}},
        {URL: {"keys": [{"kty": "unknown"}]}},
        {URL: {}},
        {URL: []},
        {"http://issuer.example.com": issuer.jwks},
        [],
    ):
        assert api.put("/sandbox/issuers", json=body).status_code == 400, body
    assert api.get("/sandbox/issuers").json() == {}
    assert api.as_(client_token("federated_keys")).put("/sandbox/issuers", json={URL: issuer.jwks}).status_code == 403


def test_keys_outlive_a_restart(tmp_path: Any) -> None:
    first = State(tmp_path / "state.json", clock=lambda: NOON)
    trust(Api(first, console.new_admin_key(first)), Issuer())
    again = State(tmp_path / "state.json", clock=lambda: NOON)
    assert again.data["issuers"] == {URL: Issuer().jwks}
