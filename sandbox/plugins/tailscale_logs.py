"""Where a tailnet tells what happens, as resources: log streams, the AWS external id of one, webhooks.

Written after terraform-provider-tailscale: a stream is set whole at every change and its secret is never read back;
the external id has no GET and no DELETE; a webhook's URL and provider make a new one, and its secret is told once. A
webhook that is gone is an error to a refresh, and so is a stream or webhook that is gone to a deletion.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

from typing import Any

import httpx

from sandbox.plugins.kind import Input, InvalidInput, Kind
from sandbox.plugins.tailscale_api import Api, ApiError
from sandbox.plugins.values import UNKNOWN, Properties

LOG_TYPES = ("configuration", "network")
DESTINATIONS = ("axiom", "datadog", "cribl", "elastic", "panther", "splunk", "s3", "gcs")
COMPRESSIONS = ("none", "zstd", "gzip")
AUTHENTICATIONS = ("accesskey", "rolearn")
PROVIDERS = ("", "slack", "mattermost", "googlechat", "discord")
EVENTS = (
    "categoryTailnetManagement",
    "nodeCreated",
    "nodeNeedsApproval",
    "nodeApproved",
    "nodeKeyExpiringInOneDay",
    "nodeKeyExpired",
    "nodeDeleted",
    "policyUpdate",
    "userCreated",
    "userNeedsApproval",
    "userSuspended",
    "userRestored",
    "userDeleted",
    "userApproved",
    "userRoleUpdated",
    "categoryDeviceMisconfigurations",
    "subnetIPForwardingNotEnabled",
    "exitNodeIPForwardingNotEnabled",
)


class LogstreamConfiguration(Kind):
    """One log and where it goes. Its id is the log's type, so there is one of each."""

    token = "tailscale:index/logstreamConfiguration:LogstreamConfiguration"
    inputs = {
        "logType": Input(required=True, replaces=True),
        "destinationType": Input(required=True),
        "url": Input(default=""),
        "user": Input(default="user"),
        "token": Input(),
        "uploadPeriodMinutes": Input(default=0),
        "compressionFormat": Input(default="none"),
        "s3Bucket": Input(default=""),
        "s3Region": Input(default=""),
        "s3KeyPrefix": Input(default=""),
        "s3AuthenticationType": Input(),
        "s3AccessKeyId": Input(default=""),
        "s3SecretAccessKey": Input(),
        "s3RoleArn": Input(default=""),
        "s3ExternalId": Input(default=""),
        "gcsBucket": Input(default=""),
        "gcsCredentials": Input(default=""),
        "gcsKeyPrefix": Input(default=""),
        "gcsScopes": Input(default=[], unordered=True),
    }
    secrets = frozenset({"token", "s3SecretAccessKey"})

    def __init__(self, api: Api) -> None:
        self.api = api

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        _one_of(inputs, "logType", LOG_TYPES)
        _one_of(inputs, "destinationType", DESTINATIONS)
        _one_of(inputs, "compressionFormat", COMPRESSIONS)
        _one_of(inputs, "s3AuthenticationType", AUTHENTICATIONS)
        return inputs

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        return str(inputs["logType"]), await self._put(inputs)

    async def read(self, identity: str, state: Properties) -> Properties | None:
        what = "Failed to fetch logstream configuration"
        try:
            served = (await self.api.call(what, "GET", f"logging/{identity}/stream")).json()
        except ApiError as error:
            if error.status != httpx.codes.NOT_FOUND:
                raise
            return None
        told = {name: served.get(name, _empty(spec)) for name, spec in self.inputs.items() if name not in self.secrets}
        return told | {name: state[name] for name in self.secrets if name in state}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        return await self._put(inputs)

    async def delete(self, identity: str, state: Properties) -> None:
        await self.api.call("Failed to delete logstream configuration", "DELETE", f"logging/{identity}/stream")

    async def _put(self, inputs: Properties) -> Properties:
        sent = {name: value for name, value in inputs.items() if name != "logType" and value not in ("", 0, [])}
        await self.api.call("Failed to set logstream configuration", "PUT", f"logging/{inputs['logType']}/stream", sent)
        return inputs


class AwsExternalId(Kind):
    """The id that Tailscale gives when it takes on an IAM role. Made anew for each resource, and never given back."""

    token = "tailscale:index/awsExternalId:AwsExternalId"
    inputs = {}
    outputs = frozenset({"externalId", "tailscaleAwsAccountId"})

    def __init__(self, api: Api) -> None:
        self.api = api

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        made = await self.api.call("Failed to create AWS External ID", "POST", "aws-external-id", {"reusable": False})
        told = made.json()
        return told["externalId"], {name: told[name] for name in self.outputs}

    async def read(self, identity: str, state: Properties) -> Properties | None:
        return state

    async def delete(self, identity: str, state: Properties) -> None:
        """Nothing: the API has no such call."""


class Webhook(Kind):
    """An endpoint that is told of events."""

    token = "tailscale:index/webhook:Webhook"
    inputs = {
        "endpointUrl": Input(required=True, replaces=True),
        "providerType": Input(replaces=True),
        "subscriptions": Input(required=True, unordered=True),
    }
    outputs = frozenset({"secret"})
    secrets = frozenset({"secret"})

    def __init__(self, api: Api) -> None:
        self.api = api

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        _one_of(inputs, "providerType", PROVIDERS)
        events = inputs.get("subscriptions")
        for event in events if isinstance(events, list) else []:
            if event is not UNKNOWN and event not in EVENTS:
                raise InvalidInput("subscriptions", f"value must be one of: {', '.join(EVENTS)}, got: {event!r}")
        return inputs

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        sent = {"providerType": ""} | inputs
        made = (await self.api.call("Failed to create webhook", "POST", "webhooks", sent)).json()
        return made["endpointId"], inputs | {"secret": made["secret"]}

    async def read(self, identity: str, state: Properties) -> Properties | None:
        served = (await self.api.call("Error fetching webhook", "GET", self._path(identity))).json()
        found: dict[str, Any] = {name: served[name] for name in self.inputs if served[name] != ""}
        return found | {name: state[name] for name in self.secrets if name in state}

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        sent = {"subscriptions": inputs["subscriptions"]}
        await self.api.call("Failed to update webhook", "PATCH", self._path(identity), sent)
        return state | inputs

    async def delete(self, identity: str, state: Properties) -> None:
        await self.api.call("Failed to delete webhook", "DELETE", self._path(identity))

    def _path(self, identity: str) -> str:
        return f"/api/v2/webhooks/{identity}"


def _one_of(inputs: Properties, name: str, known: tuple[str, ...]) -> None:
    if inputs.get(name) not in (None, UNKNOWN, *known):
        raise InvalidInput(name, f"value must be one of: {', '.join(known)}")


def _empty(spec: Input) -> Any:
    """What the plugin keeps for a field that the API left out: nothing of the field's type, not its default."""
    return type(spec.default)() if spec.default is not None else None
