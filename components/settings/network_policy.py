"""Settings of the network policy of the operator's namespace: `support-access:networkPolicy`.

Owns which form it has and what only the customer knows: where its API server answers, and other ends that the operator
needs in its network. Does not own the policy (components/manifests/network_policy.py). Nothing has a default that
would let more through than what is named.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from enum import StrEnum
from ipaddress import ip_network
from typing import Annotated, Any
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, StrictInt, ValidationInfo, field_validator

from components.endpoints.hosts import address_of
from components.settings import forms
from components.settings.forms import Settings
from components.settings.operator_checks import section
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
    if chosen.get("form") == Form.PORTABLE and chosen.get("apiServer") is None:
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


def check_http_proxy(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The way to an HTTP proxy is named where the policy would not let it through by itself."""
    chosen, url = raw.get("networkPolicy"), section(raw, "operator", "httpProxy").get("url")
    if not isinstance(chosen, dict) or not isinstance(url, str):
        return
    try:
        proxy = urlsplit(url)
        host, port = proxy.hostname or "", proxy.port
    except ValueError:  # told already, as what is wrong with this one value
        return
    form, address = chosen.get("form"), address_of(host)
    if form == Form.CILIUM_SNI and (proxy.scheme == "http" or address):
        why = "Cilium lets pass by TLS server names, and what is said to this proxy has none."
    elif form == Form.PORTABLE and address and not address.is_global:
        why = "The policy lets pass to public addresses, and this is none."
    else:
        return
    also = chosen.get("also")
    ends = [end for end in also if isinstance(end, dict)] if isinstance(also, list) else []
    if any(end.get("port") == port and _may_hold(end.get("network"), address) for end in ends):
        return
    key = ("networkPolicy", "also")
    yield Problem(
        config_key(key),
        f"It does not name the HTTP proxy {host}:{port}, and form is {form}.",
        f"{why} Nothing would come online.",
        set_command(stack, key, [*ends, {"network": f"{address or '10.0.0.5'}/32", "port": port}]),
    )


def _may_hold(network: object, address: Any) -> bool:
    """Whether the proxy may be in the range; of a name it is not known where it leads."""
    try:
        return address is None or address in ip_network(str(network))
    except ValueError:
        return True  # told already


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
                remove=(),
            )
        return value
