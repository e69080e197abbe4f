"""Settings of the ways out of the customer's network: `support-access:egress`, a list of targets.

Owns the list of targets that exist, and rules between the targets of one stack and of its neighbours. Each cloud's own
words are in egress_<cloud>.py. An empty list makes nothing: the exact allowlist is an output either way.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, get_args

from pydantic import AfterValidator, Field

from components.settings.egress_aws import (
    AwsDnsFirewallEgress,
    AwsNetworkFirewallEgress,
    AwsSecurityGroupEgress,
    AwsTarget,
)
from components.settings.egress_azure import AzureFirewallPolicyEgress, AzureNsgEgress
from components.settings.egress_gcp import GcpNetworkPolicyEgress, GcpSecureWebProxyEgress, GcpVpcFirewallEgress
from components.settings.egress_target import TargetSettings
from components.settings.problems import Problem, config_key, refuse, remove_command, shown

EgressTarget = Annotated[
    AwsSecurityGroupEgress
    | AwsNetworkFirewallEgress
    | AwsDnsFirewallEgress
    | AzureFirewallPolicyEgress
    | AzureNsgEgress
    | GcpVpcFirewallEgress
    | GcpNetworkPolicyEgress
    | GcpSecureWebProxyEgress,
    Field(discriminator="target"),
]


def compatible(targets: tuple[TargetSettings, ...]) -> tuple[TargetSettings, ...]:
    """Layers of one network: different objects of one cloud and one account."""
    seen: set[tuple[str, str]] = set()
    for target in targets:
        if (target.target, target.place) in seen:
            raise refuse(
                f"Two targets are {target.target} on {target.place}.",
                why="The cloud refuses the same rule twice; and removing one of them would look as if the way were"
                " shut.",
            )
        seen.add((target.target, target.place))
    clouds = sorted({target.target.split("-")[0] for target in targets})
    if len(clouds) > 1:
        raise refuse(
            f"It has targets of {' and '.join(clouds)}.",
            why="A cluster is in one cloud: rules in another one would open nothing for it.",
        )
    accounts = sorted({number for target in targets if isinstance(target, AwsTarget) for number in target.accounts})
    if len(accounts) > 1:
        raise refuse(
            f"Its targets are of the accounts {' and '.join(accounts)}.",
            why="The environment holds credentials of one account.",
        )
    return targets


Egress = Annotated[tuple[EgressTarget, ...], AfterValidator(compatible)]


def check_shared(stack: str, raw: Mapping[str, Any], other: str, theirs: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of `stack` with what the targets of stack `other` have too. Compares what the files say, as text."""
    taken = {values for _, _, values in _shared(theirs)}
    for index, setting, values in _shared(raw):
        if values in taken:
            yield Problem(
                config_key(("egress", index, setting)),
                f"Stack {shown(other)} has {' '.join(values)} too.",
                "The cloud refuses the same rule or priority twice; and destroying the stack that has it closes the"
                " other's way out.",
                f"{remove_command(stack, ('egress', index))}\nand leave the rules to {other}, or give each its own",
            )


def _shared(raw: Mapping[str, Any]) -> Iterator[tuple[int, str, tuple[str, ...]]]:
    """Index of a target, the setting to name, and the target with the values that only one stack may have."""
    models = {tag: model for model in get_args(get_args(EgressTarget)[0]) for tag in _tags(model)}
    egress = raw.get("egress")
    for index, entry in enumerate(egress if isinstance(egress, list) else []):
        target = entry.get("target") if isinstance(entry, dict) else None
        if not isinstance(target, str) or target not in models:
            continue
        model = models[target]
        for keys in model.unique:
            values = [entry.get(key) for key in keys]
            if all(isinstance(value, str | int) for value in values):
                words = tuple(str(value).lower() if model.caseless else str(value) for value in values)
                yield index, keys[-1], (target, *words)


def _tags(model: type[TargetSettings]) -> tuple[str, ...]:
    return get_args(model.model_fields["target"].annotation)
