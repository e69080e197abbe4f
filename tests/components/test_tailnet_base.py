"""What the stack `tailnet` registers."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from components.settings.tailnet import TailnetSettings
from components.tailnet_base import TailnetBase, TailnetBaseArgs
from tests.components.registered import Registered, registered

NOW = datetime(2026, 11, 25, 12, tzinfo=UTC)
LEAST: dict[str, Any] = {"groups": {"group:highflame-sre": ["ada@highflame.example"]}}
COLLECTOR = {"destination": "splunk", "url": "https://logs.example.com", "tokenVariable": "LOGS_TOKEN"}
BUCKET = {"destination": "s3", "bucket": "example-logs", "region": "eu-central-1"}
ROLE = "arn:aws:iam::123456789012:role/tailscale-logs"


def built(**settings: Any) -> Registered:
    """All that the stack registers with the least settings and `settings`, spelled as in its file."""
    declared = TailnetSettings.model_validate({**LEAST, **settings})
    return registered(TailnetBase, "tailnet", TailnetBaseArgs(settings=declared, now=NOW))


@pytest.fixture(scope="module")
def shared() -> Registered:
    return built()


def test_the_shared_slice_owns_groups_and_the_sentinel_and_nothing_else(shared: Registered) -> None:
    assert shared.rows["tailnet-policy"].inputs["sections"] == {
        "groups": {"group:highflame-sre": ["ada@highflame.example"]},
        "tagOwners": {"tag:support-access-sentinel": []},
    }


def test_rotations_postures_and_tests_stand_in_the_shared_slice_too() -> None:
    test = {"src": "group:highflame-sre", "proto": "tcp", "deny": ["tag:support-access-sentinel:443"]}
    sections = built(
        rotas={"group:on-call": {"starts": "2026-11-23", "order": [["grace@highflame.example"]]}},
        postures={"posture:managed-mac": ["node:os == 'macos'"]},
        tests=[test],
    ).rows["tailnet-policy"].inputs["sections"]  # fmt: skip
    assert sections["groups"]["group:on-call"] == ["grace@highflame.example"]
    assert sections["postures"] == {"posture:managed-mac": ["node:os == 'macos'"]}
    assert sections["tests"] == [test]


def test_open_policy_is_closed_by_the_policy_slice_and_only_when_it_is_declared(shared: Registered) -> None:
    assert built(openPolicy="close").rows["tailnet-policy"].inputs["openPolicy"] == "close"
    assert "openPolicy" not in built(openPolicy="close").rows["tailnet-guard"].inputs
    assert "openPolicy" not in shared.rows["tailnet-policy"].inputs


def test_the_tailnets_switches_stay_as_they_are_when_the_stack_goes(shared: Registered) -> None:
    """Deleting DnsPreferences turns MagicDNS off, and with it every certificate in use."""
    assert {name for name, row in shared.rows.items() if row.retained} == {"tailnet-dns", "tailnet-settings"}


def test_a_switch_that_nobody_declared_is_not_sent(shared: Registered) -> None:
    assert shared.rows["tailnet-settings"].inputs == {"httpsEnabled": True}
    every = built(deviceApproval=False, userApproval=True, keyExpiryDays=90, networkFlowLogs=True, https=False)
    assert every.rows["tailnet-settings"].inputs == {
        "httpsEnabled": False,
        "devicesApprovalOn": False,
        "usersApprovalOn": True,
        "devicesKeyDurationDays": 90,
        "networkFlowLoggingOn": True,
    }


def test_the_policy_comes_first_and_the_guard_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    """An engineer is out whatever fails later; and while an environment stands, no audit log ends."""
    monkeypatch.setenv("LOGS_TOKEN", "hush")
    rows = built(
        logs={"configuration": COLLECTOR},
        webhooks={"security": {"url": "https://hooks.example.com/t", "events": ["policyUpdate"]}},
    )
    edges = {name: rows.names(row.depends_on) for name, row in rows.rows.items() if row.custom}
    later = {"tailnet-dns", "tailnet-settings", "tailnet-logs-configuration-stream", "tailnet-webhooks-security"}
    assert edges["tailnet-policy"] == set()
    assert {name for name in later if "tailnet-policy" in edges[name]} == later
    assert later <= edges["tailnet-guard"]
    assert rows.rows["tailnet-guard"].inputs["sections"] == {}


def test_every_component_names_its_outputs_and_owns_its_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGS_TOKEN", "hush")
    rows = built(
        logs={"configuration": COLLECTOR},
        webhooks={"security": {"url": "https://hooks.example.com/t", "events": ["policyUpdate"]}},
    )
    components = {name: row for name, row in rows.rows.items() if row.type.startswith("support-access:")}
    assert {name: row.type for name, row in components.items()} == {
        "tailnet": "support-access:components:TailnetBase",
        "tailnet-logs-configuration": "support-access:tailnet:LogStream",
        "tailnet-webhooks": "support-access:tailnet:Webhooks",
    }
    assert all(row.outputs for row in components.values())
    parents = {name: rows.urns[row.parent] for name, row in rows.rows.items() if row.parent in rows.urns}
    assert parents["tailnet-logs-configuration-stream"] == "tailnet-logs-configuration"
    assert parents["tailnet-webhooks-security"] == "tailnet-webhooks"
    assert parents["tailnet-policy"] == parents["tailnet-guard"] == parents["tailnet-webhooks"] == "tailnet"
    providers = {row.provider.split("::")[-2] for row in rows.rows.values() if row.type.startswith("tailscale:")}
    assert providers == {"tailnet-tailscale"}


def test_nothing_of_logs_and_webhooks_is_made_that_is_not_declared(shared: Registered) -> None:
    assert shared.rows.keys() - {"support-access-acme-prod"} == {
        "tailnet",
        "tailnet-tailnet",
        "tailnet-tailscale",
        "tailnet-policy",
        "tailnet-dns",
        "tailnet-settings",
        "tailnet-guard",
    }


def test_a_collectors_token_comes_from_the_environment_and_is_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LOGS_TOKEN", "hush")
    stream = built(logs={"configuration": COLLECTOR}).rows["tailnet-logs-configuration-stream"]
    assert stream.inputs["token"] == "hush"
    assert "token" in stream.secrets
    assert stream.ignored == []
    assert (stream.inputs["logType"], stream.inputs["destinationType"]) == ("configuration", "splunk")


@pytest.mark.parametrize(
    ("destination", "secret"),
    [
        (COLLECTOR, "token"),
        ({**BUCKET, "accessKeyId": "AKIA", "secretAccessKeyVariable": "LOGS_TOKEN"}, "s3SecretAccessKey"),
        ({"destination": "gcs", "bucket": "example-logs", "credentialsVariable": "LOGS_TOKEN"}, "gcsCredentials"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_without_the_variable_a_stream_keeps_the_secret_that_it_has(
    monkeypatch: pytest.MonkeyPatch, destination: dict[str, str], secret: str
) -> None:
    """So nobody needs the collector's token to take an engineer out."""
    monkeypatch.delenv("LOGS_TOKEN", raising=False)
    stream = built(logs={"configuration": destination}).rows["tailnet-logs-configuration-stream"]
    assert secret not in stream.inputs
    assert stream.ignored == [secret]
    assert secret in stream.secrets
    monkeypatch.setenv("LOGS_TOKEN", "hush")
    stream = built(logs={"configuration": destination}).rows["tailnet-logs-configuration-stream"]
    assert (stream.inputs[secret], stream.ignored) == ("hush", [])
    assert secret in stream.secrets


