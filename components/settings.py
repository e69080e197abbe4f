"""What one stack declares, as typed, frozen values: `load` is the only way in.

Owns the names, defaults and forms of all settings. Each field's description says why it matters and its example can be
copied: the messages are made of them (`problems`). Does not own rules between settings (`checks`), the kubeconfig
(`kubeconfig`) or other stacks (`siblings`). Opens no connection and holds no secret: credentials come from the
environment. Settings that do not load build nothing, so a wrong stack leaves everything as it is.
"""

from __future__ import annotations

import contextlib
import json
import os
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, ValidationError

from components import forms
from components.access_checks import check_access, check_deployer_is_no_source, check_roster
from components.access_settings import Access, Role
from components.checks import (
    CHART_REPOSITORY_VARIABLE,
    check_chart_variable,
    check_cloud_package,
    check_delivery,
    check_stack_name,
)
from components.egress_settings import Egress
from components.forms import Settings
from components.isolation_settings import Isolation
from components.kubeconfig import check_kubeconfig
from components.naming import DEFAULT_DEPLOYER, Names
from components.operator_settings import Image, Operator
from components.problems import PROJECT, KeyPath, SettingsError, from_validation, known_keys, misplaced_key
from components.siblings import check_siblings
from components.tailnet_checks import check_tailnet
from components.tailnet_settings import TailnetSettings, TailnetStack

__all__ = [
    "Access",
    "Cluster",
    "Delivery",
    "EnvironmentSettings",
    "Image",
    "Role",
    "SettingsError",
    "TailnetSettings",
    "load",
]

Address = Annotated[str, AfterValidator(forms.address)]


class Delivery(StrEnum):
    """Who installs in the customer's cluster: this program, or the customer from what it is handed."""

    MANAGED = "managed"
    HANDOFF = "handoff"


class Cluster(Settings):
    """How this machine reaches the customer's API server."""

    context: Annotated[str, AfterValidator(forms.printable)] = Field(
        description="It picks the cluster; the kubeconfig's current context is whatever somebody last switched to.",
        examples=["acme-prod"],
    )
    kubeconfig: Annotated[Path, BeforeValidator(forms.kubeconfig_path)] | None = Field(
        default=None,
        description="A path is looked up where the program runs. Contents would put a credential for the customer's"
        " cluster into the stack's file and its state.",
        examples=["~/.kube/config"],
    )
    """Absolute path, or None for the file that KUBECONFIG or ~/.kube/config names."""


class Credential(Settings):
    generation: Annotated[StrictInt, Field(ge=1, le=999_999)] = Field(
        default=1,
        description="It is raised by one to rotate the OAuth client, and is part of its Secret's name.",
        examples=[2],
    )


class Enrolment(Settings):
    timeout_seconds: Annotated[StrictInt, Field(ge=1, le=3600)] = Field(
        default=300,
        description="So long, in seconds, an update waits for the operator to come online.",
        examples=[300],
    )


class EnvironmentSettings(Settings):
    """One customer's environment."""

    customer: Annotated[str, AfterValidator(forms.customer)] = Field(
        description="It is part of every tag, host name and Kubernetes label of this customer.",
        examples=["acme"],
    )
    environment: Annotated[str, AfterValidator(forms.environment)] = Field(
        description="It is the last part of every name, so it has no hyphen: names split in one way only.",
        examples=["prod"],
    )
    deployer: Annotated[str, AfterValidator(forms.deployer)] = Field(
        default=DEFAULT_DEPLOYER,
        description="It owns the operator's tags in the policy: only the credential that carries it can mint devices.",
        examples=[DEFAULT_DEPLOYER],
    )
    delivery: Delivery = Field(
        default=Delivery.HANDOFF,
        description="It decides who installs in the customer's cluster.",
        examples=["managed"],
    )
    cluster: Cluster | None = Field(
        default=None,
        description="A managed delivery installs in this cluster.",
        examples=[{"context": "acme-prod"}],
    )
    operator: Operator = Field(default=Operator(), description="The operator's pins.")
    credential: Credential = Field(default=Credential(), description="The operator's OAuth client.")
    access: Annotated[tuple[Access, ...], BeforeValidator(forms.filled)] = Field(
        description="It says who gets in and as what. With nobody in it there is nothing to grant; to cut the access"
        " off, destroy the stack.",
        examples=[[{"from": "group:highflame-sre", "role": "read-only"}]],
    )
    roster: Annotated[tuple[Address, ...], BeforeValidator(forms.filled), AfterValidator(forms.distinct)] | None = (
        Field(
            default=None,
            description="The only people that the operator may impersonate. Without it they are the members of the"
            " groups in access and the people there; an empty list would mean everybody to Kubernetes.",
            examples=[["ada@example.com"]],
        )
    )
    egress: Egress = Field(
        default=(),
        description="It says which ways out of the customer's network the stack opens: a list of targets, each with"
        " settings of its own. Empty opens nothing.",
        examples=[[]],
    )
    expose: Annotated[tuple[object, ...], AfterValidator(forms.nothing_exposed)] = Field(
        default=(), description="Nothing is exposed by default.", examples=[[]]
    )
    isolation: Isolation = Field(default=Isolation(), description="What the isolation analysis may overlook.")
    enrolment: Enrolment = Field(default=Enrolment(), description="How long an update waits for the operator.")

    @property
    def names(self) -> Names:
        return Names(self.customer, self.environment)

    @property
    def hostname(self) -> str:
        """The operator's host name in the tailnet."""
        return self.operator.hostname or self.names.hostname

    def with_chart_of_this_machine(self) -> EnvironmentSettings:
        """The same, with the chart repository that the environment names: an endpoint of where the program runs."""
        repository = os.environ.get(CHART_REPOSITORY_VARIABLE)
        if not repository:
            return self
        chart = self.operator.chart.model_copy(update={"repository": repository})
        return self.model_copy(update={"operator": self.operator.model_copy(update={"chart": chart})})


