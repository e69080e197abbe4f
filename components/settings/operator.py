"""Settings of the Tailscale operator in the customer's cluster: `support-access:operator`.

Owns the operator's version and name, and puts the parts with files of their own together (images, chart, pods, HTTP
proxy, API proxy). Nothing floats: every default is a pin. Does not own rules between them (operator_checks.py).
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, ValidationInfo, field_validator

from components.settings import forms, operator_forms
from components.settings.api_proxy import ApiServerProxy
from components.settings.chart import Chart
from components.settings.forms import Settings
from components.settings.http_proxy import HttpProxy
from components.settings.images import REPOSITORIES, Images, Pin, pin
from components.settings.pods import Pods

OPERATOR_VERSION = "v1.96.5"


class Operator(Settings):
    """The Tailscale operator in the customer's cluster."""

    version: Annotated[str, AfterValidator(operator_forms.operator_version)] = Field(
        default=OPERATOR_VERSION,
        description="The customer approves one version; a moving tag would upgrade it without a review.",
        examples=["v1.96.5"],
    )
    hostname: Annotated[str, AfterValidator(operator_forms.hostname)] | None = Field(
        default=None,
        description="It is a name in the tailnet and, by its certificate, in public logs.",
        examples=["acme-prod-kube"],
    )
    logging: Literal["info", "debug", "dev"] = Field(
        default="info", description="The operator knows only these levels.", examples=["info"]
    )
    registry: Annotated[str, AfterValidator(operator_forms.registry)] | None = Field(
        default=None,
        description="A mirror that holds all images under their own names: nodes pull from there and nowhere else.",
        examples=["registry.example.com/mirror"],
    )
    pull_secrets: Annotated[
        tuple[Annotated[str, AfterValidator(operator_forms.object_name)], ...], AfterValidator(forms.distinct)
    ] = Field(
        default=(),
        description="Secrets in the operator's namespace with which nodes pull the images; the customer makes them.",
        examples=[["mirror-pull"]],
    )
    images: Images = Field(default=Images(), description="Where nodes pull the images from, and which.")
    chart: Chart = Field(default={}, validate_default=True, description="Which chart installs the operator.")
    api_server_proxy: ApiServerProxy = Field(
        default=ApiServerProxy(), description="How the cluster's API is served into the tailnet."
    )
    pod: Pods = Field(default=Pods(), description="Where the operator's pod runs and with what.")
    proxy_pods: Pods = Field(default=Pods(), description="Where the pods of its proxies run and with what.")
    udp_port: Annotated[StrictInt, Field(ge=1, le=65535)] | None = Field(
        default=None,
        description="A firewall that lets direct paths in needs one port to name; without it the operator takes a"
        " random one at every start.",
        examples=[41641],
    )
    reinstall: Annotated[datetime, BeforeValidator(forms.moment)] | None = Field(
        default=None,
        description="When it was agreed to restore what the customer had uninstalled or deleted: it answers for what"
        " happened before that time, and for nothing later.",
        examples=["2026-11-21T09:00:00Z"],
    )
    http_proxy: HttpProxy | None = Field(
        default=None,
        description="A network whose only way out is an HTTP proxy needs it named.",
        examples=[{"url": "http://proxy.acme.example:3128"}],
    )

    @field_validator("chart", mode="before")
    @classmethod
    def _chart_of_the_same_version(cls, chart: object, info: ValidationInfo) -> object:
        # While the operator's own version is refused, any well-formed one will do: no settings come of it.
        version = info.data.get("version", OPERATOR_VERSION).removeprefix("v")
        return {"version": version, **chart} if isinstance(chart, dict) else chart

    def pin(self, name: str) -> Pin:
        """The image as it is pulled. name: a key of `images.REPOSITORIES`."""
        return pin(name, getattr(self.images, name), version=self.version, registry=self.registry)

    @property
    def pins(self) -> dict[str, Pin]:
        """Every image, used or not, by its name in the stack's file: what a mirror has to hold."""
        return {Images.model_fields[name].alias or name: self.pin(name) for name in REPOSITORIES}
