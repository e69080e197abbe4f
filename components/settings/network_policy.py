"""Settings of the network policy of the operator's namespace: `support-access:networkPolicy`.

Owns which form it has and what only the customer knows: where its API server answers, and other ends that the operator
needs in its network. Does not own the policy (components/manifests/network_policy.py). Nothing has a default that
would let more through than what is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, ValidationInfo, field_validator

from components.settings import forms
from components.settings.forms import Settings
from components.settings.problems import Problem, config_key, refuse, remove_command, set_command

API_SERVER_PORTS = (443, 6443)


class Form(StrEnum):
    """off: none. portable: a NetworkPolicy of Kubernetes, by addresses. cilium-sni: by TLS server names, for Cilium."""

    OFF = "off"
    PORTABLE = "portable"
    CILIUM_SNI = "cilium-sni"


def not_false(value: object) -> object:
    """YAML 1.1 reads `off` as false."""
    return Form.OFF if value is False else value


def network(text: str) -> str:
    (found,) = forms.networks([text])
    return found


Network = Annotated[str, AfterValidator(network)]
Port = Annotated[StrictInt, Field(ge=1, le=65535)]


def check_handed_over(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Where the customer installs, no cluster can be asked for what the policy must let through."""
    chosen = raw.get("networkPolicy")
    if raw.get("delivery", "handoff") != "handoff" or not isinstance(chosen, dict):
        return
    key = ("networkPolicy", "apiServer")
    if chosen.get("form") == Form.PORTABLE and "apiServer" not in chosen:
        yield Problem(
            config_key(key),
            "It is missing, form is portable and the customer installs.",
            "The policy would cut the operator off from the API server, and no cluster can be asked where that is.",
            set_command(stack, key, {"networks": ["10.0.0.0/28"]}),
        )
    exposed = raw.get("expose")
    kinds = {entry.get("kind") for entry in exposed if isinstance(entry, dict)} if isinstance(exposed, list) else set()
    if chosen.get("form", "off") not in (False, "off") and kinds & {"service", "cross-cluster", "ingress"}:
        yield Problem(
            config_key(("networkPolicy", "form")),
            f"It is {chosen.get('form')}, Services are exposed and the customer installs.",
            "A policy is judged by the pods behind a Service, and no cluster can be asked which those are.",
            remove_command(stack, ("networkPolicy",)),
        )


class End(Settings):
    """Some address range of the customer's network, at one port."""

    network: Network = Field(description="It says where; everything is no range.", examples=["10.0.0.5/32"])
    port: Port = Field(description="It says which TCP port there.", examples=[3128])


class ApiServer(Settings):
    """Where the API server answers: its own addresses, behind the Service `kubernetes`."""

    networks: Annotated[tuple[Network, ...], BeforeValidator(forms.filled), AfterValidator(forms.distinct)] = Field(
        description="Addresses or the subnets that they move in; a policy is judged after the Service is resolved.",
        examples=[["10.0.0.0/28"]],
    )
    ports: Annotated[tuple[Port, ...], BeforeValidator(forms.filled)] = Field(
        default=API_SERVER_PORTS, description="Ports that it answers on.", examples=[[443]]
    )


class NetworkPolicy(Settings):
    form: Annotated[Form, BeforeValidator(not_false)] = Field(
        default=Form.OFF,
        description="It narrows what the pods of the namespace reach, where the cluster's network enforces policies.",
        examples=["portable"],
    )
    api_server: ApiServer | None = Field(
        default=None,
        description="Without it the policy holds the addresses that the cluster itself names at each update; a cloud"
        " that moves them cuts the operator off until the next one.",
        examples=[{"networks": ["10.0.0.0/28"]}],
    )
    also: tuple[End, ...] = Field(
        default=(),
        description="Other ends in the customer's network that the pods need: an HTTP proxy, a private storage"
        " endpoint.",
        examples=[[{"network": "10.0.0.5/32", "port": 3128}]],
    )

    @field_validator("api_server", "also")
    @classmethod
    def _read_by_somebody(cls, value: Any, info: ValidationInfo) -> Any:
        chosen = info.data.get("form")
        if value and (chosen is Form.OFF or (chosen is Form.CILIUM_SNI and info.field_name == "api_server")):
            raise refuse(
                f"It is set, and form is {chosen}.",
                why="Cilium knows the API server by itself."
                if chosen is Form.CILIUM_SNI
                else "There is no policy that it would be part of.",
            )
        return value
