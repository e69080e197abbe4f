"""What exposures and the recorder need of the tailnet policy, as plain data.

Owns their tags' owners, the approval of their routes, and one grant each: to one group, or to one tag, on named ports
only. Does not write anything: the policy slices do. Nothing here lives, so nothing dies.
"""

from __future__ import annotations

from typing import Any

from components.naming import Names
from components.settings.environment import EnvironmentSettings
from components.settings.expose import (
    AnyExposure,
    ConnectorExposure,
    CrossClusterExposure,
    EgressExposure,
    IngressExposure,
    Peer,
)
from components.settings.recorder import Local

HTTPS = "tcp:443"
RECORDING_PORT = "tcp:80"
"""Where a recorder takes sessions, and the API proxy dials it (documentation of kubectl session recording)."""


def tag_owners(names: Names, settings: EnvironmentSettings) -> dict[str, list[str]]:
    """Who may mint a device with each tag: the operator, but of a sidecar, whose key it never sees, the deployer."""
    owned = {
        names.tags.svc_tag(exposure.name): [names.tags.kube_tag if exposure.by_operator else settings.deployer]
        for exposure in settings.expose
    }
    return owned | ({names.tags.rec_tag: [names.tags.kube_tag]} if settings.recorder else {})


def approvers(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """Routes, and the exit node, that are approved as soon as a connector offers them: for its own tag alone."""
    connectors = [exposure for exposure in settings.expose if isinstance(exposure, ConnectorExposure)]
    routes = {route: [names.tags.svc_tag(one.name)] for one in connectors for route in one.routes}
    exits = [names.tags.svc_tag(one.name) for one in connectors if one.exit_node]
    return ({"routes": routes} if routes else {}) | ({"exitNode": exits} if exits else {})


def grants(names: Names, settings: EnvironmentSettings, api_tags: list[str]) -> list[dict[str, Any]]:
    """api_tags: of the API proxies, which send recordings."""
    return [
        *(grant for exposure in settings.expose for grant in of_exposure(names, exposure)),
        *_recording_grants(names, settings, api_tags),
    ]


def recording(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """What the Kubernetes capability of a grant says beside the groups: in the keys that the API proxy's code reads."""
    if settings.recorder is None:
        return {}
    events = {"enableEvents": True} if settings.recorder.events else {}
    return {"recorder": [names.tags.rec_tag], "enforceRecorder": True, **events}


def groups(settings: EnvironmentSettings) -> list[str]:
    """Every group that an exposure or the recorder names."""
    found = {exposure.source for exposure in settings.expose if not isinstance(exposure, _WITHOUT_PEOPLE)}
    if settings.recorder and isinstance(settings.recorder.storage, Local):
        found.add(settings.recorder.storage.viewers)
    return sorted(found)


_WITHOUT_PEOPLE = (CrossClusterExposure, EgressExposure)


def of_exposure(names: Names, exposure: AnyExposure) -> list[dict[str, Any]]:
    """The grants of one exposure: one, but for a connector that is an exit node too."""
    own = names.tags.svc_tag(exposure.name)
    match exposure:
        case CrossClusterExposure():
            return [{"src": [_of_peer(names, exposure.peer)], "dst": [own], "ip": _ports(exposure.ports)}]
        case EgressExposure():
            reached = _of_peer(names, exposure.peer) if exposure.peer else str(exposure.to)
            return [{"src": [own], "dst": [reached], "ip": _ports(exposure.ports)}]
        case ConnectorExposure():
            # A route is no node: `via` says through whom, and makes the grant the environment's own.
            ways = [list(exposure.routes)] if exposure.routes else []
            ways += [["autogroup:internet"]] if exposure.exit_node else []
            return [{"src": [exposure.source], "dst": way, "ip": _ports(exposure.ports), "via": [own]} for way in ways]
        case IngressExposure():
            return [{"src": [exposure.source], "dst": [own], "ip": [HTTPS]}]
        case _:
            return [{"src": [exposure.source], "dst": [own], "ip": _ports(exposure.ports)}]


def _recording_grants(names: Names, settings: EnvironmentSettings, api_tags: list[str]) -> list[dict[str, Any]]:
    if settings.recorder is None:
        return []
    to_it = {"src": api_tags, "dst": [names.tags.rec_tag], "ip": [RECORDING_PORT]}
    storage = settings.recorder.storage
    watching = (
        {"src": [storage.viewers], "dst": [names.tags.rec_tag], "ip": [HTTPS]} if isinstance(storage, Local) else {}
    )
    return [to_it, *([watching] if watching else [])]


def _of_peer(names: Names, peer: Peer) -> str:
    return Names(names.customer, peer.environment).tags.svc_tag(peer.exposure)


def _ports(ports: tuple[str, ...]) -> list[str]:
    """In one order: two stacks that declare one grant must write the same."""
    return sorted(ports)