def test_a_bucket_without_a_role_gets_an_external_id_and_no_stream_yet() -> None:
    waiting = built(logs={"network": BUCKET}, networkFlowLogs=True)
    assert "tailnet-logs-network-external-id" in waiting.rows
    assert "tailnet-logs-network-stream" not in waiting.rows
    assert waiting.rows["tailnet-logs-network"].outputs == ["awsAccountId", "destination", "externalId", "pending"]
    streaming = built(logs={"network": {**BUCKET, "roleArn": ROLE}}, networkFlowLogs=True)
    stream = streaming.rows["tailnet-logs-network-stream"].inputs
    assert stream["s3AuthenticationType"] == "rolearn"
    assert (stream["s3RoleArn"], stream["s3ExternalId"]) == (ROLE, "made-up-id")
    assert stream["user"] == ""


def test_a_chats_url_is_a_secret_and_so_is_the_signing_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    declared = {"security": {"urlVariable": "CHAT_URL", "provider": "slack", "events": ["policyUpdate"]}}
    monkeypatch.setenv("CHAT_URL", "https://chat.example.com/hush")
    webhook = built(webhooks=declared).rows["tailnet-webhooks-security"]
    assert webhook.inputs["endpointUrl"] == "https://chat.example.com/hush"
    assert webhook.secrets == {"endpointUrl", "secret"}
    monkeypatch.delenv("CHAT_URL")
    webhook = built(webhooks=declared).rows["tailnet-webhooks-security"]
    assert webhook.ignored == ["endpointUrl"]


def test_the_outputs_say_who_is_on_call_and_when_that_changes(shared: Registered) -> None:
    assert shared.rows["tailnet"].outputs == ["groups", "logs", "onCall", "sentinelTag"]
    rotating = built(rotas={"group:on-call": {"starts": "2026-11-23", "order": [["grace@highflame.example"]]}})
    assert rotating.rows["tailnet"].outputs == ["groups", "logs", "nextHandover", "onCall", "sentinelTag"]
