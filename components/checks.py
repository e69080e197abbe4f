"""Rules between the settings of one stack.

They read the raw values, not validated ones, so that they speak even while another value is wrong; what is no
value at all for them is left to the form of the single setting (`settings`). Do not own rules about one value.
Die by: nothing; any JSON value may stand anywhere.
"""

from __future__ import annotations

import importlib.util
import os
import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from pydantic_core import PydanticCustomError

from components import forms
from components.naming import Names, as_slug
from components.problems import Problem, config_key, remove_command, set_command, shown, stack_file

CHART_REPOSITORY_VARIABLE = "SUPPORT_ACCESS_CHART_REPOSITORY"
"""Environment variable with the chart repository to use in place of the declared one."""


def declared_names(raw: Mapping[str, Any]) -> Names | None:
    """The environment that the settings name, or None while they do not name one."""
    customer, environment = raw.get("customer"), raw.get("environment")
    if not isinstance(customer, str) or not isinstance(environment, str):
        return None
    try:
        return Names(customer, environment)
    except ValueError:
        return None


def check_stack_name(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    names = declared_names(raw)
    if names is not None and stack != names.name:
        yield Problem(
            config_key(("customer",)),
            f"The stack is called {shown(stack)}, and customer and environment make {shown(names.name)}.",
            "Two stacks that own one environment would fight: each removes what the other wrote, and destroying one"
            " cuts the access that the other declares.",
            f"correct customer or environment in {stack_file(stack)}\n"
            f"or pulumi stack rename --stack {shlex.quote(stack)} {names.name}",
        )


def check_delivery(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    delivery, has_cluster = raw.get("delivery"), "cluster" in raw
    if delivery == "managed" and not has_cluster:
        yield Problem(
            config_key(("cluster",)),
            "It is missing, and delivery is managed.",
            "A managed delivery installs in the customer's cluster, so it must know which.",
            set_command(stack, ("cluster", "context"), stack),
        )
    if delivery == "handoff" and has_cluster:
        yield Problem(
            config_key(("delivery",)),
            "It is handoff, and cluster is set.",
            "In a handoff the customer installs; a cluster that nothing reaches would look as if it were used.",
            f"{set_command(stack, ('delivery',), 'managed')}\nor {remove_command(stack, ('cluster',))}",
        )


CLOUD_PACKAGES = {"aws-security-group": ("pulumi_aws", "requirements/aws.txt")}
"""Egress target to the Python package that it needs, and the requirements that bring it."""


def check_cloud_package(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The SDK of the chosen cloud is installed: a team in one cloud installs one."""
    egress = raw.get("egress")
    target = egress.get("target") if isinstance(egress, dict) else None
    package, requirements = CLOUD_PACKAGES.get(target, (None, "")) if isinstance(target, str) else (None, "")
    if package and importlib.util.find_spec(package) is None:
        yield Problem(
            config_key(("egress", "target")),
            f"{shown(target)} needs the Python package {package.replace('_', '-')}, which is not installed here.",
            f"Each cloud's SDK is large, so each is installed only where it is used; {stack_file(stack)} uses it.",
            f".venv/bin/pip install -r {requirements}",
        )


def check_access(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """No entry twice, and no group in the cluster with two roles: both would be added up to more than either says."""
    access = raw.get("access")
    entries: set[tuple[str, str]] = set()
    roles: dict[str, str] = {}
    for index, entry in enumerate(access if isinstance(access, list) else []):
        if not isinstance(entry, dict) or not isinstance(source := entry.get("from"), str):
            continue
        group, role = entry.get("impersonate", source.removeprefix("group:")), entry.get("role")
        if not isinstance(group, str) or not isinstance(role, str):
            continue
        if roles.setdefault(group, role) != role:
            yield Problem(
                config_key(("access", index, "impersonate")),
                f"Group {shown(group)} has role {shown(roles[group])} in an earlier entry, and {shown(role)} here.",
                "Kubernetes adds roles up: everybody in the group would have both.",
                "give one of them a group of its own: "
                f"{set_command(stack, ('access', index, 'impersonate'), as_slug(f'{group}-{role}'))}",
            )
        elif (source, group) in entries:
            yield Problem(
                config_key(("access", index)),
                f"An earlier entry says the same: {shown(source)} as {shown(group)}.",
                "Who removes one of them would think that the access is gone.",
                remove_command(stack, ("access", index)),
            )
        entries.add((source, group))


def check_chart_variable() -> Iterator[Problem]:
    url = os.environ.get(CHART_REPOSITORY_VARIABLE)
    if url:
        try:
            forms.chart_repository(url)
        except PydanticCustomError as error:
            yield Problem(
                f"environment variable {CHART_REPOSITORY_VARIABLE}",
                error.message(),
                "It replaces the repository that the settings name, wherever this program runs.",
                f"unset {CHART_REPOSITORY_VARIABLE}, or set it to an https URL",
            )


def check_tailnet(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    tailnet = raw.get("tailnet")
    if stack != "tailnet":
        yield Problem(
            config_key(("tailnet",)),
            f"It is set in stack {shown(stack)}; its stack is called tailnet.",
            "What the tailnet shares has one owner: two stacks would remove each other's groups.",
            f"pulumi stack rename --stack {shlex.quote(stack)} tailnet\nor {remove_command(stack, ('tailnet',))}",
        )
    if isinstance(tailnet, dict) and tailnet.get("magicDns") is False and tailnet.get("https", True) is True:
        yield Problem(
            config_key(("tailnet", "magicDns")),
            "It is false, and https is true.",
            "Certificates are for MagicDNS names: without it there are none.",
            set_command(stack, ("tailnet", "magicDns"), True),
        )
