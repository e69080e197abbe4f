"""Settings of one RBAC rule of somebody's own, and of the exception that accepts what escalates in it.

Owns their form. Does not own what escalates (escalation.py), nor that each finding is accepted (role.py).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field

from components.settings import forms
from components.settings.escalation import KINDS, VERBS, special_verb
from components.settings.forms import Settings
from components.settings.problems import refuse, shown

_GROUP = re.compile(r"[a-z0-9]([a-z0-9.-]*[a-z0-9])?")
_RESOURCE = re.compile(r"(\*|[a-z0-9]([a-z0-9.-]*[a-z0-9])?)(/[a-z0-9]+)?")


def api_group(name: str) -> str:
    """ "" is Kubernetes' core group."""
    if name not in ("", "*") and not _GROUP.fullmatch(name):
        raise refuse(f"{shown(name)} is not an API group, like apps or example.com; the core group is empty text.")
    return name


def resource(name: str) -> str:
    if name.endswith("/*"):
        raise refuse(f"{shown(name)} matches nothing: Kubernetes has no such wildcard.", why="Name each subresource.")
    if not _RESOURCE.fullmatch(name):
        raise refuse(f"{shown(name)} is not a resource as the API spells it: plural and in lower case, like pods/log.")
    return name


def verb(name: str) -> str:
    if name != "*" and name not in VERBS and special_verb(name) is None:
        raise refuse(f"{shown(name)} is not a verb of the API; known: {', '.join(VERBS)}.")
    return name


class Rule(Settings):
    """One rule of a custom role, as RBAC has it."""

    api_groups: Annotated[
        tuple[Annotated[str, AfterValidator(api_group)], ...],
        BeforeValidator(forms.filled),
        AfterValidator(forms.distinct),
    ] = Field(
        description='It says whose objects are meant; "" is Kubernetes\' core group.',
        examples=[["apps"]],
    )
    resources: Annotated[
        tuple[Annotated[str, AfterValidator(resource)], ...],
        BeforeValidator(forms.filled),
        AfterValidator(forms.distinct),
    ] = Field(description="It says which objects; a subresource is named after a slash.", examples=[["deployments"]])
    verbs: Annotated[
        tuple[Annotated[str, AfterValidator(verb)], ...], BeforeValidator(forms.filled), AfterValidator(forms.distinct)
    ] = Field(description="It says what may be done with them.", examples=[["get", "list", "watch"]])
    resource_names: (
        Annotated[
            tuple[Annotated[str, AfterValidator(forms.printable)], ...],
            BeforeValidator(forms.filled),
            AfterValidator(forms.distinct),
        ]
        | None
    ) = Field(
        default=None,
        description="The only objects that are meant, by name. An empty list would mean all of them to Kubernetes.",
        examples=[["web"]],
    )

    @property
    def policy_rule(self) -> dict[str, Any]:
        """The rule in the API's own spelling."""
        return {key: list(value) for key, value in self.model_dump(by_alias=True).items() if value}


class RuleException(Settings):
    """One finding about one rule that somebody has looked at and accepts."""

    finding: Literal[*KINDS] = Field(  # pyright: ignore[reportInvalidTypeForm] - the table is the one list of them
        description="Which finding is accepted, as the message names it.", examples=["exec"]
    )
    subject: Annotated[str, AfterValidator(forms.printable)] = Field(
        description="What the finding is about, as the message names it: an exception for one does not cover the next.",
        examples=["create pods/exec"],
    )
    reason: Annotated[str, AfterValidator(forms.reason)] = Field(
        description="Who reads it later must be able to judge whether it still holds.",
        examples=["the customer asked for repairs inside its pods"],
    )
