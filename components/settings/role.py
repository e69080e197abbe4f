"""Settings of what somebody may do in the cluster: the part of an access entry that says its role.

Owns the roles, which of the other settings belongs to which, and that a rule that escalates is accepted by name. Not
what escalates (escalation.py), whom the entry lets in (access.py) nor the objects (components/manifests/roles.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from enum import StrEnum
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from components.settings import forms
from components.settings.escalation import KINDS, Finding, findings
from components.settings.forms import Settings
from components.settings.problems import refuse, shown
from components.settings.rule import Rule, RuleException


class Role(StrEnum):
    """What somebody may do in the cluster.

    read-only: everything useful for support, no secrets, nothing that acts. view: Kubernetes' own. namespaces: one of
    them in named namespaces alone. custom: the entry's own rules. cluster-admin: everything. own-credential: what the
    customer's own credential allows that they bring, where the API proxy impersonates nobody (mode noauth).
    """

    READ_ONLY = "read-only"
    VIEW = "view"
    NAMESPACES = "namespaces"
    CUSTOM = "custom"
    CLUSTER_ADMIN = "cluster-admin"
    OWN_CREDENTIAL = "own-credential"


class RoleSettings(Settings):
    """What an access entry's role is. A setting that the role does not use is refused."""

    role: Role = Field(description="It bounds what they may do in the cluster.", examples=["read-only"])
    namespaces: (
        Annotated[
            tuple[Annotated[str, AfterValidator(forms.namespace)], ...],
            BeforeValidator(forms.filled),
            AfterValidator(forms.distinct),
        ]
        | None
    ) = Field(
        default=None,
        validate_default=True,
        description="The only namespaces that role namespaces is bound in; they must be there.",
        examples=[["shop"]],
    )
    namespace_role: Literal["read-only", "view", "custom"] | None = Field(
        default=None,
        validate_default=True,
        description="What role namespaces binds in each of them; read-only when left out.",
        examples=["view"],
    )
    rules: Annotated[tuple[Rule, ...], BeforeValidator(forms.filled)] | None = Field(
        default=None,
        validate_default=True,
        description="All that role custom lets them do.",
        examples=[[{"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]}]],
    )
    exceptions: tuple[RuleException, ...] = Field(
        default=(),
        validate_default=True,
        description="What escalates among the rules, accepted by name: Kubernetes itself does not warn.",
        examples=[
            [
                {
                    "finding": "exec",
                    "subject": "create pods/exec",
                    "reason": "the customer asked for repairs inside its pods",
                }
            ]
        ],
    )
    reason: Annotated[str, AfterValidator(forms.reason)] | None = Field(
        default=None,
        validate_default=True,
        description="Role cluster-admin may do everything, Secrets included: who reads it later must be able to judge"
        " whether it still holds.",
        examples=["on-call engineers repair what the customer cannot"],
    )
    until: Annotated[date, BeforeValidator(forms.day)] | None = Field(
        default=None,
        validate_default=True,
        description="The last day, in UTC, on which role cluster-admin stands; after it the entry counts as not there.",
        examples=["2027-01-31"],
    )

    @field_validator("namespaces", "namespace_role", "rules", "reason", "until")
    @classmethod
    def _of_this_role(cls, value: Any, info: ValidationInfo) -> Any:
        if (role := info.data.get("role")) is None:  # refused itself: it says nothing about the others
            return value
        needed, allowed = _uses(info.field_name or "", role, info.data)
        if value is not None and not allowed:
            raise refuse(
                f"It is set, and role is {role}.",
                why="A setting that nothing reads would look as if it were in force.",
                remove=(),
            )
        if value is None and needed:
            raise refuse(f"It is missing, and role is {role}.")
        return value

    @field_validator("exceptions")
    @classmethod
    def _each_finding_by_name(
        cls, exceptions: tuple[RuleException, ...], info: ValidationInfo
    ) -> tuple[RuleException, ...]:
        if "rules" not in info.data:  # refused themselves
            return exceptions
        if any(
            "*" in rule.api_groups and "*" in rule.resources and "*" in rule.verbs for rule in info.data["rules"] or ()
        ):
            raise refuse(
                "A rule is everything.",
                why="Role cluster-admin says so in one word, with a reason and, if wanted, a last day.",
                example=[],
            )
        forms.one_exception_each(exceptions)
        accepted = [Finding(each.finding, each.subject) for each in exceptions]
        found = findings(info.data["rules"] or ())
        if idle := [each for each in accepted if each not in found]:
            raise refuse(
                f"It accepts what no rule has: {_listed(idle)}.",
                why="It would lie in wait for whoever adds the rule.",
            )
        if missing := [each for each in found if each not in accepted]:
            given = [each.model_dump() for each in exceptions]
            raise refuse(
                f"The rules have what only an exception by name may take in: {_listed(missing)}.",
                why="\n".join(f"{kind}: {KINDS[kind]}." for kind in dict.fromkeys(each.kind for each in missing)),
                example=[
                    *given,
                    *({"finding": each.kind, "subject": each.subject, "reason": "..."} for each in missing),
                ],
            )
        return exceptions

    @property
    def bound(self) -> Role:
        """Which role is bound: for namespaces the one that it binds there."""
        return Role(self.namespace_role or Role.READ_ONLY) if self.role is Role.NAMESPACES else self.role

    @property
    def bounds(self) -> dict[str, Any]:
        """What the role's own settings say, as the stack's file spells it; empty for a role without any."""
        own = self.model_dump(mode="json", by_alias=True, exclude_none=True, include=set(RoleSettings.model_fields))
        return {key: value for key, value in own.items() if value and key != "role"}

    def lapsed(self, today: date) -> bool:
        """Whether its last day is over."""
        return self.until is not None and today > self.until


def _uses(setting: str, role: Role, data: Mapping[str, Any]) -> tuple[bool, bool]:
    """Whether the role needs this setting, and whether it may have it."""
    if setting == "rules":
        custom = role is Role.CUSTOM or (role is Role.NAMESPACES and data.get("namespace_role") == "custom")
        return custom, custom
    owner, needed = {
        "namespaces": (Role.NAMESPACES, True),
        "namespace_role": (Role.NAMESPACES, False),
        "reason": (Role.CLUSTER_ADMIN, True),
        "until": (Role.CLUSTER_ADMIN, False),
    }[setting]
    return role is owner and needed, role is owner


def _listed(found: list[Finding]) -> str:
    return "; ".join(f"{each.kind} of {shown(each.subject)}" for each in found)
