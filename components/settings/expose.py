"""Settings of what the customer's cluster shows to the tailnet, and reaches in it: `support-access:expose`.

Owns names, defaults and descriptions of one exposure, in its kinds. Each has a tag of its own and lets one group in on
named ports, nothing else. Does not own rules between exposures (expose_checks.py), the objects in the cluster
(components/manifests/exposures.py) nor the grants (components/tailnet/policy.py). An empty list exposes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Annotated, ClassVar, Literal, get_args

from pydantic import AfterValidator, BeforeValidator, Field, StrictBool, StrictInt, ValidationInfo, field_validator

from components.settings import expose_forms as forms
from components.settings import forms as base
from components.settings.forms import Settings
from components.settings.operator_forms import object_name
from components.settings.problems import refuse

Ports = Annotated[tuple[str, ...], BeforeValidator(forms.ports), BeforeValidator(base.filled)]
"""`("tcp:5432", "udp:53")`; in the stack's file a bare number is TCP."""

PORTS = {
    "description": "Only these ports open: a number is TCP, udp:NUMBER is UDP. What else listens there stays shut.",
    "examples": [[5432]],
}
KIND = {
    "description": "It decides what is exposed and how, and so which other settings there are.",
    "examples": ["service"],
}
NAMESPACE = {
    "description": "The namespace of the customer's that the Service or workload is in.",
    "examples": ["studio"],
}
WHO = {
    "alias": "from",
    "description": "Only this group of the tailnet policy gets in, by a grant of the exposure's own.",
    "examples": ["group:highflame-sre"],
}


class Exposure(Settings):
    """What every exposure has."""

    by_operator: ClassVar[bool] = True
    """Whether the operator runs a proxy for it, whose device only `devices:core` can take away again."""
    privileged: ClassVar[bool] = True
    """Whether that proxy's pod is privileged, so that the namespace of the operator must admit such pods."""
    certificate: ClassVar[bool] = False
    """Whether it takes a certificate, which writes its host name into public logs."""

    name: Annotated[str, AfterValidator(forms.exposure)] = Field(
        description="It is the last part of the exposure's tag and host name, so it has no hyphen.",
        examples=["studio"],
    )
    hostname: Annotated[str, AfterValidator(base.dns_label)] | None = Field(
        default=None,
        description="Its name in the tailnet; by default <customer>-<environment>-<name>.",
        examples=["acme-prod-studio"],
    )
    funnel: Annotated[StrictBool, AfterValidator(forms.no_funnel)] = Field(
        default=False,
        description="Funnel would make it public on the internet, and nothing here is.",
        examples=[False],
    )


class ServiceExposure(Exposure):
    """An existing Service of the customer's, by annotations on it."""

    kind: Literal["service"] = Field(**KIND)
    namespace: Annotated[str, AfterValidator(forms.namespace)] = Field(**NAMESPACE)
    service: Annotated[str, AfterValidator(forms.service_name)] = Field(
        description="The existing Service; only annotations of our own are added, and taken away again.",
        examples=["postgres"],
    )
    ports: Ports = Field(**PORTS)
    source: Annotated[str, AfterValidator(forms.group)] = Field(**WHO)


class Peer(Settings):
    """An exposure of another environment of the same customer."""

    environment: Annotated[str, AfterValidator(forms.environment)] = Field(
        description="The other environment of this customer.", examples=["dev"]
    )
    exposure: Annotated[str, AfterValidator(forms.exposure)] = Field(
        description="The name of the exposure there.", examples=["reports"]
    )


class CrossClusterExposure(Exposure):
    """An existing Service, for another cluster of the same customer."""

    kind: Literal["cross-cluster"] = Field(**KIND)
    namespace: Annotated[str, AfterValidator(forms.namespace)] = Field(**NAMESPACE)
    service: Annotated[str, AfterValidator(forms.service_name)] = Field(
        description="The existing Service; only annotations of our own are added, and taken away again.",
        examples=["postgres"],
    )
    ports: Ports = Field(**PORTS)
    peer: Peer = Field(
        description="Only the proxy of that exposure gets in. Its stack declares the same ports in an exposure of kind"
        " egress: neither side can open the way alone.",
        examples=[{"environment": "dev", "exposure": "reports"}],
    )


class IngressExposure(Exposure):
    """A web interface, over HTTPS with a certificate of the tailnet's."""

    privileged: ClassVar[bool] = False
    certificate: ClassVar[bool] = True

    kind: Literal["ingress"] = Field(**KIND)
    namespace: Annotated[str, AfterValidator(forms.namespace)] = Field(**NAMESPACE)
    service: Annotated[str, AfterValidator(forms.service_name)] = Field(
        description="The existing Service behind it; nothing on it is changed.", examples=["studio-ui"]
    )
    port: Annotated[StrictInt, Field(ge=1, le=65535)] = Field(
        description="The Service's port. In the tailnet it is always 443.", examples=[8080]
    )
    source: Annotated[str, AfterValidator(forms.group)] = Field(**WHO)


