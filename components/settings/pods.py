"""Settings of where pods run and with what: `support-access:operator.pod` and `operator.proxyPods`.

Owns their form. What they mean is Kubernetes' own, and the API server judges the rest. Does not own how the operator's
pod gets them (components/manifests/chart_values.py) and how proxies do (components/manifests/proxy_class.py).
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, StrictStr

from components.settings import operator_forms as forms
from components.settings.forms import Settings

Amount = Annotated[str, BeforeValidator(forms.quantity)]


class Resources(Settings):
    requests: dict[str, Amount] = Field(
        default={}, description="The scheduler keeps so much free.", examples=[{"cpu": "50m", "memory": "128Mi"}]
    )
    limits: dict[str, Amount] = Field(
        default={}, description="The pod never gets more.", examples=[{"memory": "256Mi"}]
    )


class Toleration(Settings):
    key: StrictStr | None = Field(default=None, description="The taint's key; none means every taint.")
    operator: Literal["Exists", "Equal"] = Field(default="Equal", description="How the value is compared.")
    value: StrictStr | None = Field(default=None, description="The taint's value.", examples=["support"])
    effect: Literal["NoSchedule", "PreferNoSchedule", "NoExecute"] | None = Field(
        default=None, description="The taint's effect; none means every effect.", examples=["NoSchedule"]
    )
    toleration_seconds: Annotated[StrictInt, Field(ge=0)] | None = Field(
        default=None, description="So long a pod stays on a node that is tainted with NoExecute.", examples=[300]
    )


class Affinity(Settings):
    """Terms as Kubernetes spells them; only the API server knows whether they make sense."""

    node_affinity: dict[str, Any] | None = Field(default=None, description="Which nodes are taken or preferred.")
    pod_affinity: dict[str, Any] | None = Field(default=None, description="Beside which pods.")
    pod_anti_affinity: dict[str, Any] | None = Field(default=None, description="Away from which pods.")


class Pods(Settings):
    """Where pods run and with what. Nothing is set by default."""

    resources: Resources = Field(default=Resources(), description="What the pod asks for and never exceeds.")
    node_selector: dict[str, StrictStr] = Field(
        default={},
        description="Labels that a node must have; values are text, so true and numbers need quotes.",
        examples=[{"node-role.example.com/support": "true"}],
    )
    tolerations: tuple[Toleration, ...] = Field(
        default=(),
        description="Taints that do not keep the pod away.",
        examples=[[{"key": "dedicated", "value": "support", "effect": "NoSchedule"}]],
    )
    affinity: Affinity = Field(default=Affinity(), description="Which nodes and neighbours the pod prefers.")
    priority_class_name: Annotated[str, AfterValidator(forms.object_name)] | None = Field(
        default=None, description="Which pods go first when a node is full.", examples=["support-access"]
    )

    def __hash__(self) -> int:
        return hash(json.dumps(self.model_dump(mode="json"), sort_keys=True))

    def fields(self) -> dict[str, Any]:
        """The fields of a PodSpec, and `resources` of its container, as Kubernetes spells them; only what is set."""
        spelled = self.model_dump(by_alias=True, exclude_none=True, mode="json")
        return {key: _without_empty(value) for key, value in spelled.items() if _without_empty(value)}


def _without_empty(value: Any) -> Any:
    """resources without requests, or an affinity of nothing, are not said at all."""
    return {key: inner for key, inner in value.items() if inner} if isinstance(value, dict) else value
