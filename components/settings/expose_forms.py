"""Forms of single values of an exposure, each with the reason why another is refused. Pure."""

from __future__ import annotations

import ipaddress
import re

from components.naming import NAMESPACE, PROGRAM_TAGS, TAG_PREFIXES
from components.settings import forms
from components.settings.problems import refuse, shown
from providers.tailnet.tags import environment_problem

KUBERNETES_OWN = ("kube-system", "kube-public", "kube-node-lease")
TAILNET = tuple(map(ipaddress.ip_network, ("100.64.0.0/10", "fd7a:115c:a1e0::/48")))
"""What Tailscale gives to nodes: a route there would take traffic that is meant for them."""

WIDEST = {4: 8, 6: 32}
"""The shortest prefix of a network that can be one customer's, by IP version: 10.0.0.0/8 is the widest private one."""

EXIT = (
    "Such a route makes an exit node of the connector: the internet through the customer's network. That takes"
    " exitNode, with a reason."
)
NO_ROUTES = tuple(map(ipaddress.ip_network, ("127.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "::1/128", "fe80::/10")))
IN_IPV6 = tuple(map(ipaddress.ip_network, ("::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48")))
"""IPv4 addresses in those of IPv6: mapped, and by NAT64."""
METADATA = tuple(map(ipaddress.ip_network, ("168.63.129.16/32", "fd00:ec2::254/128", "fd20:ce::254/128")))
"""Where clouds answer their machines beside 169.254.169.254: in Azure, AWS and Google Cloud."""


def exposure(slug: str) -> str:
    problem = environment_problem(slug, "exposure")
    if problem:
        near = re.sub(r"[^a-z0-9]", "", slug.lower()).lstrip("0123456789")[:16]
        raise refuse(f"{problem[0].upper()}{problem[1:]}.", example=near or None)
    return slug


environment = forms.environment


def group(name: str) -> str:
    """A group of the tailnet policy: who leaves it is out of everything that it opens."""
    if not name.startswith("group:"):
        raise refuse(f"{shown(name)} is not a group: group: and a name.")
    return forms.source(name)


def namespace(name: str) -> str:
    forms.namespace(name)
    if name == NAMESPACE or name in KUBERNETES_OWN:
        raise refuse(
            f"{shown(name)} is no namespace of a customer's workloads.",
            why="What runs the cluster, or the operator itself, is reached through the API and its roles alone.",
        )
    return name


def service_name(name: str) -> str:
    if not re.fullmatch(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?", name):
        raise refuse(f"{shown(name)} is not a Service's name: lower-case letters, digits and hyphens, a letter first.")
    return name


def ports(values: object) -> tuple[str, ...]:
    """`5432` or `"tcp:5432"` or `"udp:53"`, in one spelling: `("tcp:5432", "udp:53")`."""
    if not isinstance(values, list | tuple):
        raise refuse(f"{shown(values)} is not a list of ports.")
    found = []
    for value in values:
        text = f"tcp:{value}" if isinstance(value, int) and not isinstance(value, bool) else str(value)
        match = re.fullmatch(r"(tcp|udp):([1-9][0-9]{0,4})", text)
        if not match or int(match[2]) > 65535:
            raise refuse(f"{shown(value)} is not one port: a number, or udp:NUMBER.")
        found.append(text)
    return forms.distinct(tuple(found))


def tailnet_name(name: str) -> str:
    """A MagicDNS name, as the operator checks it: three labels or more, the last `ts.net`."""
    label = r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?"
    if not re.fullmatch(rf"{label}\.{label}(\.{label})*\.ts\.net", name):
        raise refuse(f"{shown(name)} is not a node's full name in a tailnet: NODE.TAILNET.ts.net.")
    return name


def destination(tag: str) -> str:
    """A tag of the vendor's own machines."""
    if not re.fullmatch(r"tag:[a-zA-Z][a-zA-Z0-9-]*", tag):
        raise refuse(
            f"{shown(tag)} is not a tag: tag:, a letter, then letters, digits and hyphens.",
            why="People's devices are reached from no customer's cluster; only tagged machines are.",
        )
    if tag.lower().startswith((*TAG_PREFIXES, *PROGRAM_TAGS)):
        raise refuse(
            f"{shown(tag)} has the form of a customer's tag, or is one of this program.",
            why="One customer's workloads must never reach another's; another environment of this customer is named as"
            " environment and exposure.",
        )
    return tag


def routes(values: object) -> tuple[str, ...]:
    """Networks in canonical form, none of them the internet or a good part of it, the tailnet, or inside another."""
    if not isinstance(values, list | tuple):
        raise refuse(f"{shown(values)} is not a list of networks.")
    found: list[ipaddress.IPv4Network | ipaddress.IPv6Network] = []
    for value in values:
        found.append(_route(value))
    for index, network in enumerate(found):
        for other in found[:index]:
            if other.overlaps(network):
                raise refuse(
                    f"{network} and {other} overlap.", why="Who removes one would think that the way there is shut."
                )
    for version, prefix in WIDEST.items():
        own = [network for network in found if network.version == version]
        # Twice the widest: all private networks of IPv4 together are a little more than that one.
        if own and sum(network.num_addresses for network in own) > 2 << (own[0].max_prefixlen - prefix):
            raise refuse(f"Together its {len(own)} networks are wider than those of one customer.", why=EXIT)
    return tuple(map(str, found))


def no_funnel(funnel: bool) -> bool:
    if funnel:
        raise refuse(
            "It is true.",
            why="Funnel makes a Service public on the internet: nothing here is ever reached but by a named group.",
            example=False,
        )
    return funnel


def _route(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        network = ipaddress.ip_network(value) if isinstance(value, str) else None
    except ValueError:
        network = None
    if network is None:
        raise refuse(f"{shown(value)} is not a network like 10.20.0.0/24, without host bits.")
    if network.prefixlen < WIDEST[network.version]:
        wide = "everything" if network.prefixlen == 0 else "wider than any network of one customer"
        raise refuse(
            f"{shown(value)} is {wide}.",
            why=EXIT,
            example=["10.20.0.0/24"],
        )
    astray = "Traffic that is meant for others would be led astray."
    for taken, what, why in (
        (TAILNET, "the tailnet's own addresses", astray),
        (NO_ROUTES, "addresses that no router forwards", astray),
        (IN_IPV6, "addresses of IPv4", "All of IPv4 has room there, with what a route of IPv4 may not lead to."),
        (METADATA, "where a cloud tells a node its credentials", "Whoever gets in would be the node to the cloud."),
    ):
        if any(network.version == other.version and network.overlaps(other) for other in taken):
            raise refuse(f"{shown(value)} holds {what}.", why=why)
    return network
