"""The credential in use and the setting `deployer`: a warning where they do not fit, silence where it is not known."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials
from providers.tailnet.deployer import deployer_problem
from sandbox.tailscale import console
from tests.issuer import Issuer
from tests.providers.policies import FOREIGN
from tests.providers.tailnet_api import DEPLOYER, Api, running_api

TAG = "tag:support-access-deployer"
POLICY = FOREIGN.replace(
    '"tagOwners": {',
    f"""
    "tagOwners": {{
        "{TAG}": ["autogroup:admin", "tag:automation"],
        "tag:automation": ["autogroup:admin"],
        "tag:far": ["autogroup:admin"],
    """.strip(),
)
READER = ["policy_file:read", "devices:core:read"]
WRITER = [*DEPLOYER, "oauth_keys:read", "federated_keys:read"]


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api(POLICY) as api:
        yield api


def as_oauth_client(api: Api, scopes: list[str], tags: list[str]) -> str:
    client_id, secret = console.new_oauth_client(api.state, scopes, tags)
    api.environ.pop("TAILSCALE_API_KEY", None)
    api.environ |= {"TAILSCALE_OAUTH_CLIENT_ID": client_id, "TAILSCALE_OAUTH_CLIENT_SECRET": secret}
    return client_id


def test_a_persons_key_fits_the_administrators_and_no_tag(api: Api) -> None:
    assert deployer_problem(api.client(), "autogroup:admin") is None
    problem = deployer_problem(api.client(), TAG)
    assert problem is not None
    assert f"deployer is {TAG}, but TAILSCALE_API_KEY is a person's key" in problem
    assert api.admin_key not in problem


@pytest.mark.parametrize("tags", [[TAG], [TAG, "tag:far"], ["tag:automation"]])
def test_a_client_that_carries_the_tag_or_owns_it_fits(api: Api, tags: list[str]) -> None:
    as_oauth_client(api, WRITER, tags)
    assert deployer_problem(api.client(), TAG) is None


def test_a_client_with_another_tag_does_not_fit(api: Api) -> None:
    client_id = as_oauth_client(api, WRITER, ["tag:far"])
    problem = deployer_problem(api.client(), TAG)
    assert problem is not None
    assert f"the OAuth client {client_id} carries tag:far, which neither is nor owns it" in problem
    assert "only previews" in problem


def test_a_client_without_tags_does_not_fit(api: Api) -> None:
    as_oauth_client(api, ["oauth_keys", "dns"], [])
    # Such a client cannot read the policy, so it is not known that its tags own the deployer's.
    assert deployer_problem(api.client(), TAG) is None
    as_oauth_client(api, ["oauth_keys", "policy_file:read"], [])
    assert "carries no tag" in (deployer_problem(api.client(), TAG) or "")


def test_no_client_is_an_administrator(api: Api) -> None:
    client_id = as_oauth_client(api, WRITER, [TAG])
    problem = deployer_problem(api.client(), "autogroup:admin")
    assert problem is not None
    assert "deployer is autogroup:admin, but TAILSCALE_OAUTH_CLIENT_ID and TAILSCALE_OAUTH_CLIENT_SECRET" in problem
    assert f"the OAuth client {client_id}" in problem


def test_a_federated_identity_is_judged_as_a_client_is(api: Api) -> None:
    api.environ["TAILSCALE_IDENTITY_TOKEN"] = Issuer().token(time.time() + 600)
    made = api.use_federated_identity(Issuer(), scopes=WRITER)
    assert deployer_problem(api.client(), TAG) is None
    assert f"the federated identity {made['id']}" in (deployer_problem(api.client(), "autogroup:admin") or "")
    api.use_federated_identity(Issuer(), scopes=WRITER, tags=["tag:far"])
    assert "carries tag:far" in (deployer_problem(api.client(), TAG) or "")


@pytest.mark.parametrize("deployer", [TAG, "autogroup:admin"])
@pytest.mark.parametrize("scopes", [READER, [*READER, "oauth_keys:read"], ["all:read"]])
def test_a_credential_that_only_reads_is_no_deployer_and_never_wrong(
    api: Api, scopes: list[str], deployer: str
) -> None:
    as_oauth_client(api, scopes, [])
    assert deployer_problem(api.client(), deployer) is None
    assert not [call for call in api.calls() if "/keys/" in call]


def test_a_client_is_judged_without_a_scope_for_keys(api: Api) -> None:
    as_oauth_client(api, ["policy_file", "devices:core", "devices:posture_attributes"], ["tag:far"])
    assert "carries tag:far" in (deployer_problem(api.client(), TAG) or "")


def test_it_asks_for_nothing_that_it_does_not_need(api: Api) -> None:
    client_id = as_oauth_client(api, WRITER, [TAG])
    client = api.client()
    client.policy()
    api.calls()
    assert deployer_problem(client, TAG) is None
    assert api.calls() == [f"GET /tailnet/-/keys/{client_id}"]


Answer = Callable[[httpx.Request], httpx.Response]


def client_of(key: Answer, token: dict[str, Any] | None = None, policy: str = "{}") -> Client:
    def answer(request: httpx.Request) -> httpx.Response:
        if "/oauth/" in request.url.path:
            return httpx.Response(200, json={"access_token": "t"} | (token or {}))
        return key(request) if "/keys/" in request.url.path else httpx.Response(200, text=policy)

    environ = {"TAILSCALE_OAUTH_CLIENT_ID": "k1", "TAILSCALE_OAUTH_CLIENT_SECRET": "tskey-client-k1-x"}

    def never(seconds: float) -> None:
        raise AssertionError(f"waited for {seconds} s")

    return Client(credentials(environ), transport=httpx.MockTransport(answer), sleep=never)


def lost(_: httpx.Request) -> httpx.Response:
    raise httpx.ReadTimeout("lost")


@pytest.mark.parametrize(
    "key",
    [
        lost,
        *(lambda _, status=status: httpx.Response(status, json={}) for status in (401, 403, 404, 500, 503)),
        lambda _: httpx.Response(429, headers={"Retry-After": "30"}),
        lambda _: httpx.Response(200, text="<html>"),
        lambda _: httpx.Response(200, json=[]),
        lambda _: httpx.Response(200, json={}),
        lambda _: httpx.Response(200, json={"scopes": "all", "tags": ["tag:far"]}),
        lambda _: httpx.Response(200, json={"scopes": ["all"], "tags": "tag:far"}),
        lambda _: httpx.Response(200, json={"scopes": ["dns:read"]}),
    ],
)  # fmt: skip
def test_what_cannot_be_known_is_no_problem_and_nothing_is_waited_for(key: Answer) -> None:
    assert deployer_problem(client_of(key), TAG) is None


@pytest.mark.parametrize("policy", ["{", '{"tagOwners": 5}', f'{{"tagOwners": {{"{TAG}": 5}}}}', "[]"])
def test_a_policy_that_is_not_as_it_must_be_does_not_break_the_warning(policy: str) -> None:
    def key(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"scopes": ["all"], "tags": ["tag:far"]})

    problem = deployer_problem(client_of(key, policy=policy), TAG)
    assert problem is None or "carries tag:far" in problem


def test_the_clients_own_scopes_decide_where_the_token_does_not_say_them() -> None:
    def key(_: httpx.Request) -> httpx.Response:
        return httpx.Response(200, json={"scopes": ["all:read"], "tags": ["tag:far"]})

    assert deployer_problem(client_of(key), TAG) is None
    assert deployer_problem(client_of(key, {"scope": "all"}), "autogroup:admin") is not None


def test_an_api_that_is_down_holds_up_no_preview() -> None:
    environ = {"TAILSCALE_API_KEY": "tskey-api-k1-x"}
    with Client(credentials(environ), transport=httpx.MockTransport(lost)) as client:
        assert deployer_problem(client, "autogroup:admin") is None
