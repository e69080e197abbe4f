"""Settings of the operator in the customer's cluster: its version, name, images and chart.

Owns names, defaults and descriptions of `support-access:operator`. Nothing floats: every default is a pin.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from components.naming import CHART_REPOSITORY
from components.settings import forms
from components.settings.forms import Settings

OPERATOR_VERSION = "v1.96.5"


class Image(Settings):
    """A container image; its tag is the operator's version, unless a digest pins it."""

    repository: Annotated[str, AfterValidator(forms.image_repository)] = Field(
        description="Nodes pull the image from here: a registry of the vendor's or the customer's own mirror.",
        examples=["registry.example.com/tailscale/k8s-operator"],
    )
    digest: Annotated[str, AfterValidator(forms.digest)] | None = Field(
        default=None,
        description="It pins the image's contents: a tag can be moved, a digest cannot.",
        examples=["sha256:" + "0" * 64],
    )


class Images(Settings):
    operator: Image = Field(default=Image(repository="tailscale/k8s-operator"), description="The operator's own image.")
    proxy: Image = Field(default=Image(repository="tailscale/tailscale"), description="Image of the proxies it starts.")
    k8s_proxy: Image = Field(
        alias="k8sProxy",
        default=Image(repository="tailscale/k8s-proxy"),
        description="Image of highly available API proxies.",
    )


class Chart(Settings):
    """The operator's Helm chart."""

    repository: Annotated[str, AfterValidator(forms.chart_repository)] = Field(
        default=CHART_REPOSITORY,
        description="Helm fetches the chart from here, unsigned, so the way must be encrypted.",
        examples=[CHART_REPOSITORY],
    )
    version: Annotated[str, AfterValidator(forms.chart_version)] = Field(
        description="It pins the chart: without a version Helm would take the newest. The default is the operator's.",
        examples=["1.96.5"],
    )


class Operator(Settings):
    """The Tailscale operator in the customer's cluster."""

    version: Annotated[str, AfterValidator(forms.operator_version)] = Field(
        default=OPERATOR_VERSION,
        description="The customer approves one version; a moving tag would upgrade it without a review.",
        examples=["v1.96.5"],
    )
    hostname: Annotated[str, AfterValidator(forms.dns_label)] | None = Field(
        default=None,
        description="It is a name in the tailnet and, by its certificate, in public logs.",
        examples=["acme-prod-kube"],
    )
    logging: Literal["info", "debug", "dev"] = Field(
        default="info", description="The operator knows only these levels.", examples=["info"]
    )
    images: Images = Field(default=Images(), description="Where nodes pull the images from.")
    chart: Chart = Field(default={}, validate_default=True, description="Which chart installs the operator.")

    @field_validator("chart", mode="before")
    @classmethod
    def _chart_of_the_same_version(cls, chart: object, info: ValidationInfo) -> object:
        # While the operator's own version is refused, any well-formed one will do: no settings come of it.
        version = info.data.get("version", OPERATOR_VERSION).removeprefix("v")
        return {"version": version, **chart} if isinstance(chart, dict) else chart
