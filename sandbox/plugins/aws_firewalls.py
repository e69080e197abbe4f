"""Stand-ins for the aws plugin's resources around Network Firewall and Route 53 Resolver DNS Firewall, in the cloud
store: moto has neither.

Kept from the real ones: which inputs force a replacement, ids that the service chooses, refusals. Not kept: the wait of
ten minutes before a rule group that is still in use is refused. The firewall policy is only ever looked up.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import os
from abc import abstractmethod
from typing import ClassVar

import httpx

from sandbox.plugins.cloud_store import Store, StoredKind
from sandbox.plugins.kind import Failure, Input, InvalidInput
from sandbox.plugins.values import UNKNOWN, Properties

GET_POLICY = "aws:networkfirewall/getFirewallPolicy:getFirewallPolicy"
POLICIES = "aws:networkfirewall:FirewallPolicy"
GONE = "ResourceNotFoundException"


class AwsKind(StoredKind):
    """An object of one account and region. Its id is the last part of its path, unless a subclass says more."""

    service: ClassVar[str]
    noun: ClassVar[str]
    collection: ClassVar[str]
    volatile = frozenset({"tagsAll"})

    def __init__(self, store: Store, account: str, region: str) -> None:
        super().__init__(store)
        self.account = account
        self.region = region

    @abstractmethod
    def new_identity(self, inputs: Properties) -> str:
        """The id that the service gives."""

    def path(self, inputs: Properties) -> str:
        return self.at(self.new_identity(inputs))

    def at(self, identity: str) -> str:
        """The path of the object with this id, which may be an ARN."""
        return f"accounts/{self.account}/regions/{self.region}/{self.collection}/{identity.rpartition('/')[2]}"

    def arn(self, resource: str) -> str:
        return f"arn:aws:{self.service}:{self.region}:{self.account}:{resource}"

    def added(self, identity: str, inputs: Properties) -> Properties:
        """What the service adds to the inputs."""
        return {}

    def served(self, path: str, inputs: Properties) -> Properties:
        tagged = {"tagsAll": inputs.get("tags", {})} if "tags" in self.inputs else {}
        return {"region": self.region, **tagged, **self.added(path, inputs)}

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        identity = self.new_identity(inputs)
        state = inputs | self.served(identity, inputs)
        await self._put("creating", self.at(identity), state, new=True)
        return identity, state

    async def read(self, identity: str, state: Properties) -> Properties | None:
        return await super().read(self.at(identity), state)

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        new = inputs | self.served(identity, inputs)
        await self._put("updating", self.at(identity), new, new=False)
        return new

    async def delete(self, identity: str, state: Properties) -> None:
        await super().delete(self.at(identity), state)

    def is_gone(self, answer: httpx.Response) -> bool:
        return answer.is_error and answer.json()["error"]["code"] == GONE

    def refused(self, doing: str, path: str, status: int, code: str, message: str) -> Failure:
        named = path.rpartition("/")[2]
        return Failure(f"{doing} {self.noun} ({named}): https response error StatusCode: {status}, {code}: {message}")


class RuleGroup(AwsKind):
    """A rule group of Network Firewall. Name, type, capacity and rule order are for ever."""

    token = "aws:networkfirewall/ruleGroup:RuleGroup"
    service = "network-firewall"
    noun = "NetworkFirewall Rule Group"
    collection = "stateful-rulegroups"
    inputs = {
        "name": Input(replaces=True),
        "type": Input(required=True, replaces=True),
        "capacity": Input(required=True, replaces=True),
        "description": Input(),
        "encryptionConfiguration": Input(),
        "region": Input(served=True, replaces=True),
        "ruleGroup": Input(served=True),
        "rules": Input(),
        "tags": Input(),
    }
    outputs = frozenset({"arn", "tagsAll", "updateToken"})

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if inputs.get("type") not in ("STATEFUL", UNKNOWN):
            raise InvalidInput("type", "this stand-in has STATEFUL rule groups only")
        capacity = inputs.get("capacity", UNKNOWN)
        if capacity is not UNKNOWN and capacity < 1:
            raise InvalidInput("capacity", f"{capacity} is not at least 1")
        return {"name": name} | inputs

    def replacing(self, state: Properties, inputs: Properties) -> set[str]:
        old, new = (side.get("ruleGroup") for side in (state, inputs))
        if not isinstance(old, dict) or not isinstance(new, dict):
            return set()
        return {"ruleGroup"} if old.get("statefulRuleOptions") != new.get("statefulRuleOptions") else set()

    def new_identity(self, inputs: Properties) -> str:
        return self.arn(f"stateful-rulegroup/{inputs['name']}")

    def added(self, identity: str, inputs: Properties) -> Properties:
        return {"arn": identity}


class DomainList(AwsKind):
    token = "aws:route53/resolverFirewallDomainList:ResolverFirewallDomainList"
    service = "route53resolver"
    noun = "Route53 Resolver Firewall Domain List"
    collection = "firewall-domain-lists"
    inputs = {
        "name": Input(replaces=True),
        "domains": Input(unordered=True),
        "region": Input(served=True, replaces=True),
        "tags": Input(),
    }
    outputs = frozenset({"arn", "tagsAll"})

    def new_identity(self, inputs: Properties) -> str:
        return f"rslvr-fdl-{os.urandom(8).hex()}"

    def added(self, identity: str, inputs: Properties) -> Properties:
        return {"arn": self.arn(f"firewall-domain-list/{identity}")}


class DnsRuleGroup(AwsKind):
    token = "aws:route53/resolverFirewallRuleGroup:ResolverFirewallRuleGroup"
    service = "route53resolver"
    noun = "Route53 Resolver Firewall Rule Group"
    collection = "firewall-rule-groups"
    inputs = {"name": Input(replaces=True), "region": Input(served=True, replaces=True), "tags": Input()}
    outputs = frozenset({"arn", "ownerId", "shareStatus", "tagsAll"})

    def new_identity(self, inputs: Properties) -> str:
        return f"rslvr-frg-{os.urandom(8).hex()}"

    def added(self, identity: str, inputs: Properties) -> Properties:
        arn = self.arn(f"firewall-rule-group/{identity}")
        return {"arn": arn, "ownerId": self.account, "shareStatus": "NOT_SHARED"}


class DnsRule(AwsKind):
    """One rule of a group; its id is the group's and the domain list's."""

    token = "aws:route53/resolverFirewallRule:ResolverFirewallRule"
    service = "route53resolver"
    noun = "Route53 Resolver Firewall Rule"
    collection = "firewall-rules"
    inputs = {
        "name": Input(),
        "action": Input(required=True),
        "blockOverrideDnsType": Input(),
        "blockOverrideDomain": Input(),
        "blockOverrideTtl": Input(),
        "blockResponse": Input(),
        "confidenceThreshold": Input(),
        "dnsThreatProtection": Input(replaces=True),
        "firewallDomainListId": Input(replaces=True),
        "firewallDomainRedirectionAction": Input(default="INSPECT_REDIRECTION_DOMAIN"),
        "firewallRuleGroupId": Input(required=True, replaces=True),
        "priority": Input(required=True),
        "qType": Input(),
        "region": Input(served=True, replaces=True),
    }
    outputs = frozenset({"firewallThreatProtectionId"})
    volatile = frozenset()

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if inputs.get("action") not in ("ALLOW", "BLOCK", "ALERT", UNKNOWN):
            raise InvalidInput("action", "is none of ALLOW, BLOCK, ALERT")
        return inputs

    def new_identity(self, inputs: Properties) -> str:
        return f"{inputs['firewallRuleGroupId']}:{inputs['firewallDomainListId']}"


class Association(AwsKind):
    token = "aws:route53/resolverFirewallRuleGroupAssociation:ResolverFirewallRuleGroupAssociation"
    service = "route53resolver"
    noun = "Route53 Resolver Firewall Rule Group Association"
    collection = "firewall-rule-group-associations"
    inputs = {
        "name": Input(),
        "firewallRuleGroupId": Input(required=True, replaces=True),
        "mutationProtection": Input(served=True),
        "priority": Input(required=True),
        "region": Input(served=True, replaces=True),
        "tags": Input(),
        "vpcId": Input(required=True, replaces=True),
    }
    outputs = frozenset({"arn", "tagsAll"})

    def new_identity(self, inputs: Properties) -> str:
        return f"rslvr-frgassoc-{os.urandom(8).hex()}"

    def added(self, identity: str, inputs: Properties) -> Properties:
        arn = self.arn(f"firewall-rule-group-association/{identity}")
        return {"mutationProtection": inputs.get("mutationProtection", "DISABLED"), "arn": arn}


KINDS: tuple[type[AwsKind], ...] = (RuleGroup, DomainList, DnsRuleGroup, DnsRule, Association)


async def firewall_policy(store: Store, account: str, region: str, arn: str) -> Properties:
    """The customer's policy, in the words of `getFirewallPolicy`. Raises Failure when there is none."""
    what = f"reading NetworkFirewall Firewall Policy ({arn})"
    owner, name = arn.split(":")[3:5], arn.rpartition("/")[2]
    path = f"accounts/{account}/regions/{region}/firewall-policies/{name}"
    answer = await store.call("GET", POLICIES, path)
    if answer.is_error or owner != [region, account]:
        code = answer.json()["error"]["code"] if answer.is_error else GONE
        raise Failure(f"{what}: operation error Network Firewall: DescribeFirewallPolicy, api error {code}")
    body = {"statefulDefaultActions": [], "statefulEngineOptions": [], "statefulRuleGroupReferences": []}
    empty = {"tlsInspectionConfigurationArn": "", "policyVariables": []}
    stateless = {name: [] for name in ("statelessCustomActions", "statelessDefaultActions")}
    return {"id": arn, "arn": arn, "firewallPolicies": [{**body, **empty, **stateless, **answer.json()}]}
