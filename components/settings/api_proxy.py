"""Settings of how the cluster's API is served into the tailnet: `support-access:operator.apiServerProxy`.

Owns the modes. Without `replicas` the operator itself is the proxy; with them, that many proxies of their own are, and
the operator only looks after them. Does not own which combinations make sense (operator_checks.py).
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, Field, StrictInt

from components.settings import forms
from components.settings.forms import Settings

MAX_HOSTNAME = 55
"""Each proxy is called `<hostname>-proxy-<0..8>`, which must be one label of at most 63 characters."""


class Mode(StrEnum):
    """auth: the proxy impersonates who is let in. noauth: it passes requests on, with whatever credential they bring.
    none: the API is not served."""

    AUTH = "auth"
    NOAUTH = "noauth"
    NONE = "none"


class ApiServerProxy(Settings):
    """How the Kubernetes API is served into the tailnet."""

    mode: Mode = Field(
        default=Mode.AUTH,
        description="It decides as whom engineers act: as what access says (auth), as what the customer's own"
        " credential says that they bring (noauth), or not at all (none).",
        examples=["auth"],
    )
    replicas: Annotated[StrictInt, Field(ge=2, le=9)] | None = Field(
        default=None,
        description="So many proxies serve the API, on nodes of their own, so that it stays reachable when one goes."
        " Without it the operator serves it alone.",
        examples=[2],
    )
    hostname: Annotated[str, AfterValidator(forms.dns_label), Field(max_length=MAX_HOSTNAME)] | None = Field(
        default=None,
        description="The highly available API's name in the tailnet and, by its certificate, in public logs.",
        examples=["acme-prod-api"],
    )

    @property
    def in_process(self) -> bool:
        """Whether the operator itself serves the API."""
        return self.mode is not Mode.NONE and self.replicas is None

    @property
    def highly_available(self) -> bool:
        """Whether proxies of their own serve it."""
        return self.mode is not Mode.NONE and self.replicas is not None

    @property
    def impersonates(self) -> bool:
        return self.mode is Mode.AUTH
