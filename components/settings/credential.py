"""Settings of the operator's credential: `support-access:credential`.

Owns the generation, and the acknowledgement of scopes that Tailscale does not limit by tag. Which scopes are needed
follows from the declared features alone. An operator without a secret is federation.py's. Holds no credential.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, StrictInt

from components.settings import forms
from components.settings.federation import Federation
from components.settings.forms import Settings

Wide = Literal["devices:core", "services"]
"""Scopes that reach beyond the environment, because Tailscale does not limit them by tag."""

REACH: dict[Wide, str] = {
    "devices:core": "list, change and delete every device of the tailnet, of every customer",
    "services": "change and delete every Tailscale Service of the tailnet",
}
"""What whoever reads the Secret in the customer's cluster could then do."""


class Credential(Settings):
    generation: Annotated[StrictInt, Field(ge=1, le=999_999)] = Field(
        default=1,
        description="It is raised by one to rotate the OAuth client, and is part of its Secret's name.",
        examples=[2],
    )
    acknowledge: Annotated[tuple[Wide, ...], AfterValidator(forms.distinct)] = Field(
        default=(),
        description="Scopes of the operator's credential that reach beyond this environment are named here by whoever"
        " accepts that.",
        examples=[["devices:core"]],
    )
    federation: Federation | None = Field(
        default=None,
        description="The cluster's own tokens take the place of an OAuth client and its Secret.",
        examples=[{"issuer": "https://oidc.eks.eu-central-1.amazonaws.com/id/0123456789ABCDEF0123456789ABCDEF"}],
    )


def needed_scopes(*, proxies: bool, services: bool) -> list[str]:
    """Scopes of the operator's credential: the least that works.

    proxies: it makes devices besides its own, and must be able to take them away again. services: it makes Tailscale
    Services. Its own registration, the only thing that the in-process API proxy needs, takes auth_keys alone.
    """
    return ["auth_keys", *(["devices:core"] if proxies or services else []), *(["services"] if services else [])]
