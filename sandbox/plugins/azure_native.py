"""Stand-in for the azure-native plugin: rules of a network security group and rule collection groups of a firewall
policy.

Kept from the real one: it looks before it creates and never overwrites what is there, although ARM's own PUT would; and
a rule collection group is written in two steps, during which its policy takes no other operation. Credentials are not
asked for, only the subscription. The firewall policy is only ever looked up.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import ClassVar

from pulumi.provider.experimental.provider import InvokeRequest, InvokeResponse

from sandbox.plugins.cloud_store import Store, StoredKind, autoname
from sandbox.plugins.install import sdk_version
from sandbox.plugins.kind import Failure, Input, InvalidInput, Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.server import main
from sandbox.plugins.values import UNKNOWN, Properties, plain_properties, wrapped_properties

NAME_DIGITS = 8
DESCRIPTION_LIMIT = 140  # characters
REQUIRED_KEY = Input(required=True, replaces=True)
API_VERSION = "2024-05-01"
GET_POLICY = "azure-native:network:getFirewallPolicy"
POLICIES = "azure-native:network:FirewallPolicy"


class ArmKind(StoredKind):
    """A child of an ARM resource:
    /subscriptions/S/resourceGroups/G/providers/Microsoft.Network/<parents>/<parent>/<children>/<name>.
    """

    parents: ClassVar[str]
    children: ClassVar[str]
    parent_input: ClassVar[str]
    name_input: ClassVar[str]
    outputs = frozenset({"etag", "provisioningState", "azureApiVersion"})
    volatile = frozenset({"etag"})

    def __init__(self, store: Store, subscription: str) -> None:
        super().__init__(store)
        self.subscription = subscription

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        return {self.name_input: autoname(name, seed, NAME_DIGITS, separator="")} | inputs

    def path(self, inputs: Properties) -> str:
        group = f"subscriptions/{self.subscription}/resourceGroups/{inputs['resourceGroupName']}"
        parent = f"{group}/providers/Microsoft.Network/{self.parents}/{inputs[self.parent_input]}"
        return f"{parent}/{self.children}/{inputs[self.name_input]}"

    def served(self, path: str, inputs: Properties) -> Properties:
        return {
            "name": inputs[self.name_input],
            "type": f"Microsoft.Network/{self.parents}/{self.children}",
            "provisioningState": "Succeeded",
            "azureApiVersion": API_VERSION,
        }

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        path = self.path(inputs)
        if await self.read(path, {}) is not None:
            raise Failure(f"cannot create already existing resource '/{path}'")
        state = inputs | self.served(path, inputs)
        await self._put("creating", path, state, new=False)
        return f"/{path}", state

    async def read(self, identity: str, state: Properties) -> Properties | None:
        return await super().read(identity.removeprefix("/"), state)

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        return await super().update(identity.removeprefix("/"), state, inputs)

    async def delete(self, identity: str, state: Properties) -> None:
        await super().delete(identity.removeprefix("/"), state)

    def refused(self, doing: str, path: str, status: int, code: str, message: str) -> Failure:
        return Failure(f'Status={status} Code="{code}" Message="{message}" ({doing} /{path})')


class SecurityRule(ArmKind):
    """One rule of a network security group."""

    token = "azure-native:network:SecurityRule"
    parents = "networkSecurityGroups"
    children = "securityRules"
    parent_input = "networkSecurityGroupName"
    name_input = "securityRuleName"
    inputs = {
        "resourceGroupName": REQUIRED_KEY,
        "networkSecurityGroupName": REQUIRED_KEY,
        "securityRuleName": Input(replaces=True),
        "id": Input(served=True),
        "name": Input(served=True),
        "type": Input(served=True),
        "access": Input(required=True),
        "direction": Input(required=True),
        "priority": Input(required=True),
        "protocol": Input(required=True),
        "description": Input(),
        "destinationAddressPrefix": Input(),
        "destinationAddressPrefixes": Input(),
        "destinationApplicationSecurityGroups": Input(),
        "destinationPortRange": Input(),
        "destinationPortRanges": Input(),
        "sourceAddressPrefix": Input(),
        "sourceAddressPrefixes": Input(),
        "sourceApplicationSecurityGroups": Input(),
        "sourcePortRange": Input(),
        "sourcePortRanges": Input(),
    }

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        description, priority = inputs.get("description", ""), inputs.get("priority", UNKNOWN)
        if isinstance(description, str) and len(description) > DESCRIPTION_LIMIT:
            raise InvalidInput("description", f"is longer than {DESCRIPTION_LIMIT} characters")
        if priority is not UNKNOWN and not 100 <= priority <= 4096:
            raise InvalidInput("priority", f"{priority} is not between 100 and 4096")
        return super().check(inputs, name, seed)


class FirewallPolicyRuleCollectionGroup(ArmKind):
    """One rule collection group of a firewall policy."""

    token = "azure-native:network:FirewallPolicyRuleCollectionGroup"
    parents = "firewallPolicies"
    children = "ruleCollectionGroups"
    parent_input = "firewallPolicyName"
    name_input = "ruleCollectionGroupName"
    inputs = {
        "resourceGroupName": REQUIRED_KEY,
        "firewallPolicyName": REQUIRED_KEY,
        "ruleCollectionGroupName": Input(replaces=True),
        "id": Input(served=True),
        "name": Input(served=True),
        "priority": Input(),
        "ruleCollections": Input(),
    }
    outputs = ArmKind.outputs | {"size", "type"}

    async def _put(self, doing: str, path: str, body: Properties, new: bool) -> None:
        await super()._put(doing, path, body | {"provisioningState": "Updating"}, new)
        await super()._put(doing, path, body, new)

    async def delete(self, identity: str, state: Properties) -> None:
        present = await self.read(identity, state)
        if present is not None:
            path = identity.removeprefix("/")
            await super()._put("deleting", path, present | {"provisioningState": "Deleting"}, new=False)
            await super().delete(identity, state)

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        priority = inputs.get("priority", UNKNOWN)
        if priority is not UNKNOWN and not 100 <= priority <= 65000:
            raise InvalidInput("priority", f"{priority} is not between 100 and 65000")
        collections = inputs.get("ruleCollections", UNKNOWN)
        for collection in collections if isinstance(collections, list) else []:
            if isinstance(collection, dict) and "ruleCollectionType" not in collection:
                raise InvalidInput("ruleCollections", "ruleCollectionType is missing; the keys are camelCase here")
        return super().check(inputs, name, seed)


async def firewall_policy(store: Store, subscription: str, group: str, policy: str) -> Properties:
    """The customer's policy, in the words of `getFirewallPolicy`. Raises Failure when there is none."""
    path = f"subscriptions/{subscription}/resourceGroups/{group}/providers/Microsoft.Network/firewallPolicies/{policy}"
    answer = await store.call("GET", POLICIES, path)
    if answer.is_error:
        error = answer.json()["error"]
        raise Failure(f'Status={answer.status_code} Code="{error["code"]}" Message="{error["message"]}"')
    served = {"name": policy, "id": f"/{path}", "type": "Microsoft.Network/FirewallPolicies"}
    served |= {"etag": "", "size": "0 MB", "azureApiVersion": API_VERSION, "provisioningState": "Succeeded"}
    empty: Properties = {name: [] for name in ("childPolicies", "firewalls", "ruleCollectionGroups")}
    return {**served, **empty, **answer.json()}


class AzureNative(StandIn):
    package = "azure-native"

    def __init__(self) -> None:
        super().__init__()
        self._look_up: Callable[[str, str], Awaitable[Properties]] | None = None

    def configured(self, options: Properties, variables: Mapping[str, str] = os.environ) -> Iterable[Kind]:
        store = Store.of(variables)
        subscription = options.get("subscriptionId") or variables.get("ARM_SUBSCRIPTION_ID")
        if not subscription:
            raise Failure(
                "The Azure subscription is not known. Set the provider's subscriptionId, or ARM_SUBSCRIPTION_ID."
            )
        self._look_up = partial(firewall_policy, store, subscription)
        return [SecurityRule(store, subscription), FirewallPolicyRuleCollectionGroup(store, subscription)]

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        if request.tok != GET_POLICY or self._look_up is None:
            raise Failure(f"The stand-in for the azure-native plugin does not answer {request.tok}.")
        arguments = plain_properties(request.args)
        found = await self._look_up(arguments["resourceGroupName"], arguments["firewallPolicyName"])
        return InvokeResponse(wrapped_properties(found, ()))


if __name__ == "__main__":
    main(AzureNative(), sdk_version(AzureNative.package) or "")
