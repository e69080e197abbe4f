"""Settings of the operator's Helm chart: `support-access:operator.chart`.

Owns where the chart is and which one: an https repository, an OCI registry or a path, always with one version. Does not
own its values (components/manifests/chart_values.py). Nothing here lives, so nothing dies.
"""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, StrictBool

from components.naming import CHART, CHART_REPOSITORY
from components.settings import operator_forms as forms
from components.settings.forms import Settings


class Chart(Settings):
    """The operator's Helm chart."""

    repository: Annotated[str, AfterValidator(forms.chart_repository)] = Field(
        default=CHART_REPOSITORY,
        description="Helm fetches the chart from here, unsigned, so the way must be encrypted.",
        examples=[CHART_REPOSITORY],
    )
    path: Annotated[str, AfterValidator(forms.chart_path)] | None = Field(
        default=None,
        description="A chart that lies beside the program needs no repository; a path is looked up from the project's"
        " folder.",
        examples=["./charts/tailscale-operator-1.96.5.tgz"],
    )
    version: Annotated[str, AfterValidator(forms.chart_version)] = Field(
        description="It pins the chart: without a version Helm would take the newest. The default is the operator's.",
        examples=["1.96.5"],
    )
    crds: StrictBool = Field(
        default=True,
        description="False leaves the operator's resource definitions to whoever manages them in the cluster; they must"
        " be there before the chart.",
        examples=[False],
    )

    @property
    def name(self) -> str:
        """What Helm is asked for: the chart's name in a repository, an OCI address, or a path."""
        if self.path is not None:
            return self.path
        if self.repository.startswith("oci://"):
            return f"{self.repository.rstrip('/')}/{CHART}"
        return CHART

    @property
    def repository_url(self) -> str | None:
        """The repository that `name` is in; None when it says itself where it is."""
        return self.repository if self.name == CHART else None

    @property
    def helm_arguments(self) -> list[str]:
        """The same as arguments of `helm install`, without the version."""
        return ["--repo", self.repository_url, self.name] if self.repository_url else [self.name]
