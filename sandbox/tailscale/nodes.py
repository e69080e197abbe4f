"""The nodes' side: a machine registers with an auth key and says whether it is connected.

Owns what a control connection would do, as two calls of the sandbox (the real protocol is not public). An auth key
lets in under the real rules; a taken host name gets -1, -2 ...; a deleted node must register again.
"""

from __future__ import annotations

import ipaddress
import re
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from sandbox.tailscale.bodies import flag, json_object, strings, text
from sandbox.tailscale.devices import KEY_LIFE, name_taken, show
from sandbox.tailscale.errors import ApiError, not_found
from sandbox.tailscale.keys import by_secret
from sandbox.tailscale.policy import document as documents
from sandbox.tailscale.state import State, fingerprint, new_secret

FIRST_IPV4 = ipaddress.IPv4Address("100.64.0.0")
FIRST_IPV6 = ipaddress.IPv6Address("fd7a:115c:a1e0::")


async def register(request: Request, state: State) -> Response:
    """{"authKey", "hostname", "clientVersion", "os", "routes"?} -> nodeId, nodeKey, name, addresses, tags."""
    body = await json_object(request)
    key = _usable_key(state, text(body, "authKey"))
    hostname = text(body, "hostname")
    if not re.search(r"[a-z0-9]", hostname.lower()):
        raise ApiError(400, "hostname must have a letter or a digit")
    device, node_key = _new_device(state, key, hostname, body)
    key["used"] = not key["reusable"]
    state.data["devices"][device["nodeId"]] = device
    state.record("CREATE", "NODE", device["nodeId"], key["id"], device["name"])
    answer = {name: device[name] for name in ("nodeId", "name", "addresses", "tags")}
    return JSONResponse(answer | {"nodeKey": node_key})


async def poll(request: Request, state: State) -> Response:
    """{"nodeKey", "online", "clientVersion"?, "blocksIncomingConnections"?} -> the device; 404 when it was deleted.

    The node's key is its credential. A node whose key has expired does not come online again. One that is not approved
    or not signed does: it is connected to control, and no other node may connect to it.
    """
    body = await json_object(request)
    mark, now = fingerprint(text(body, "nodeKey")), state.clock.now()
    device = next((each for each in state.data["devices"].values() if each["nodeKeyHash"] == mark), None)
    if device is None:
        raise not_found("node")
    expired = device["expired"] or (not device["keyExpiryDisabled"] and now >= device["expiresAt"])
    blocks = flag(body, "blocksIncomingConnections", default=device["blocksIncomingConnections"])
    device.update(online=flag(body, "online") and not expired, lastSeenAt=now, blocksIncomingConnections=blocks)
    device["clientVersion"] = text(body, "clientVersion") or device["clientVersion"]
    return JSONResponse(show(device))


def _usable_key(state: State, secret: str) -> dict[str, Any]:
    key = by_secret(state, secret, "auth")
    if key is None or key["revoked"]:
        raise ApiError(400, "invalid key: API key does not exist")
    if state.clock.now() >= key["expires"]:
        raise ApiError(400, "invalid key: API key expired")
    if key["used"]:
        raise ApiError(400, "invalid key: API key already used")
    return key


def _new_device(state: State, key: dict[str, Any], hostname: str, body: dict[str, Any]) -> tuple[dict[str, Any], str]:
    number, now = state.count("device"), state.clock.now()
    node_key, tagged = f"nodekey:{new_secret()}{new_secret()}", bool(key["tags"])
    routes = _routes(body)
    device = {
        "id": str(1_000_000 + number),
        "nodeId": f"n{number:06d}CNTRL",
        "name": _free_name(state, hostname),
        "hostname": hostname,
        "addresses": [str(FIRST_IPV4 + number), str(FIRST_IPV6 + number)],
        "user": key["user"] or "tagged-devices",
        "tags": key["tags"],
        "authorized": key["preauthorized"] or not state.data["settings"].get("devicesApprovalOn", False),
        "clientVersion": text(body, "clientVersion"),
        "updateAvailable": False,
        "os": text(body, "os"),
        "keyExpiryDisabled": tagged,
        "isExternal": False,
        "isEphemeral": key["ephemeral"],
        "machineKey": f"mkey:{fingerprint(node_key + 'machine')}",
        "nodeKey": f"nodekey:{fingerprint(node_key)}",  # the public half, as the API shows it
        "blocksIncomingConnections": False,
        "tailnetLockError": "",  # while tailnet lock is on and the node's key is not signed
        "tailnetLockKey": f"nlpub:{fingerprint(node_key + 'lock')}",  # every node has one, with or without the lock
        "advertisedRoutes": routes,
        "enabledRoutes": [route for route in routes if _approved(state, route, key["tags"])],
        "clientConnectivity": None,
        "sshEnabled": False,
        "distro": None,
        # Kept by the sandbox, not shown.
        "createdAt": now,
        "expiresAt": now + KEY_LIFE,
        "expired": False,
        "online": False,
        "lastSeenAt": now,
        "nodeKeyHash": fingerprint(node_key),
        "attributes": {},
    }
    return device, node_key


def _routes(body: dict[str, Any]) -> list[str]:
    try:
        return [str(ipaddress.ip_network(route)) for route in strings(body, "routes")]
    except ValueError as error:
        raise ApiError(400, f"invalid route: {error}") from error


def _free_name(state: State, hostname: str) -> str:
    """`hostname` as a DNS label in the tailnet, with -1, -2 ... when somebody has it, online or not."""
    label = re.sub(r"[^a-z0-9]+", "-", hostname.lower()).strip("-")[:63]
    name, number = label, 0
    while name_taken(state, full := f"{name}.{state.data['dnsSuffix']}"):
        number += 1
        name = f"{label}-{number}"
    return full


def _approved(state: State, route: str, tags: list[str]) -> bool:
    """Do autoApprovers accept `route` from a node with `tags`? A wider approved prefix covers narrower routes."""
    approvers = documents.parse(state.data["policy"]).auto_approvers
    wanted = ipaddress.ip_network(route)
    if wanted.prefixlen == 0:
        return bool(set(approvers.get("exitNode", [])) & set(tags))
    for prefix, names in approvers.get("routes", {}).items():
        network = ipaddress.ip_network(prefix, strict=False)
        if network.version == wanted.version and wanted.subnet_of(network) and set(names) & set(tags):  # type: ignore[arg-type]
            return True
    return False
