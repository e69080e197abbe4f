"""What the pods of the operator's namespace reach, as a network policy in one of two forms.

Owns both forms and the addresses that are nobody's public ones. Only ever narrows, and only this namespace: nothing in
another one is selected. Says nothing about who reaches the pods. Does not own where the API server answers or what is
behind an exposed Service: it is told. Enforced only where the cluster's network enforces policies.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Any, Final

from components.egress.destinations import By, Destination, Spelling, spelled
from components.endpoints.published import HTTPS
from components.manifests import Manifest
from components.naming import NAMESPACE, NETWORK_POLICY
from components.settings.environment import EnvironmentSettings
from components.settings.expose import ConnectorExposure
from components.settings.network_policy import Form

NODE_LOCAL_DNS: Final = ("169.254.20.10/32", "169.254.169.254/32", "169.254.10.10/32", "169.254.10.11/32")
"""Where the node answers (NodeLocal DNSCache, Cloud DNS for GKE, LocalDNS of AKS): no pod selector ever matches it."""

NOT_PUBLIC_V4: Final = (
    "0.0.0.0/8",
    "10.0.0.0/8",
    "100.64.0.0/10",
    "127.0.0.0/8",
    "168.63.129.16/32",  # Azure's own services
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.0.0.0/24",
    "192.0.2.0/24",
    "192.168.0.0/16",
    "198.18.0.0/15",
    "198.51.100.0/24",
    "203.0.113.0/24",
    "224.0.0.0/3",
)
"""Private, shared and link-local networks, multicast, and what is reserved (IANA's special-purpose registry): clouds
give reserved ones to pods and nodes."""

PUBLIC_V6: Final = "2000::/3"
"""Global unicast: all that is assigned to anybody."""

NAT64: Final = ip_network("64:ff9b::/96")
"""IPv4 behind a gateway's other name, the private networks too."""
_DNS = ({"protocol": "UDP", "port": 53}, {"protocol": "TCP", "port": 53})


@dataclass(frozen=True, kw_only=True, slots=True)
class Backend:
    """Pods behind an exposed Service: its namespace and selector; ports: protocol in capitals and the pods' own port,
    by number or name."""

    namespace: str
    selector: Mapping[str, str]
    ports: tuple[tuple[str, int | str], ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Reach:
    """What is let through. needs: the allowlist of the declared features. api_server: its addresses, as ranges, and
    ports. ends: ranges besides, each with its port and its protocol in capitals. backends: pods behind the exposed
    Services."""

    needs: tuple[Destination, ...]
    api_server: Sequence[tuple[str, int]] = ()
    ends: Sequence[tuple[str, int, str]] = ()
    backends: Sequence[Backend] = ()


def network_policy(
    settings: EnvironmentSettings,
    *,
    needs: tuple[Destination, ...],
    api_server: Sequence[tuple[str, int]] = (),
    backends: Sequence[Backend] = (),
) -> Manifest:
    """The policy of the form that the settings choose; not for form off.

    api_server: addresses and ports as the cluster says them, for settings that do not; never both, never more. Raises
    ValueError where neither says.
    """
    chosen = settings.network_policy
    if chosen.api_server is not None:
        answers = [(network, port) for network in chosen.api_server.networks for port in chosen.api_server.ports]
    else:
        answers = [(str(ip_network(address)), port) for address, port in api_server]
    ends = [(end.network, end.port, "TCP") for end in chosen.also]
    ends += [
        (network, row.port or HTTPS, row.protocol.upper())
        for row in unnamed_relays(settings, needs)
        for network in row.ranges
    ]
    for exposure in settings.expose:
        if isinstance(exposure, ConnectorExposure):
            ports = [port.split(":") for port in exposure.ports]
            ends += [(route, int(port), protocol.upper()) for route in exposure.routes for protocol, port in ports]
    reach = Reach(needs=needs, api_server=answers, ends=ends, backends=backends)
    return (cilium_sni if chosen.form is Form.CILIUM_SNI else portable)(reach, settings.names.labels)


def unnamed_relays(settings: EnvironmentSettings, needs: Iterable[Destination]) -> list[Destination]:
    """Relays of the tailnet's own that the policy opens by address, or not at all where they have none: by UDP, and in
    the portable form on any port but 443."""
    by_name = settings.network_policy.form is Form.CILIUM_SNI
    return [row for row in needs if row.own_relay and (row.protocol == "udp" or not (by_name or row.port == HTTPS))]


def portable(reach: Reach, labels: Mapping[str, str]) -> Manifest:
    """A NetworkPolicy. It knows addresses, not names: TCP to every public one, on the ports that are needed.

    Raises ValueError without an API server: such a policy would cut the operator off.
    """
    if not reach.api_server:
        raise ValueError(
            "The network policy needs the API server's addresses, and the cluster did not say them. Set them:"
            " support-access:networkPolicy.apiServer.networks."
        )
    kube_dns = _pods({"kubernetes.io/metadata.name": "kube-system"}, {"k8s-app": "kube-dns"})
    public = [
        {"ipBlock": {"cidr": "0.0.0.0/0", "except": list(NOT_PUBLIC_V4)}},
        {"ipBlock": {"cidr": PUBLIC_V6}},
        {"ipBlock": {"cidr": str(NAT64), "except": [_behind_nat64(each) for each in NOT_PUBLIC_V4]}},
    ]
    rules = [
        {"to": [kube_dns, *_blocks(NODE_LOCAL_DNS)], "ports": list(_DNS)},
        {"to": [{"podSelector": {}}]},
        {"to": public, "ports": _public_ports(reach.needs)},
        *({"to": _blocks(ranges), "ports": [port]} for port, ranges in _by_port(_named(reach))),
        *(
            {
                "to": [_pods({"kubernetes.io/metadata.name": each.namespace}, each.selector)],
                "ports": [{"protocol": protocol, "port": port} for protocol, port in each.ports],
            }
            for each in reach.backends
        ),
    ]
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": {"name": NETWORK_POLICY, "namespace": NAMESPACE, "labels": dict(labels)},
        "spec": {"podSelector": {}, "policyTypes": ["Egress"], "egress": rules},
    }


def cilium_sni(reach: Reach, labels: Mapping[str, str]) -> Manifest:
    """A CiliumNetworkPolicy, by the TLS server name (Cilium 1.18 and later: a leading wildcard).

    Not by DNS: relays are dialled by address, without a question that Cilium could have seen.
    """
    names: dict[int, list[str]] = {}
    for host, port in spelled([row for row in reach.needs if row.by is By.POD], Spelling.WILDCARD):
        names.setdefault(port, []).append(host)
    udp = [port for port in _public_ports(reach.needs) if port["protocol"] == "UDP"]
    world = [{"ports": [_cilium("TCP", port)], "serverNames": sorted(hosts)} for port, hosts in sorted(names.items())]
    dns = [{"ports": [_cilium("UDP", 53), _cilium("TCP", 53)]}]
    # A cache on the node is a pod to Cilium where it redirects to it, else an address of the host or of the cloud.
    kube_dns = [
        {"matchLabels": {"k8s:io.kubernetes.pod.namespace": "kube-system", "k8s-app": app}}
        for app in ("kube-dns", "node-local-dns")
    ]
    rules = [
        {"toEndpoints": kube_dns, "toPorts": dns},
        {"toEntities": ["host"], "toPorts": dns},
        {"toCIDR": list(NODE_LOCAL_DNS), "toPorts": dns},
        {"toEntities": ["kube-apiserver"]},
        {"toEndpoints": [{}]},  # the same namespace, by Cilium's own rule
        {"toEntities": ["world"], "toPorts": world},
        *({"toEntities": ["world"], "toPorts": [{"ports": [_cilium("UDP", port.get("port"))]}]} for port in udp),
        *({"toCIDR": ranges, "toPorts": [{"ports": [_cilium(**port)]}]} for port, ranges in _by_port(reach.ends)),
        *(
            {
                "toEndpoints": [{"matchLabels": {"k8s:io.kubernetes.pod.namespace": each.namespace, **each.selector}}],
                "toPorts": [{"ports": [_cilium(protocol, port) for protocol, port in each.ports]}],
            }
            for each in reach.backends
        ),
    ]
    return {
        "apiVersion": "cilium.io/v2",
        "kind": "CiliumNetworkPolicy",
        "metadata": {"name": NETWORK_POLICY, "namespace": NAMESPACE, "labels": dict(labels)},
        "spec": {"endpointSelector": {}, "egress": rules},
    }


def _public_ports(needs: Iterable[Destination]) -> list[dict[str, Any]]:
    """Each once. A port of None is any, which a policy says by leaving it out. The port of a relay that the policy
    document names is not opened to every public address: that document is the whole tailnet's."""
    needed = [row for row in needs if row.by is By.POD and not row.own_relay]
    found = {(row.protocol.upper(), row.port) for row in needed} | {("TCP", HTTPS)}
    if ("UDP", None) in found:
        found = {(protocol, port) for protocol, port in found if protocol != "UDP" or port is None}
    return [
        {"protocol": protocol} | ({"port": port} if port is not None else {})
        for protocol, port in sorted(found, key=lambda each: (each[0], each[1] or 0))
    ]


def _named(reach: Reach) -> list[tuple[str, int, str]]:
    """Every end that is no public one: the API server's too, which Cilium knows by itself."""
    return [*((network, port, "TCP") for network, port in reach.api_server), *reach.ends]


def _by_port(ends: Iterable[tuple[str, int, str]]) -> list[tuple[dict[str, Any], list[str]]]:
    ports: dict[tuple[str, int], set[str]] = {}
    for network, port, protocol in ends:
        ports.setdefault((protocol, port), set()).add(network)
    return [
        ({"protocol": protocol, "port": port}, sorted(ranges)) for (protocol, port), ranges in sorted(ports.items())
    ]


def _behind_nat64(network: str) -> str:
    inner = ip_network(network)
    return f"{NAT64[int(inner.network_address)]}/{NAT64.prefixlen + inner.prefixlen}"


def _pods(namespace: Mapping[str, str], pods: Mapping[str, str]) -> dict[str, Any]:
    return {"namespaceSelector": {"matchLabels": dict(namespace)}, "podSelector": {"matchLabels": dict(pods)}}


def _blocks(ranges: Iterable[str]) -> list[dict[str, Any]]:
    return [{"ipBlock": {"cidr": each}} for each in ranges]


def _cilium(protocol: str, port: int | str | None) -> dict[str, Any]:
    """Any port is a range to Cilium (1.16 and later)."""
    return {"port": str(port or 1), "protocol": protocol} | ({} if port else {"endPort": 65535})
