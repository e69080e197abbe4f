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

from components.naming import Names
from components.settings import operator_forms
from components.settings.problems import Problem, config_key, remove_command, set_command, shown, stack_file

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
    delivery, has_cluster = raw.get("delivery"), raw.get("cluster") is not None
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


CLOUD_PACKAGES = {
    "aws": ("pulumi_aws", "requirements/aws.txt"),
    "azure": ("pulumi_azure_native", "requirements/azure.txt"),
    "gcp": ("pulumi_gcp", "requirements/gcp.txt"),
}
"""Cloud, which is how its egress targets begin, to the Python package and the requirements that bring it."""


def check_cloud_package(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The SDK of the chosen cloud is installed: a team in one cloud installs one."""
    egress = raw.get("egress")
    for index, entry in enumerate(egress if isinstance(egress, list) else []):
        target = entry.get("target") if isinstance(entry, dict) else None
        cloud = target.split("-")[0] if isinstance(target, str) else ""
        package, requirements = CLOUD_PACKAGES.get(cloud, (None, ""))
        if package and importlib.util.find_spec(package) is None:
            yield Problem(
                config_key(("egress", index, "target")),
                f"{shown(target)} needs the Python package {package.replace('_', '-')}, which is not installed here.",
                f"Each cloud's SDK is large, so each is installed only where it is used; {stack_file(stack)} uses it.",
                f".venv/bin/pip install -r {requirements}",
            )


def check_chart_variable() -> Iterator[Problem]:
    url = os.environ.get(CHART_REPOSITORY_VARIABLE)
    if url:
        try:
            operator_forms.chart_repository(url)
        except PydanticCustomError as error:
            yield Problem(
                f"environment variable {CHART_REPOSITORY_VARIABLE}",
                error.message(),
                "It replaces the repository that the settings name, wherever this program runs.",
                f"unset {CHART_REPOSITORY_VARIABLE}, or set it to an https URL",
            )
