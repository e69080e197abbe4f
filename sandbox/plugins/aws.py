"""Stand-in for the aws plugin: egress rules of security groups, by the official AWS SDK for Python; and the firewalls
of aws_firewalls.py, where there is a cloud store.

In the sandbox AWS_ENDPOINT_URL leads to moto; nothing here knows that. Credentials and region come from the
provider's arguments or from the environment, as for the real one. A rule that is there already is refused
(InvalidPermission.Duplicate), never taken over.
"""

# ruff: noqa: ARG002, RUF012, S105 - parameters of the interface; ClassVar is declared in Kind; type tokens

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
from collections.abc import Awaitable, Callable, Iterable, Mapping
from functools import partial
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pulumi.provider.experimental.provider import InvokeRequest, InvokeResponse

from sandbox.plugins.aws_firewalls import GET_POLICY, KINDS, firewall_policy
from sandbox.plugins.cloud_store import Store
from sandbox.plugins.install import sdk_version
from sandbox.plugins.kind import Failure, Input, InvalidInput, Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.server import main
from sandbox.plugins.values import Properties, plain_properties, wrapped_properties

SETTINGS = Config(retries={"mode": "standard", "total_max_attempts": 3}, connect_timeout=10, read_timeout=30)
SOURCES = ("cidrIpv4", "cidrIpv6", "prefixListId", "referencedSecurityGroupId")
NETWORKS = {"cidrIpv4": ipaddress.IPv4Network, "cidrIpv6": ipaddress.IPv6Network}
NUMBERED_PROTOCOLS = {"1": "icmp", "6": "tcp", "17": "udp", "58": "icmpv6", "all": "-1"}
GONE = {
    "InvalidGroup.NotFound",
    "InvalidSecurityGroupRuleId.NotFound",
    "InvalidPermission.NotFound",  # moto's word for a rule's id that is gone, when it is revoked
}
TARGETS = {  # a rule's destination: the input, where EC2 wants it at creation, and under which name
    "cidrIpv4": ("IpRanges", "CidrIp"),
    "cidrIpv6": ("Ipv6Ranges", "CidrIpv6"),
    "prefixListId": ("PrefixListIds", "PrefixListId"),
    "referencedSecurityGroupId": ("UserIdGroupPairs", "GroupId"),
}


class AwsError(Failure):
    """AWS refused, with `code`. The text is put together as the real plugin's."""

    def __init__(self, what: str, error: ClientError) -> None:
        answer = error.response
        self.code = answer["Error"]["Code"]
        super().__init__(
            f"{what}: operation error EC2: {error.operation_name}, "
            f"https response error StatusCode: {answer['ResponseMetadata']['HTTPStatusCode']}, "
            f"api error {self.code}: {answer['Error']['Message']}"
        )


