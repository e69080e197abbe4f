"""The tailnet's whole state: one dictionary of plain values, so that it can be written to a file and read back.

Owns the dictionary, its file, its clock and its counters. What the values mean belongs to the module of each noun
(policy_file, keys, devices ...). It lives as long as the server; with a path it outlives it: the file is replaced
whole after every change, mode 0600. Secrets are kept as hashes only.
"""

from __future__ import annotations

import hashlib
import ipaddress
import json
import os
import random
import secrets
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from sandbox.tailscale.clock import Clock, stamp
from sandbox.tailscale.policy.tailnet import Node, Tailnet

DEFAULT_USERS = {"admin@highflame.example": "owner"}

# The document of a tailnet that nobody has edited: everybody reaches everything.
DEFAULT_POLICY = """{
	// Allow all connections.
	// Comment this section out if you want to define specific restrictions.
	"grants": [
		{"src": ["*"], "dst": ["*"], "ip": ["*"]},
	],
	"ssh": [
		// Users may SSH into their own devices, with a check.
		{
			"action": "check",
			"src":    ["autogroup:member"],
			"dst":    ["autogroup:self"],
			"users":  ["autogroup:nonroot", "root"],
		},
	],
}
"""


class State:
    """`path`: file to survive a restart in, or None. `clock`: returns seconds since 1970."""

    def __init__(self, path: Path | None = None, clock: Callable[[], float] = time.time) -> None:
        self._path = path
        self.data: dict[str, Any] = _fresh()
        if path is not None and path.exists():
            self.data = json.loads(path.read_text(encoding="utf-8"))
        self.clock = Clock(clock, self.data["clockOffset"])
        self.random = random.Random(1)  # noqa: S311 - decides which call a fault hits, and is repeatable
        # Not written to the file: they belong to a run, not to the tailnet.
        self.faults: list[dict[str, Any]] = []
        self.calls: list[dict[str, Any]] = []

    def count(self, kind: str) -> int:
        """1, 2, 3 ... for each kind, never the same twice."""
        self.data["counters"][kind] = self.data["counters"].get(kind, 0) + 1
        return self.data["counters"][kind]

    def record(self, action: str, kind: str, target: str, actor: str, detail: str = "") -> None:
        """Add an event to the configuration audit log."""
        self.data["audit"].append(
            {
                "eventTime": stamp(self.clock.now()),
                "type": "CONFIG",
                "origin": "CONFIG_API",
                "action": action,
                "target": {"type": kind, "id": target},
                "actor": {"id": actor},
                "actionDetails": detail,
            }
        )

    def tailnet(self) -> Tailnet:
        """Who is there now, for the judgement of a policy."""
        nodes = tuple(
            Node(
                name=device["name"],
                user="" if device["tags"] else device["user"],
                tags=tuple(device["tags"]),
                addresses=tuple(ipaddress.ip_address(text) for text in device["addresses"]),
                routes=tuple(device["enabledRoutes"]),
            )
            for device in self.data["devices"].values()
        )
        return Tailnet(dict(self.data["users"]), nodes)

    def save(self) -> None:
        """Write the file, if there is one: whole and at once, readable by its owner only."""
        if self._path is None:
            return
        self.data["clockOffset"] = self.clock.offset
        self._path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=self._path.parent, prefix=self._path.name)  # mkstemp makes 0600
        with os.fdopen(handle, "w", encoding="utf-8") as file:
            json.dump(self.data, file)
        Path(name).replace(self._path)


def owner(state: State) -> str:
    return next(user for user, role in state.data["users"].items() if role == "owner")


def new_secret() -> str:
    return secrets.token_hex(16)


def fingerprint(secret: str) -> str:
    """What is kept of a secret: enough to recognise it."""
    return hashlib.sha256(secret.encode()).hexdigest()


def _fresh() -> dict[str, Any]:
    return {
        "dnsSuffix": "tail5e1f.ts.net",
        "users": dict(DEFAULT_USERS),
        "policy": DEFAULT_POLICY,
        "keys": {},
        "tokens": {},
        "issuers": {},
        "devices": {},
        "services": {},
        "settings": {},
        "dns": {},
        "streams": {},
        "externalIds": [],
        "webhooks": {},
        "audit": [],
        "counters": {},
        "clockOffset": 0,
    }
