"""What an environment's stack declares, as typed, frozen values.

Owns the names, defaults and forms of the stack's own keys. Each field's description says why it matters and its
example can be copied: the messages are made of them (problems.py). Does not own the parts with a file of their own
(access, operator, egress, isolation) nor rules between settings (environment_checks.py). Holds no secret.
"""

from __future__ import annotations

import os
from datetime import date
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, PrivateAttr, StrictBool, StrictInt

from components.naming import DEFAULT_DEPLOYER, Names
from components.settings import forms
from components.settings.access import Access
from components.settings.credential import Credential
from components.settings.egress import Egress
from components.settings.environment_checks import CHART_REPOSITORY_VARIABLE
from components.settings.expose import AnyExposure, Expose
from components.settings.forms import Settings
from components.settings.isolation import Isolation
from components.settings.network_policy import NetworkPolicy
from components.settings.operator import Operator
from components.settings.read_only import ReadOnly
from components.settings.recorder import Recorder
from components.settings.roster import AnyUser, people

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
    access: tuple[Access, ...] = Field(
        description="It says who gets in and as what. With nobody in it there is nothing to grant; to cut the access"
        " off, destroy the stack; for a while, set suspended.",
        examples=[[{"from": "group:highflame-sre", "role": "read-only"}]],
    )
    suspended: StrictBool = Field(
        default=False,
        description="True takes all access away, first of all, and leaves the installation as it is; false or nothing"
        " gives it back.",
        examples=[True],
    )
    read_only: ReadOnly = Field(default=ReadOnly(), description="What role read-only reads besides its own list.")
    roster: Annotated[tuple[Address, ...], BeforeValidator(people), AfterValidator(forms.distinct)] | None = Field(
        default=None,
        description="The only people that the operator may impersonate. Without it they are the members of the"
        " groups in access and the people there; an empty list would mean everybody to Kubernetes.",
        examples=[["ada@example.com"]],
    )
    any_user: AnyUser | None = Field(
        default=None,
        description="It lets the operator impersonate any user, where a roster cannot be known: an exception.",
        examples=[{"reason": "the identity provider fills the group and its people change daily"}],
    )
    network_policy: NetworkPolicy = Field(
        default=NetworkPolicy(), description="What the pods of the operator's namespace reach."
    )
    egress: Egress = Field(
        default=(),
        description="It says which ways out of the customer's network the stack opens: a list of targets, each with"
        " settings of its own. Empty opens nothing.",
        examples=[
            [
                {
                    "target": "aws-security-group",
                    "region": "eu-central-1",
                    "securityGroup": "sg-0123456789abcdef0",
                    "derp": "any443",
                }
            ]
        ],
    )
    expose: Expose = Field(
        default=(),
        description="It says what of the cluster the tailnet sees, and what of the tailnet the cluster reaches: a list"
        " of exposures. Empty exposes nothing.",
        examples=[
            [
                {
                    "name": "studio",
                    "kind": "ingress",
                    "namespace": "studio",
                    "service": "studio-ui",
                    "port": 8080,
                    "from": "group:highflame-sre",
                }
            ]
        ],
    )
    recorder: Recorder | None = Field(
        default=None,
        description="It records sessions, and refuses those that it cannot record. Without it nothing is recorded.",
        examples=[{"storage": {"kind": "local", "viewers": "group:highflame-audit"}}],
    )
    isolation: Isolation = Field(default=Isolation(), description="What the isolation analysis may overlook.")
    enrolment: Enrolment = Field(default=Enrolment(), description="How long an update waits for the operator.")

    _lapsed: tuple[Access, ...] = PrivateAttr(default=())

    @property
    def lapsed(self) -> tuple[Access, ...]:
        """Entries of the stack's file whose last day is over: they are not in `access`."""
        return self._lapsed

    def on(self, today: date) -> EnvironmentSettings:
        """The same without the entries whose last day is over, so that every update takes their access away."""
        standing = self.model_copy(update={"access": tuple(e for e in self.access if not e.lapsed(today))})
        standing._lapsed = tuple(entry for entry in self.access if entry.lapsed(today))
        return standing

    @property
    def names(self) -> Names:
        return Names(self.customer, self.environment)

    @property
    def declared(self) -> dict[str, Any]:
        """All of it as the stack's file spells it, defaults too, in JSON's own types.

        Without the chart's repository: a variable of the environment replaces it wherever the program runs.
        """
        return self.model_dump(
            mode="json", by_alias=True, exclude_none=True, exclude={"operator": {"chart": {"repository"}}}
        )

    @property
    def hostname(self) -> str:
        """The operator's host name in the tailnet."""
        return self.operator.hostname or self.names.hostname

    @property
    def api_hostname(self) -> str:
        """The host name of the highly available API in the tailnet, where there is one."""
        return self.operator.api_server_proxy.hostname or self.names.api_hostname

    def exposure_hostname(self, exposure: AnyExposure) -> str:
        """The exposure's host name in the tailnet."""
        return exposure.hostname or self.names.exposure_hostname(exposure.name)

    @property
    def recorder_name(self) -> str:
        """The recorder's name in the cluster; the tailnet sees it with `-0` behind."""
        return (self.recorder.hostname if self.recorder else None) or self.names.recorder

    def with_chart_of_this_machine(self) -> EnvironmentSettings:
        """The same, with the chart repository that the environment names: an endpoint of where the program runs."""
        repository = os.environ.get(CHART_REPOSITORY_VARIABLE)
        if not repository:
            return self
        chart = self.operator.chart.model_copy(update={"repository": repository})
        return self.model_copy(update={"operator": self.operator.model_copy(update={"chart": chart})})
