"""The tailnet's settings that concern every environment are reported, and what may not be read is not guessed."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet.conditions import Condition, conditions, tailnet_conditions
from sandbox.tailscale import console
from tests.providers.tailnet_api import Api

LINK = "https://git.example.com/network/policy"


def put(api: Api, **settings: Any) -> None:
    api.state.data["settings"].update(settings)


def asked(api: Api) -> dict[str, Condition]:
    """The conditions as an administrator's key sees them."""
    api.environ = {"TAILSCALE_BASE_URL": api.url, "TAILSCALE_API_KEY": api.admin_key}
    return {condition.name: condition for condition in conditions(api.client())}


def test_a_tailnet_with_names_and_certificates_and_one_owner_is_in_order(api: Api) -> None:
    put(api, httpsEnabled=True)
    assert {name: condition.state for name, condition in asked(api).items()} == dict.fromkeys(
        ("magicDns", "https", "policyOwner"), "ok"
    )


def test_https_off_fails_with_what_stops_working_and_the_fix(api: Api) -> None:
    found = asked(api)["https"]
    assert found.state == "failed"
    for text in ("tls: internal error", "admin console", "support-access:tailnet.https", "pulumi up -s tailnet"):
        assert text in found.message


def test_magic_dns_off_fails_with_what_stops_working_and_the_fix(api: Api) -> None:
    api.state.data["dns"]["magicDNS"] = False
    found = asked(api)["magicDns"]
    assert found.state == "failed"
    for text in ("kubectl", "admin console", "support-access:tailnet.magicDns"):
        assert text in found.message


@pytest.mark.parametrize(("link", "shown"), [(LINK, LINK), ("", "no link is set")])
def test_another_owner_of_the_policy_document_is_a_warning_that_names_it(api: Api, link: str, shown: str) -> None:
    put(api, aclsExternallyManagedOn=True, aclsExternalLink=link)
    found = asked(api)["policyOwner"]
    assert found.state == "warning"
    for text in (shown, "overwrites the whole document", "aclsExternallyManagedOn"):
        assert text in found.message


@pytest.mark.parametrize(
    "link",
    [
        "https://robot:s3cret@git.example.com/policy",
        "https://s3cret@git.example.com/policy",
        "https://git.example.com/policy?token=s3cret",
        "https://git.example.com/policy#s3cret",
        "https://robot:s3cret@[git.example.com/policy",
        "robot:s3cret@git.example.com/policy",
    ],
)
def test_the_link_to_the_other_owner_is_shown_without_a_credential_in_it(api: Api, link: str) -> None:
    """The warning stands in every preview's log and in the pull request's comment."""
    put(api, aclsExternallyManagedOn=True, aclsExternalLink=link)
    message = asked(api)["policyOwner"].message
    assert "s3cret" not in message
    assert "git.example.com/policy" in message or "cannot be shown" in message


def test_a_link_alone_is_no_owner(api: Api) -> None:
    put(api, aclsExternalLink=LINK)
    assert asked(api)["policyOwner"].state == "ok"


def test_what_the_credential_may_not_read_is_unknown_and_names_the_scope(api: Api) -> None:
    """The deployer of these tests has policy_file, and neither dns nor networking_settings."""
    found = {condition.name: condition for condition in conditions(api.client())}
    assert {name: condition.state for name, condition in found.items()} == {
        "magicDns": "unknown",
        "https": "unknown",
        "policyOwner": "ok",
    }
    assert "dns:read" in found["magicDns"].message
    assert "networking_settings:read" in found["https"].message


def test_a_credential_that_may_read_no_setting_at_all_is_no_failure(api: Api) -> None:
    client_id, secret = console.new_oauth_client(api.state, ["devices:core"], ["tag:support-access-deployer"], "bare")
    api.environ |= {"TAILSCALE_OAUTH_CLIENT_ID": client_id, "TAILSCALE_OAUTH_CLIENT_SECRET": secret}
    assert {condition.state for condition in conditions(api.client())} == {"unknown"}


@pytest.mark.parametrize("status", [404, 500])
def test_an_answer_that_does_not_come_is_unknown_and_asked_for_once(api: Api, status: int) -> None:
    path = "/api/v2/tailnet/-/settings"
    api.faults({"kind": "status", "method": "GET", "path": path, "status": status})
    api.calls()
    found = asked(api)
    assert (found["https"].state, found["policyOwner"].state, found["magicDns"].state) == ("unknown", "unknown", "ok")
    assert str(status) in found["https"].message
    assert [call for call in api.calls() if "settings" in call or "dns" in call] == [
        "GET /tailnet/-/settings",
        "GET /tailnet/-/dns/preferences",
    ]


def test_the_function_gives_the_same_as_plain_data(api: Api) -> None:
    put(api, httpsEnabled=True)
    api.environ = {"TAILSCALE_BASE_URL": api.url, "TAILSCALE_API_KEY": api.admin_key}
    assert tailnet_conditions(api.client(), {})[0].keys() == {"name", "state", "message"}