class SecurityGroupEgressRule(Kind):
    """One egress rule with an id and tags of its own. Another group or another sort of destination makes a new
    rule.
    """

    token = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
    inputs = {
        "securityGroupId": Input(required=True, replaces=True),
        "ipProtocol": Input(required=True),
        "fromPort": Input(),
        "toPort": Input(),
        **{source: Input() for source in SOURCES},
        "description": Input(),
        "region": Input(served=True, replaces=True),
        "tags": Input(),
    }
    outputs = frozenset({"arn", "securityGroupRuleId", "tagsAll"})
    volatile = frozenset({"tagsAll"})

    def __init__(self, ec2: Any, account: str, region: str) -> None:
        self.ec2 = ec2
        self.account = account
        self.region = region

    def check(self, inputs: Properties, name: str, seed: bytes) -> Properties:
        if sum(source in inputs for source in SOURCES) != 1:
            raise InvalidInput(SOURCES[0], f"exactly one of {', '.join(SOURCES)} must be set")
        for source, network in NETWORKS.items():
            if isinstance(inputs.get(source), str):
                _check_network(source, inputs[source], network)
        protocol = inputs.get("ipProtocol")
        known = {"ipProtocol": NUMBERED_PROTOCOLS[protocol]} if protocol in NUMBERED_PROTOCOLS else {}
        return inputs | known

    def replacing(self, state: Properties, inputs: Properties) -> set[str]:
        old, new = ({source for source in SOURCES if source in side} for side in (state, inputs))
        return old ^ new

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        source = next(source for source in SOURCES if source in inputs)
        group, key = TARGETS[source]
        described = {"Description": inputs["description"]} if "description" in inputs else {}
        permission = {"IpProtocol": inputs["ipProtocol"], group: [{key: inputs[source]} | described]}
        permission |= _ports(inputs)
        tags = {}
        if inputs.get("tags"):
            specification = {"ResourceType": "security-group-rule", "Tags": _tag_list(inputs["tags"])}
            tags = {"TagSpecifications": [specification]}
        answer = await _call(
            "creating VPC Security Group Rule",
            self.ec2.authorize_security_group_egress,
            GroupId=inputs["securityGroupId"],
            IpPermissions=[permission],
            **tags,
        )
        identity = answer["SecurityGroupRules"][0]["SecurityGroupRuleId"]
        return identity, inputs | self._served(identity, inputs.get("tags", {}))

    async def read(self, identity: str, state: Properties) -> Properties | None:
        what = f"reading VPC Security Group Rule ({identity})"
        try:
            answer = await _call(what, self.ec2.describe_security_group_rules, SecurityGroupRuleIds=[identity])
        except AwsError as error:
            if error.code in GONE:
                return None
            raise
        rule = next((r for r in answer["SecurityGroupRules"] if r["IsEgress"]), None)
        if rule is None:
            return None
        tags = {tag["Key"]: tag["Value"] for tag in rule.get("Tags", [])}
        found = {
            "securityGroupId": rule["GroupId"],
            "ipProtocol": rule["IpProtocol"],
            "cidrIpv4": rule.get("CidrIpv4"),
            "cidrIpv6": rule.get("CidrIpv6"),
            "prefixListId": rule.get("PrefixListId"),
            "referencedSecurityGroupId": rule.get("ReferencedGroupInfo", {}).get("GroupId"),
            "description": rule.get("Description") or None,
            "tags": tags or None,
            **{
                port: _port(rule.get(f"{port[0].upper()}{port[1:]}"), state.get(port))
                for port in ("fromPort", "toPort")
            },
        }
        known = {name: value for name, value in found.items() if value is not None}
        return known | self._served(identity, tags)

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        kept = {name for name in self.inputs if name not in ("tags", "region")}
        if any(state.get(name) != inputs.get(name) for name in kept):
            names = {source: source[0].upper() + source[1:] for source in SOURCES}
            names["referencedSecurityGroupId"] = "ReferencedGroupId"
            rule = {api: inputs[name] for name, api in names.items() if name in inputs}
            rule |= {"IpProtocol": inputs["ipProtocol"], "Description": inputs.get("description", "")} | _ports(inputs)
            await _call(
                f"updating VPC Security Group Rule ({identity})",
                self.ec2.modify_security_group_rules,
                GroupId=inputs["securityGroupId"],
                SecurityGroupRules=[{"SecurityGroupRuleId": identity, "SecurityGroupRule": rule}],
            )
        await self._change_tags(identity, state.get("tags", {}), inputs.get("tags", {}))
        return inputs | self._served(identity, inputs.get("tags", {}))

    async def delete(self, identity: str, state: Properties) -> None:
        try:
            await _call(
                f"deleting VPC Security Group Rule ({identity})",
                self.ec2.revoke_security_group_egress,
                GroupId=state["securityGroupId"],
                SecurityGroupRuleIds=[identity],
            )
        except AwsError as error:
            if error.code not in GONE:
                raise

    async def _change_tags(self, identity: str, old: Mapping[str, str], new: Mapping[str, str]) -> None:
        what = f"tagging VPC Security Group Rule ({identity})"
        if dropped := [{"Key": key} for key in old.keys() - new.keys()]:
            await _call(what, self.ec2.delete_tags, Resources=[identity], Tags=dropped)
        if changed := {key: value for key, value in new.items() if old.get(key) != value}:
            await _call(what, self.ec2.create_tags, Resources=[identity], Tags=_tag_list(changed))

    def _served(self, identity: str, tags: Mapping[str, str]) -> Properties:
        return {
            "securityGroupRuleId": identity,
            "arn": f"arn:aws:ec2:{self.region}:{self.account}:security-group-rule/{identity}",
            "region": self.region,
            "tagsAll": dict(tags),
        }


