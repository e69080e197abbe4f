"""Settings of who gets in and as what: `support-access:access`.

Owns whom one entry lets in and as whom the cluster knows them. Does not own what they may do there (`role`), rules
between entries (`access_checks`), nor the text of the grant (`tailnet/policy`).

What the API proxy does with a caller is fixed in its code (k8s-operator/api-proxy/proxy.go at v1.96.5): a person is
impersonated as the user of their tailnet login, a tagged node as the user of its full name, and both in the groups of
every grant that lets them in. Only a tagged node without any such group gets all its tags as groups. So a tag is given
its own group in the grant, or the tags that the node has besides would be asked for too, and refused by the ceiling.
"""

from __future__ import annotations

from typing import Annotated, Literal, NamedTuple

from pydantic import AfterValidator, BeforeValidator, Field, ValidationInfo, field_validator

from components.settings import forms
from components.settings.posture import is_shared, one_meaning, posture_item
from components.settings.problems import refuse
from components.settings.role import RoleSettings


class Subject(NamedTuple):
    """Whom RBAC knows."""

    kind: Literal["Group", "User"]
    name: str


class Access(RoleSettings):
    """One group, person or tag of the tailnet, and what it is in the cluster."""

    source: Annotated[str, AfterValidator(forms.source)] = Field(
        alias="from",
        description="Only who is named gets in: a group of the tailnet policy, one person's login, or the tag of"
        " machines of your own.",
        examples=["group:highflame-sre"],
    )
    impersonate: str | None = Field(
        default_factory=lambda entry: default_group(entry["source"]),
        validate_default=True,
        description="The Kubernetes group that they act as; RBAC and the audit log know them by it.",
        examples=["highflame-sre"],
    )
    """None for a person who acts as nothing but themselves."""
    posture: (
        Annotated[
            tuple[Annotated[str, AfterValidator(posture_item)], ...],
            BeforeValidator(forms.filled),
            AfterValidator(one_meaning),
        ]
        | None
    ) = Field(
        default=None,
        description="What must hold for the device that they come from: conditions, all of them, or the name of one"
        " posture that the whole tailnet shares.",
        examples=[["node:os == 'macos'", "node:osVersion >= '14'"]],
    )

    @field_validator("impersonate")
    @classmethod
    def _a_group_that_is_not_the_clusters_own(cls, group: str | None, info: ValidationInfo) -> str | None:
        source = info.data.get("source", "")
        if group is None:
            if default_group(source) is not None:
                raise refuse(
                    "It is null.",
                    why="Without a group RBAC would have to know each of them, and a tagged node would act as all of"
                    " its tags.",
                )
            return None
        return group if group == source and is_tag(source) else forms.kubernetes_group(group)

    @property
    def subject(self) -> Subject:
        """Whom the role is bound to."""
        return subject_of(self.source, self.impersonate)

    @property
    def shared_posture(self) -> str | None:
        """The posture of the whole tailnet that the device must meet, if the entry names one."""
        return self.posture[0] if self.posture and is_shared(self.posture[0]) else None

    @property
    def conditions(self) -> tuple[str, ...]:
        """The entry's own conditions on the device, in a stable order."""
        return () if self.posture is None or self.shared_posture else tuple(sorted(self.posture))


def is_tag(source: str) -> bool:
    return source.startswith("tag:")


def is_group(source: str) -> bool:
    return source.startswith("group:")


def is_person(source: str) -> bool:
    return not is_tag(source) and not is_group(source)


def default_group(source: str) -> str | None:
    """The Kubernetes group of a source that names none: its own name; a person needs none."""
    if is_group(source):
        return source.removeprefix("group:")
    return source if is_tag(source) else None


def subject_of(source: str, group: str | None) -> Subject:
    """Whom RBAC knows a source as: the group that it acts as, or the person."""
    return Subject("User", source) if group is None else Subject("Group", group)