class EgressExposure(Exposure):
    """A node of the tailnet, for the workloads in the cluster."""

    kind: Literal["egress"] = Field(**KIND)
    namespace: Annotated[str, AfterValidator(forms.namespace)] = Field(**NAMESPACE)
    service: Annotated[str, AfterValidator(forms.service_name)] = Field(
        description="The Service that is made there: workloads dial the node by its name.", examples=["artifacts"]
    )
    fqdn: Annotated[str, AfterValidator(forms.tailnet_name)] = Field(
        description="The node's full name in the tailnet.", examples=["artifacts.tail0000.ts.net"]
    )
    ports: Ports = Field(**PORTS)
    to: Annotated[str, AfterValidator(forms.destination)] | None = Field(
        default=None,
        description="The tag that the node carries, one of the vendor's own machines. The grant reaches nothing else.",
        examples=["tag:artifact-store"],
    )
    peer: Peer | None = Field(
        default=None,
        validate_default=True,
        description="In place of to: the exposure of kind cross-cluster in another environment of this customer. Its"
        " stack declares the same ports.",
        examples=[{"environment": "prod", "exposure": "db"}],
    )

    @field_validator("peer")
    @classmethod
    def _one_destination(cls, peer: Peer | None, info: ValidationInfo) -> Peer | None:
        if "to" in info.data and (peer is None) == (info.data["to"] is None):
            raise refuse(
                "Neither to nor peer is set." if peer is None else "Both to and peer are set.",
                why="The grant has one destination: without one workloads reach nothing, with two nobody reads which.",
                remove=None if peer is None else (),
            )
        return peer


class ExitNode(Settings):
    """The named exception."""

    reason: Annotated[str, AfterValidator(base.reason)] = Field(
        description="An exit node carries its users' traffic to the internet from inside the customer's network: who"
        " reads it later must be able to judge whether that still holds.",
        examples=["the licence server only admits the customer's address"],
    )


class ConnectorExposure(Exposure):
    """A subnet router."""

    kind: Literal["connector"] = Field(**KIND)
    routes: Annotated[tuple[str, ...], BeforeValidator(forms.routes)] = Field(
        default=(),
        description="Networks behind the cluster. They are approved beforehand, for this connector alone.",
        examples=[["10.20.0.0/24"]],
    )
    ports: Ports = Field(**PORTS)
    source: Annotated[str, AfterValidator(forms.group)] = Field(**WHO)
    exit_node: ExitNode | None = Field(
        default=None,
        description="Without it the connector is none: traffic to the internet does not pass.",
        examples=[{"reason": "the licence server only admits the customer's address"}],
    )


class Workload(Settings):
    """A workload of the customer's."""

    kind: Literal["Deployment", "StatefulSet", "DaemonSet"] = Field(
        description="Only a workload with a pod template can take a container more.", examples=["Deployment"]
    )
    name: Annotated[str, AfterValidator(object_name)] = Field(description="Its name.", examples=["worker"])
    pods: Literal["one", "several"] = Field(
        description="One pod keeps its identity in a Secret. Several must not share one: each is a node of its own,"
        " which is forgotten when it ends.",
        examples=["one"],
    )


class SidecarExposure(Exposure):
    """One workload, by a container beside its own."""

    by_operator: ClassVar[bool] = False
    privileged: ClassVar[bool] = False

    kind: Literal["sidecar"] = Field(**KIND)
    namespace: Annotated[str, AfterValidator(forms.namespace)] = Field(**NAMESPACE)
    workload: Workload = Field(
        description="The container is the customer's to add: the stack hands over the patch as text.",
        examples=[{"kind": "Deployment", "name": "worker", "pods": "one"}],
    )
    ports: Ports = Field(**PORTS)
    source: Annotated[str, AfterValidator(forms.group)] = Field(**WHO)


AnyExposure = Annotated[
    ServiceExposure | CrossClusterExposure | IngressExposure | EgressExposure | ConnectorExposure | SidecarExposure,
    Field(discriminator="kind"),
]
Expose = tuple[AnyExposure, ...]

KINDS: tuple[str, ...] = tuple(
    get_args(model.model_fields["kind"].annotation)[0] for model in get_args(get_args(AnyExposure)[0])
)


def run_by_operator(expose: Iterable[Exposure]) -> bool:
    """Whether the operator makes proxies, so that its credential must also be able to remove their devices."""
    return any(exposure.by_operator for exposure in expose)


def privileged(expose: Iterable[Exposure]) -> bool:
    """Whether a proxy's pod is privileged: the operator's namespace must admit it."""
    return any(exposure.by_operator and exposure.privileged for exposure in expose)


def patched(exposure: Exposure) -> bool:
    """Whether a Service of the customer's is annotated."""
    return isinstance(exposure, ServiceExposure | CrossClusterExposure)


def backends(expose: Iterable[Exposure]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Namespace, name and ports (`tcp:5432`) of every existing Service that proxies connect to."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    for exposure in expose:
        if isinstance(exposure, ServiceExposure | CrossClusterExposure):
            found.append((exposure.namespace, exposure.service, exposure.ports))
        elif isinstance(exposure, IngressExposure):
            found.append((exposure.namespace, exposure.service, (f"tcp:{exposure.port}",)))
    return found