def _check_network(name: str, value: str, network: Callable[[str], object]) -> None:
    try:
        network(value)
    except ValueError as error:
        raise InvalidInput(name, f"{value!r} is not a network in CIDR notation: {error}") from error


def _ports(inputs: Properties) -> dict[str, int]:
    names = {"fromPort": "FromPort", "toPort": "ToPort"}
    return {api: inputs[name] for name, api in names.items() if name in inputs}


def _port(served: int | None, declared: int | None) -> int | None:
    """EC2 answers -1 for "all ports"; who declared none, has none."""
    return declared if served == -1 else served


def _tag_list(tags: Mapping[str, str]) -> list[dict[str, str]]:
    return [{"Key": key, "Value": value} for key, value in tags.items()]


async def _call(what: str, operation: Callable[..., Any], **arguments: Any) -> Any:
    """One request, off the event loop. `what` begins the text of a failure."""
    try:
        return await asyncio.to_thread(operation, **arguments)
    except ClientError as error:
        raise AwsError(what, error) from error
    except BotoCoreError as error:
        raise Failure(f"{what}: {error}") from error


class Aws(StandIn):
    package = "aws"

    def __init__(self) -> None:
        super().__init__()
        self._look_up: Callable[[str], Awaitable[Properties]] | None = None

    def configured(self, options: Properties, variables: Mapping[str, str] = os.environ) -> Iterable[Kind]:
        region = options.get("region") or variables.get("AWS_REGION") or variables.get("AWS_DEFAULT_REGION")
        if not region:
            raise Failure("The AWS region is not known. Set aws:region in the stack, or AWS_REGION.")
        session = boto3.Session(
            aws_access_key_id=options.get("accessKey"),
            aws_secret_access_key=options.get("secretKey"),
            aws_session_token=options.get("token"),
            profile_name=options.get("profile"),
            region_name=region,
        )
        try:
            account = session.client("sts", config=SETTINGS).get_caller_identity()["Account"]
        except (BotoCoreError, ClientError) as error:
            raise Failure(f"No valid credential sources found for AWS: {error}") from error
        allowed = options.get("allowedAccountIds")
        if allowed and account not in (json.loads(allowed) if isinstance(allowed, str) else allowed):
            raise Failure(f"AWS account ID not allowed: {account}")
        kinds: list[Kind] = [SecurityGroupEgressRule(session.client("ec2", config=SETTINGS), account, region)]
        if variables.get("SANDBOX_CLOUD_URL"):
            store = Store.of(variables)
            kinds += [kind(store, account, region) for kind in KINDS]
            self._look_up = partial(firewall_policy, store, account, region)
        return kinds

    async def invoke(self, request: InvokeRequest) -> InvokeResponse:
        if request.tok != GET_POLICY or self._look_up is None:
            raise Failure(f"The stand-in for the aws plugin does not answer {request.tok}.")
        arguments = plain_properties(request.args)
        return InvokeResponse(wrapped_properties(await self._look_up(arguments["arn"]), ()))


if __name__ == "__main__":
    main(Aws(), sdk_version(Aws.package) or "")