def load(
    stack: str, config: Mapping[str, str], *, stacks_dir: Path | None = None
) -> EnvironmentSettings | TailnetSettings:
    """The settings of one stack, or one SettingsError with everything that is wrong with them.

    config: Pulumi's flat configuration, `{"support-access:access": "[{...}]", "aws:region": "..."}`; keys of other
    namespaces are not looked at. stacks_dir: folder of all stacks' files; given, this stack may share nothing with
    another that each needs alone (`siblings`). For a cluster the kubeconfig must be there and hold the context.
    """
    raw = _raw(config)
    if stack == "tailnet" or ("tailnet" in raw and "customer" not in raw):
        model, elsewhere, checks = TailnetStack, EnvironmentSettings, TAILNET_CHECKS
    else:
        model, elsewhere, checks = EnvironmentSettings, TailnetStack, ENVIRONMENT_CHECKS
    foreign = known_keys(elsewhere).keys() - known_keys(model).keys()
    problems = [misplaced_key(stack, key) for key in raw if key in foreign]
    raw = {key: value for key, value in raw.items() if key not in foreign}
    settings = None
    try:
        settings = model.model_validate(raw)
    except ValidationError as error:
        problems += from_validation(stack, model, error, _suggestions(stack))
    problems += [problem for check in checks for problem in check(stack, raw)]
    problems += check_chart_variable()
    if stacks_dir is not None:
        problems += check_siblings(stack, raw, stacks_dir)
    if settings is None or problems:
        required = [key for key, field in known_keys(model).items() if field.is_required()]
        incomplete = any(key not in raw for key in required)
        raise SettingsError(stack, problems, example=_example(model, required, stack) if incomplete else None)
    return settings.tailnet if isinstance(settings, TailnetStack) else settings.with_chart_of_this_machine()


TEXTS = frozenset({"customer", "environment", "deployer", "delivery"})
"""Keys whose value is a text; the others are JSON. A customer called `null` is a text all the same."""

ENVIRONMENT_CHECKS = (
    check_stack_name,
    check_delivery,
    check_access,
    check_roster,
    check_deployer_is_no_source,
    check_cloud_package,
    check_kubeconfig,
)
TAILNET_CHECKS = (check_tailnet,)


def _raw(config: Mapping[str, str]) -> dict[str, Any]:
    raw: dict[str, Any] = {}
    for key, value in config.items():
        namespace, _, name = key.partition(":")
        if namespace != PROJECT:
            continue
        raw[name] = value
        if name not in TEXTS:
            with contextlib.suppress(ValueError, RecursionError):  # what is no JSON is refused as the text that it is
                raw[name] = json.loads(value)
    if "cluster" in raw:
        raw.setdefault("delivery", Delivery.MANAGED.value)
    return raw


def _suggestions(stack: str) -> dict[KeyPath, object]:
    """Better examples than the fields' own, for a stack whose name says what it is."""
    try:
        names = Names.split(stack)
    except ValueError:
        return {}
    return {("customer",): names.customer, ("environment",): names.environment, ("cluster", "context"): stack}


def _example(model: type[Settings], required: list[str], stack: str) -> str:
    """The least that the stack's file must say, ready to copy."""
    import yaml  # only somebody with a problem waits for this import

    better = _suggestions(stack)
    fields = known_keys(model)
    least = {f"{PROJECT}:{key}": better.get((key,), (fields[key].examples or [None])[0]) for key in required}
    return yaml.safe_dump({"config": least}, sort_keys=False).rstrip()
