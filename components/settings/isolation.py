"""Settings of what the isolation analysis may overlook: `support-access:isolation`.

Owns the form of an exception. Does not own the findings themselves nor what becomes of an exception that matches none:
the analysis does. An exception is a sentence that an auditor reads later, so it says whom it is about and why.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field

from components.settings import forms
from components.settings.forms import Settings


class IsolationException(Settings):
    """One finding about one subject that somebody has looked at and accepts."""

    finding: Annotated[str, AfterValidator(forms.finding)] = Field(
        description="Which finding is accepted, as `pulumi preview` names it.", examples=["funnel"]
    )
    subject: Annotated[str, AfterValidator(forms.printable)] = Field(
        description="Whom or what the finding is about, as `pulumi preview` names it: an exception for one does not"
        " cover the next.",
        examples=["autogroup:member"],
    )
    reason: Annotated[str, AfterValidator(forms.reason)] = Field(
        description="Who reads it later must be able to judge whether it still holds.",
        examples=["the status page is meant to be public"],
    )


class Isolation(Settings):
    exceptions: Annotated[tuple[IsolationException, ...], AfterValidator(forms.one_exception_each)] = Field(
        default=(),
        description="Without one, every finding of the isolation analysis stops an update that adds access.",
        examples=[
            [
                {
                    "finding": "funnel",
                    "subject": "autogroup:member",
                    "reason": "the status page is meant to be public",
                }
            ]
        ],
    )
