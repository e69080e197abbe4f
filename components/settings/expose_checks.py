"""Rules between exposures, and between them and other settings.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own what would make
one exposure take another's place. Do not own the form of one (expose.py), nor what only the cluster or the policy
knows: `check_backends` is asked by whoever has looked into the cluster.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from components.naming import Names
from components.settings.environment_checks import declared_names
from components.settings.expose import Exposure, IngressExposure, backends
from components.settings.problems import Problem, config_key, remove_command, set_command, shown, stack_file

API_SERVICE = ("default", "kubernetes")
"""Namespace and name of the Service that every cluster has in front of its API server."""
LABEL = 63
"""Characters that DNS gives to one part of a name."""

RESERVED = {"kube": "the operator itself", "rec": "the session recorder"}


class _Entry(NamedTuple):
    """What can be read of one exposure. number: its place in the list."""

    number: int
    kind: str
    name: str
    raw: Mapping[str, Any]


def check_exposures(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """No name, host name, annotated Service, made Service or network twice, and nothing that nobody could apply."""
    earlier: list[_Entry] = []
    names = declared_names(raw)
    taken = dict(_hostnames_elsewhere(raw, names))
    for entry in _entries(raw):
        yield from _alone(stack, entry, earlier, raw)
        hostname = _hostname(entry, names)
        if names and hostname and len(hostname) > LABEL and entry.raw.get("hostname") is None:
            yield Problem(
                config_key(("expose", entry.number, "hostname")),
                f"It is missing, and {hostname} has {len(hostname)} characters.",
                f"A name in the tailnet has at most {LABEL}: nothing would be exposed under a longer one.",
                set_command(stack, ("expose", entry.number, "hostname"), f"{names.customer}-{entry.name}"),
            )
        if hostname is not None and hostname in taken:
            yield Problem(
                config_key(("expose", entry.number, "hostname")),
                f"{shown(hostname)} is the host name of {taken[hostname]} too.",
                "Names are unique in a tailnet: whichever device comes second silently becomes -1, and what people dial"
                " is the other.",
                set_command(stack, ("expose", entry.number, "hostname"), f"{stack}-{entry.name}x"),
            )
        elif hostname is not None:
            taken[hostname] = f"exposure {shown(entry.name)}"
        for other in earlier:
            yield from _against(stack, entry, other)
        earlier.append(entry)


def hostnames(raw: Mapping[str, Any]) -> dict[str, int]:
    """Host names of a stack's exposures to their places in the list: no other stack may have one of them."""
    names = declared_names(raw)
    found = {_hostname(entry, names): entry.number for entry in _entries(raw)}
    return {hostname: number for hostname, number in found.items() if hostname is not None}


def check_backends(
    stack: str, expose: Sequence[Exposure], services: Mapping[tuple[str, str], Mapping[str, Any]]
) -> Iterator[Problem]:
    """Whether what is exposed is there, and has the ports.

    services: the Services of the cluster as it returns them, by namespace and name.
    """
    for number, exposure in enumerate(expose):
        for namespace, name, ports in backends([exposure]):
            key = "port" if isinstance(exposure, IngressExposure) else "ports"
            yield from _backend(stack, number, key, (namespace, name), ports, services)


def _backend(
    stack: str,
    number: int,
    key: str,
    place: tuple[str, str],
    ports: Iterable[str],
    services: Mapping[tuple[str, str], Mapping[str, Any]],
) -> Iterator[Problem]:
    (namespace, name), service = place, services.get(place)
    if service is None:
        beside = sorted(other for where, other in services if where == namespace)
        yield Problem(
            config_key(("expose", number, "service")),
            f"Namespace {shown(namespace)} has no Service {shown(name)}; it has {', '.join(beside[:8]) or 'none'}.",
            "Annotations on nothing expose nothing, and the API server refuses a Service without ports.",
            f"for example: {set_command(stack, ('expose', number, 'service'), beside[0])}"
            if beside
            else f"correct namespace or service in {stack_file(stack)}, or let the customer make the Service first",
        )
        return
    spec = service.get("spec") or {}
    if spec.get("clusterIP") in (None, "", "None"):
        yield Problem(
            config_key(("expose", number, "service")),
            f"Service {shown(f'{namespace}/{name}')} has no address of its own (it is headless, or an ExternalName).",
            "The operator refuses such a Service: its proxy would have nowhere to send what comes in.",
            f"name a Service with a cluster IP in front of the same pods in {stack_file(stack)}",
        )
        return
    has = [f"{port.get('protocol', 'TCP').lower()}:{port['port']}" for port in spec.get("ports") or []]
    for missing in [port for port in ports if port not in has]:
        yield Problem(
            config_key(("expose", number, key)),
            f"Service {shown(f'{namespace}/{name}')} has no port {missing}; it has {', '.join(has)}.",
            "The grant would open a port behind which nothing listens.",
            f"correct {key} in {stack_file(stack)}",
        )


