"""Settings of which people the operator may impersonate: `support-access:roster`, and the exception `anyUser`.

Owns their form. Does not own who is asked for where neither is set (components/support_access.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, Field

from components.settings import forms
from components.settings.forms import Settings
from components.settings.problems import Problem, config_key, refuse, remove_command


class AnyUser(Settings):
    """Lets the operator act as any user of the cluster. Its groups stay the declared ones."""

    reason: Annotated[str, AfterValidator(forms.reason)] = Field(
        description="Whoever gets hold of the operator could act as a user of the cluster itself, a controller for"
        " instance. Who reads it later must be able to judge whether it still holds.",
        examples=["the identity provider fills the group and its people change daily"],
    )


def people(value: object) -> object:
    """Looked at before the addresses are."""
    if value == "any" or value == ["any"]:
        raise refuse(
            "It is any.",
            why="Everybody would be impersonated, users of the cluster itself too. That is an exception with a name and"
            " a reason: support-access:anyUser.",
        )
    return forms.filled(value)


def check_any_user(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    if "anyUser" in raw and "roster" in raw:
        yield Problem(
            config_key(("anyUser",)),
            "It is set, and roster is too.",
            "The roster would look as if it bounded whom the operator may impersonate.",
            f"{remove_command(stack, ('anyUser',))}\nor {remove_command(stack, ('roster',))}",
        )
