"""The typed classes of the provider's resources, for programs. Imports Pulumi and nothing else: start-up counts.

No resource here is ever replaced, and none takes a credential: the plugin reads it from the environment.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Literal

import pulumi

_WIRE_NAMES = {
    "timeout_seconds": "timeoutSeconds",
    "device_name": "deviceName",
    "node_id": "nodeId",
    "client_version": "clientVersion",
    "online_since": "onlineSince",
}
_PYTHON_NAMES = {wire: name for name, wire in _WIRE_NAMES.items()}


class Provider(pulumi.ProviderResource):
    """The plugin, for a program that names its providers. It takes no arguments: everything is in the environment."""

    def __init__(self, name: str, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("tailnet", name, {}, opts)


class PolicySlice(pulumi.CustomResource):
    """The part of the tailnet's policy document that one stack owns.

    `part`: "identity" (tagOwners, autoApprovers, nodeAttrs, tests of an environment; removes from the access sections
    what is not in `declared`), "access" (grants, postures; only adds, while `active`), or "shared" (what the whole
    tailnet has in common; no customer and environment). `sections`: as in the policy document.
    """

    status: pulumi.Output[str]
    """"written", or "waiting" while an access slice is not active."""

    def __init__(
        self,
        name: str,
        *,
        part: Literal["identity", "access", "shared"],
        sections: pulumi.Input[Mapping[str, Any]],
        customer: str | None = None,
        environment: str | None = None,
        declared: pulumi.Input[Mapping[str, Any]] | None = None,
        active: pulumi.Input[bool] = True,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "part": part,
            "customer": customer,
            "environment": environment,
            "sections": sections,
            "declared": declared,
            "active": active,
            "status": None,
        }
        super().__init__("tailnet:index:PolicySlice", name, properties, opts)


class Enrollment(pulumi.CustomResource):
    """Whether the environment's operator is in the tailnet: the device with `tag` and `hostname`.

    With `wait` it waits up to `timeout_seconds` and fails then; without, "pending" is a state, and every `up` and
    refresh looks again. At delete the operator's and the API proxies' devices go at once.
    """

    status: pulumi.Output[str]
    """"online" or "pending". While pending there are no other outputs."""
    device_name: pulumi.Output[str | None]
    """The device's full name in the tailnet."""
    addresses: pulumi.Output[Sequence[str] | None]
    """Its Tailscale addresses."""
    node_id: pulumi.Output[str | None]
    client_version: pulumi.Output[str | None]
    online_since: pulumi.Output[str | None]
    """When this stack first saw the device online, RFC 3339."""

    def translate_input_property(self, prop: str) -> str:
        return _WIRE_NAMES.get(prop, prop)

    def translate_output_property(self, prop: str) -> str:
        return _PYTHON_NAMES.get(prop, prop)

    def __init__(
        self,
        name: str,
        *,
        customer: str,
        environment: str,
        tag: str,
        hostname: str,
        wait: bool,
        timeout_seconds: int,
        opts: pulumi.ResourceOptions | None = None,
    ) -> None:
        properties = {
            "customer": customer,
            "environment": environment,
            "tag": tag,
            "hostname": hostname,
            "wait": wait,
            "timeout_seconds": timeout_seconds,
            **dict.fromkeys(("status", "device_name", "addresses", "node_id", "client_version", "online_since")),
        }
        super().__init__("tailnet:index:Enrollment", name, properties, opts)


class DeviceCleanup(pulumi.CustomResource):
    """Removes the devices and Tailscale Services that carry the environment's tags, when it is deleted."""

    def __init__(
        self, name: str, *, customer: str, environment: str, opts: pulumi.ResourceOptions | None = None
    ) -> None:
        properties = {"customer": customer, "environment": environment}
        super().__init__("tailnet:index:DeviceCleanup", name, properties, opts)


def get_group_members(groups: Sequence[str], opts: pulumi.InvokeOptions | None = None) -> dict[str, list[str]]:
    """The addresses in each group of the policy document; a group that it does not define is an error."""
    answer = pulumi.runtime.invoke("tailnet:index:getGroupMembers", {"groups": list(groups)}, opts)
    return answer.value["members"]
