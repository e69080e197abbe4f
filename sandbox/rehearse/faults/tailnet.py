"""Faults at Tailscale: what people did by hand, what comes back, and an API that does not answer well."""

from __future__ import annotations

import base64
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import httpx

from sandbox.rehearse.means import Documented
from sandbox.rehearse.stage import CUT, Stage

ANCHOR = "\t\t// CI talks to its cache; agreed with the platform team, do not touch.\n"
"""A line of sandbox/tailnet.hujson: before it people add grants of their own."""
EDITS = 20
EDIT_SECONDS = 0.15
RETURN_SECONDS = 0.1
ERRORS = (
    {"path": "/oauth/token$", "kind": "status", "status": 500, "count": 1},
    {"method": "GET", "path": "/acl$", "kind": "status", "status": 429, "retryAfter": 1, "count": 1},
    {"method": "POST", "path": "/acl$", "kind": "reset", "when": "after", "count": 1},
    {"method": "GET", "path": "/keys$", "kind": "status", "status": 500, "count": 1},
    {"method": "DELETE", "path": "/keys/", "kind": "reset", "when": "before", "count": 1},
    {"method": "GET", "path": "/devices$", "kind": "status", "status": 429, "retryAfter": 1, "count": 1},
    {"method": "DELETE", "path": "/device/", "kind": "status", "status": 500, "count": 1},
)


@contextmanager
def client_deleted(stage: Stage, _documented: Documented) -> Iterator[None]:
    """Somebody revoked the operator's credential in the admin console."""
    for key in stage.standing().credentials:
        stage.http.delete(f"/api/v2/tailnet/-/keys/{key}").raise_for_status()
    yield


@contextmanager
def device_deleted(stage: Stage, _documented: Documented) -> Iterator[None]:
    """Somebody removed the operator's device in the admin console."""
    for device in stage.api.devices(f"tag:kube-{CUT}"):
        stage.http.delete(f"/api/v2/device/{device['nodeId']}").raise_for_status()
    yield


@contextmanager
def device_returns(stage: Stage, _documented: Documented) -> Iterator[None]:
    """Whenever its device is gone the operator's credential brings it back, as an operator does that restarts."""
    [secret] = [
        row
        for row in stage.cluster.get("secrets", "-n", "tailscale")
        if row["metadata"]["name"].startswith("operator-oauth-")
    ]
    client_id, client_secret = (
        base64.b64decode(secret["data"][name]).decode() for name in ("client_id", "client_secret")
    )
    tags = [f"tag:k8s-operator-{CUT.rpartition('-')[0]}", f"tag:kube-{CUT}"]
    came: list[str] = []

    def come_back() -> None:
        if stage.standing().devices:
            return
        with httpx.Client(base_url=str(stage.http.base_url)) as http:
            token = http.post("/api/v2/oauth/token", auth=(client_id, client_secret))
            if not token.is_success:
                return
            body = {"capabilities": {"devices": {"create": {"preauthorized": True, "tags": tags}}}}
            bearer = {"Authorization": f"Bearer {token.json()['access_token']}"}
            key = http.post("/api/v2/tailnet/-/keys", json=body, headers=bearer)
            if not key.is_success:
                return
            node = {"authKey": key.json()["key"], "hostname": f"{CUT}-kube", "clientVersion": "1.96.5", "os": "linux"}
            device = http.post("/sandbox/register", json=node)
            if device.is_success:
                http.post("/sandbox/poll", json={"nodeKey": device.json()["nodeKey"], "online": True})
                came.append(device.json()["name"])

    with _over_and_over(come_back, RETURN_SECONDS):
        yield


@contextmanager
def policy_edited(stage: Stage, _documented: Documented) -> Iterator[None]:
    """A person let another group into the environment, and goes on saving the document while it is cut."""
    theirs = f'\t\t{{"src": ["group:platform"], "dst": ["tag:kube-{CUT}"], "ip": ["tcp:443"]}}, // asked for by lin\n'
    _edit(stage, theirs)
    number = 0

    def edit() -> None:
        nonlocal number
        if number < EDITS:
            number += 1
            lines = (
                f"\t\t// agreed with ci, number {number}",
                f'\t\t{{"src": ["tag:ci"], "dst": ["tag:ci"], "ip": ["tcp:{7000 + number}"]}},',
            )
            if _edit(stage, "".join(f"{line}\n" for line in lines)):
                stage.edits += lines

    with _over_and_over(edit, EDIT_SECONDS):
        yield


@contextmanager
def api_errors(stage: Stage, _documented: Documented) -> Iterator[None]:
    """Each kind of call fails once: rate limit, server error, connection lost before and after it took effect."""
    stage.faults(*ERRORS)
    try:
        yield
    finally:
        stage.faults()


@contextmanager
def deployer_rotated(stage: Stage, _documented: Documented) -> Iterator[None]:
    """The OAuth client that `up` ran with is revoked; runs from here on have a new one. It stays so."""
    old = stage.tailnet()["keys"][stage.env["TAILSCALE_OAUTH_CLIENT_ID"]]
    body = {"keyType": "client", "scopes": old["scopes"], "tags": old["tags"], "description": old["description"]}
    new = stage.http.post("/api/v2/tailnet/-/keys", json=body).raise_for_status().json()
    stage.http.delete(f"/api/v2/tailnet/-/keys/{old['id']}").raise_for_status()
    stage.env |= {"TAILSCALE_OAUTH_CLIENT_ID": new["id"], "TAILSCALE_OAUTH_CLIENT_SECRET": new["key"]}
    yield


def _edit(stage: Stage, lines: str) -> bool:
    """A person saves the document with these lines more; False when somebody else was faster."""
    read = stage.http.get("/api/v2/tailnet/-/acl", headers={"Accept": "application/hujson"}).raise_for_status()
    text = read.text.replace(ANCHOR, lines + ANCHOR)
    saved = stage.http.post(
        "/api/v2/tailnet/-/acl",
        content=text,
        headers={"Content-Type": "application/hujson", "If-Match": read.headers["ETag"]},
    )
    return saved.is_success


@contextmanager
def _over_and_over(work: Callable[[], None], seconds: float) -> Iterator[None]:
    over = threading.Event()
    failures: list[Exception] = []

    def loop() -> None:
        try:
            while not over.wait(seconds):
                work()
        except Exception as error:  # told below: else a fault that ended early would make a cell look good
            failures.append(error)

    thread = threading.Thread(target=loop, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
    if failures:
        raise failures[0]