def _entries(raw: Mapping[str, Any]) -> Iterator[_Entry]:
    expose = raw.get("expose")
    for number, entry in enumerate(expose if isinstance(expose, list) else []):
        if isinstance(entry, dict):
            kind, name = entry.get("kind"), entry.get("name")
            if isinstance(kind, str) and isinstance(name, str):
                yield _Entry(number, kind, name, entry)


def _hostname(entry: _Entry, names: Names | None) -> str | None:
    declared = entry.raw.get("hostname")
    if isinstance(declared, str):
        return declared
    return names.exposure_hostname(entry.name) if names else None


def _hostnames_elsewhere(raw: Mapping[str, Any], names: Names | None) -> Iterator[tuple[str, str]]:
    operator, recorder = raw.get("operator"), raw.get("recorder")
    declared = operator.get("hostname") if isinstance(operator, dict) else None
    if isinstance(declared, str) or names:
        yield declared if isinstance(declared, str) else names.hostname if names else "", "the operator"
    if isinstance(recorder, dict):
        called = recorder.get("hostname")
        if isinstance(called, str) or names:
            name = called if isinstance(called, str) else names.recorder if names else ""
            yield f"{name}-0", "the session recorder"


def _alone(stack: str, entry: _Entry, earlier: list[_Entry], raw: Mapping[str, Any]) -> Iterator[Problem]:
    key = ("expose", entry.number, "name")
    if entry.name in RESERVED:
        yield Problem(
            config_key(key),
            f"{shown(entry.name)} is what {RESERVED[entry.name]} is called.",
            "Two devices would want one name, and whichever comes second silently becomes another.",
            set_command(stack, key, f"{entry.name}x"),
        )
    if any(other.name == entry.name for other in earlier):
        yield Problem(
            config_key(key),
            f"An earlier exposure is called {shown(entry.name)} too.",
            "The name makes the tag: two with one tag would each be open to the other's group.",
            set_command(stack, key, f"{entry.name[:14]}2"),
        )
    if _service(entry) == API_SERVICE:
        yield Problem(
            config_key(("expose", entry.number, "service")),
            f"{'/'.join(API_SERVICE)} is the API server itself.",
            "Behind it nobody is bounded by access, impersonated or recorded: any credential of the cluster would be"
            " good from the tailnet.",
            f"say in access who reaches the API, and {remove_command(stack, ('expose', entry.number))}",
        )
    if entry.kind == "sidecar" and not isinstance(raw.get("cluster"), dict):
        yield Problem(
            config_key(("expose", entry.number, "kind")),
            "It is sidecar, and the customer installs.",
            "The sidecar's key would have to travel by hand: a key that lets devices in, over and over.",
            f"{remove_command(stack, ('expose', entry.number))}\nor let the stack install: cluster says where",
        )
    if entry.kind == "connector" and not entry.raw.get("routes") and not entry.raw.get("exitNode"):
        yield Problem(
            config_key(("expose", entry.number, "routes")),
            "It is missing.",
            "A connector without a network leads nowhere, and the cluster refuses one.",
            set_command(stack, ("expose", entry.number, "routes"), ["10.20.0.0/24"]),
        )


def _against(stack: str, entry: _Entry, other: _Entry) -> Iterator[Problem]:
    mine, theirs = (_service(each) for each in (entry, other))
    annotated = ("service", "cross-cluster")
    if mine and mine == theirs and entry.kind in annotated and other.kind in annotated:
        yield Problem(
            config_key(("expose", entry.number, "service")),
            f"Exposure {shown(other.name)} is of Service {shown('/'.join(mine))} too.",
            "A Service has one set of annotations, so one proxy and one tag: the second exposure would replace the"
            " first.",
            f"add the ports to {other.name}, or name another Service in front of the same pods:"
            f" {remove_command(stack, ('expose', entry.number))}",
        )
    elif mine and mine == theirs and "egress" in (entry.kind, other.kind):
        yield Problem(
            config_key(("expose", entry.number, "service")),
            f"Exposure {shown(other.name)} has Service {shown('/'.join(mine))} too.",
            "An egress makes a Service of its own, which must not be one that another exposure needs.",
            set_command(stack, ("expose", entry.number, "service"), f"{mine[1]}-{entry.name}"),
        )
    for route in _networks(entry):
        for crossing in (one for one in _networks(other) if one.version == route.version and one.overlaps(route)):
            yield Problem(
                config_key(("expose", entry.number, "routes")),
                f"{route} and {crossing} of exposure {shown(other.name)} overlap.",
                "Both connectors would be approved for it, and each grant would lead through whichever answers.",
                f"keep the network in one of them: {remove_command(stack, ('expose', entry.number))}",
            )


def _service(entry: _Entry) -> tuple[str, str] | None:
    namespace, service = entry.raw.get("namespace"), entry.raw.get("service")
    return (namespace, service) if isinstance(namespace, str) and isinstance(service, str) else None


def _networks(entry: _Entry) -> list[Any]:
    routes = entry.raw.get("routes")
    found = []
    for route in routes if isinstance(routes, list) else []:
        try:
            found.append(ipaddress.ip_network(route) if isinstance(route, str) else None)
        except ValueError:
            continue
    return [route for route in found if route is not None and route.prefixlen]
