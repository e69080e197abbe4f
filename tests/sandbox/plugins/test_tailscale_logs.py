"""Log streams, external ids and webhooks of the tailscale stand-in: what the real plugin does, also where it hurts."""

from __future__ import annotations

import pytest

from sandbox.plugins.kind import Failure
from sandbox.plugins.tailscale_api import Api
from sandbox.plugins.tailscale_logs import AwsExternalId, LogstreamConfiguration, Webhook
from tests.sandbox.plugins.conftest import Resource
from tests.sandbox.plugins.test_tailscale import run

STREAM = {
    "logType": "configuration",
    "destinationType": "splunk",
    "url": "https://logs.example.com",
    "token": "made-up-token",
}
WEBHOOK = {"endpointUrl": "https://hooks.example.com", "subscriptions": ["nodeCreated", "policyUpdate"]}


def test_a_stream_keeps_its_token_through_a_refresh_and_changes_in_place() -> None:
    async def scenario(api: Api) -> None:
        stream = Resource(LogstreamConfiguration(api), secrets=("token",))
        assert (await stream.create(STREAM))["token"] == "made-up-token"
        assert stream.identity == "configuration"
        state, _ = await stream.read() or ({}, {})
        assert (state["token"], state["user"], state["compressionFormat"]) == ("made-up-token", "user", "none")
        assert "token" in stream.secret_outputs
        assert not (await stream.diff(STREAM)).changes
        moved = await stream.diff(STREAM | {"url": "https://new.example.com"})
        assert (moved.changes, moved.replaces) == (True, [])
        assert (await stream.diff(STREAM | {"logType": "network"})).replaces == ["logType"]
        await stream.update(STREAM | {"url": "https://new.example.com"})
        assert (await api.call("", "GET", "logging/configuration/stream")).json()["url"] == "https://new.example.com"

    run(scenario)


def test_a_stream_that_is_gone_is_seen_and_is_an_error_to_a_deletion() -> None:
    async def scenario(api: Api) -> None:
        stream = Resource(LogstreamConfiguration(api))
        await stream.create(STREAM)
        await stream.delete()
        with pytest.raises(Failure, match=r"Failed to delete logstream configuration: .*404"):
            await stream.delete()
        assert await stream.read() is None

    run(scenario)


def test_a_bucket_takes_no_user_though_the_plugin_has_one_by_default() -> None:
    async def scenario(api: Api) -> None:
        identifier = Resource(AwsExternalId(api))
        made = await identifier.create({})
        bucket = {
            "logType": "network",
            "destinationType": "s3",
            "s3Bucket": "example-logs",
            "s3Region": "eu-central-1",
            "s3AuthenticationType": "rolearn",
            "s3RoleArn": "arn:aws:iam::123456789012:role/logs",
            "s3ExternalId": made["externalId"],
        }
        with pytest.raises(Failure, match="user must not be set"):
            await Resource(LogstreamConfiguration(api)).create(bucket)
        await Resource(LogstreamConfiguration(api)).create(bucket | {"user": ""})

    run(scenario)


def test_an_external_id_can_only_be_made() -> None:
    async def scenario(api: Api) -> None:
        first, second = Resource(AwsExternalId(api)), Resource(AwsExternalId(api))
        made = await first.create({})
        assert made["externalId"] == first.identity
        assert (await second.create({}))["externalId"] != first.identity
        await first.delete()
        assert await first.read() is not None

    run(scenario)


def test_a_webhook_keeps_its_secret_and_takes_events_in_any_order() -> None:
    async def scenario(api: Api) -> None:
        webhook = Resource(Webhook(api))
        secret = (await webhook.create(WEBHOOK))["secret"]
        assert webhook.secret_outputs == {"secret"}
        state, _ = await webhook.read() or ({}, {})
        assert state["secret"] == secret
        turned = WEBHOOK | {"subscriptions": ["policyUpdate", "nodeCreated"]}
        assert not (await webhook.diff(turned)).changes
        assert (await webhook.diff(WEBHOOK | {"endpointUrl": "https://x.example.com"})).replaces == ["endpointUrl"]
        assert (await webhook.update(WEBHOOK | {"subscriptions": ["nodeDeleted"]}))["secret"] == secret

    run(scenario)


def test_a_webhook_that_is_gone_stops_a_refresh_and_a_deletion() -> None:
    async def scenario(api: Api) -> None:
        webhook = Resource(Webhook(api))
        await webhook.create(WEBHOOK)
        await webhook.delete()
        for attempt in (webhook.read, webhook.delete):
            with pytest.raises(Failure, match="404"):
                await attempt()

    run(scenario)


@pytest.mark.parametrize(
    ("bent", "told"),
    [({"subscriptions": ["policyUpdated"]}, "policyUpdated"), ({"providerType": "pigeon"}, "slack")],
)
def test_what_the_plugin_does_not_know_is_refused_before_anything_is_made(bent: dict[str, object], told: str) -> None:
    async def scenario(api: Api) -> None:
        problems = await Resource(Webhook(api)).check({**WEBHOOK, **bent})  # type: ignore[arg-type]
        assert told in str(problems)

    run(scenario)
