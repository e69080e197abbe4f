"""The resource Enrollment: whether the environment's operator is in the tailnet, and can be reached there.

Owns the wait for the device with a tag and a host name, and for an API proxy where proxies of their own serve the API.
`online` is a device that is connected and that others may connect to; one with an obstacle (usability.py) is
`unusable`, everything else is `pending`. Managed delivery waits until it is online or the time is up; in handoff the
customer installs whenever they like, so the other two are states and every `up` and refresh queries again. An operator
that was online before and has become unusable is reported and never waited for: only a person can change that. Makes
nothing. Deleting removes the operator's and the API proxies' devices at once, which ends open connections. Never
replaces.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from .client import Client
from .devices import remove_api_devices
from .log import Log
from .problems import TailnetError
from .slice_check import Problem, environment_problems
from .tags import Environment
from .usability import obstacles
from .values import UNKNOWN, is_known

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "tag", "hostname", "apiTag", "wait", "timeoutSeconds")
OUTPUTS = ("status", "reason", "deviceName", "addresses", "nodeId", "clientVersion", "onlineSince")
INTERVAL = 2.0
"""Seconds between two looks while waiting."""
REPORT_EVERY = 15.0
"""Seconds between two progress lines."""


@dataclass(frozen=True)
class Sighting:
    """The operator's device, or None where none is registered and usable or has an obstacle. remarks: what the reader
    should know about devices with this tag. reason: why nobody reaches the operator, with the fix; empty when online.
    """

    device: Mapping[str, Any] | None
    remarks: tuple[str, ...]
    reason: str = ""

    @property
    def status(self) -> str:
        """`online`, `unusable` or `pending`."""
        if self.device is None:
            return "pending"
        return "unusable" if self.reason else "online"


class Enrollment:
    """Handles Enrollment requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log) -> None:
        self.client = client
        self.log = log

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        found = list(environment_problems(inputs))
        if not found and is_known([inputs["customer"], inputs["environment"], inputs.get("tag")]):
            environment = Environment(inputs["customer"], inputs["environment"])
            for name in ("tag", "apiTag"):
                given = inputs.get(name)
                if (name in inputs or name == "tag") and not environment.owns(given or ""):
                    found.append((name, f"{given!r} is not a tag of {environment.name}"))
        if not inputs.get("hostname"):
            found.append(("hostname", "the host name under which the operator registers is missing"))
        timeout = inputs.get("timeoutSeconds", 0)
        if inputs.get("wait") is True and is_known(timeout) and not timeout > 0:
            found.append(("timeoutSeconds", "must be above 0 when `wait` is true"))
        return found

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """Outputs are not known before somebody looked."""
        return {**_inputs(inputs), **dict.fromkeys(OUTPUTS, UNKNOWN)}

    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Looks, and waits if it is to; also for update."""
        sighting = self._look(inputs)
        if _must_wait(inputs, sighting, previous):
            sighting = self._wait(inputs)
        for remark in sighting.remarks:
            self.log.warning(remark)
        self._warn_if_unusable(inputs, sighting)
        if sighting.device is None:
            self.log.warning(
                f"{inputs['hostname']} is not online yet: access is written by the first `pulumi up` after the "
                "customer installed it"
            )
        return _state(inputs, sighting, previous)

    def read(self, state: Properties) -> Properties:
        """The state as it is now."""
        if "tag" not in state:
            raise TailnetError(
                "an Enrollment cannot be imported: declare it and run `pulumi up`, which finds the device"
            )
        found = self._look(state)
        if state.get("status") == "online":
            self._tell_if_lost(state, found)
        self._warn_if_unusable(state, found)
        return _state(state, found, state)

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ; also `status` when the device has come, has become unusable or can be reached again.

        A device that was online and is not any more is told and is no difference: to wait for it would fail every
        update while a node restarts.
        """
        found = {
            name: "add" if name not in state else "delete" if name not in inputs else "update"
            for name in INPUTS
            if state.get(name) != inputs.get(name)
        }
        if found:
            return found
        seen = self._look(inputs)
        if seen.device is None and (state.get("status") == "online" or state.get("onlineSince")):
            self._tell_if_lost(state, seen)
        elif _must_wait(inputs, seen, state) or (seen.status, seen.reason) != (
            state.get("status"),
            state.get("reason", ""),
        ):
            found["status"] = "update"
        else:
            self._warn_if_unusable(inputs, seen)
        return found

    def delete(self, state: Properties) -> None:
        """Removes the operator's device and the API proxies' at once."""
        environment = Environment(state["customer"], state["environment"])
        gone = remove_api_devices(self.client, environment, self.log.progress)
        if gone:
            self.log.info(f"removed {', '.join(gone)}: what was open through it has ended")
        if name := state.get("deviceName"):
            self.log.info(
                f"the certificate of {name} is deleted with the operator's Secret, and at most 5 certificates are "
                "issued for one name in a week: after five rounds of destroy and `up` kubectl fails in its TLS "
                "handshake until the week has passed. Another operator.hostname has its own limit"
            )

    def _tell_if_lost(self, state: Mapping[str, Any], found: Sighting) -> None:
        if found.device is None:
            seen = "; ".join(found.remarks) or f"no device carries {state['tag']} any more"
            self.log.warning(
                f"{state['hostname']} was online and is not: {seen}. Either its pod does not run, or somebody has "
                f"uninstalled the operator: `pulumi refresh -s {state['customer']}-{state['environment']} "
                "--preview-only` shows what of it is gone from the cluster"
            )

    def _warn_if_unusable(self, inputs: Mapping[str, Any], found: Sighting) -> None:
        if found.reason:
            self.log.warning(
                f"nobody can reach {inputs['hostname']}: {found.reason}. Until then no new access is written; grants "
                "that are written stay. Then run `pulumi up` again"
            )

    def _look(self, inputs: Mapping[str, Any]) -> Sighting:
        return seen_in(self.client, inputs["tag"], inputs["hostname"], inputs.get("apiTag"))

    def _wait(self, inputs: Mapping[str, Any]) -> Sighting:
        started = self.client.clock()
        ends = started + float(inputs["timeoutSeconds"])
        report = started
        while True:
            found = self._look(inputs)
            now = self.client.clock()
            if found.status == "online":
                return found
            if now >= ends:
                raise TailnetError(_time_is_up(inputs, found, now - started))
            if now >= report:
                seen = f" ({shown})" if (shown := next(iter((found.reason, *found.remarks)), "")) else ""
                self.log.progress(f"waiting for {inputs['hostname']}, {now - started:.0f} s{seen}")
                report = now + REPORT_EVERY
            self.client.sleep(min(INTERVAL, max(ends - now, 0.01)))


def seen_in(client: Client, tag: str, hostname: str, api_tag: str | None) -> Sighting:
    """The operator with this tag and host name, and with api_tag its API proxies, as the tailnet shows them now."""
    found = sighting(client.devices(tag), tag, hostname, client.now())
    if found.status != "online" or api_tag is None:
        return found
    return served(found, client.devices(api_tag), api_tag, client.now())


def sighting(devices: list[dict[str, Any]], tag: str, hostname: str, now: float) -> Sighting:
    """Which of the devices with the tag is the operator, by the first label of its name; best one first."""
    numbered = re.compile(rf"{re.escape(hostname)}-[0-9]+")
    remarks: list[str] = []
    online: list[dict[str, Any]] = []
    unusable: list[tuple[dict[str, Any], str]] = []
    may_return = False
    for device in sorted(
        devices, key=lambda device: (not device.get("connectedToControl"), _label(device) != hostname)
    ):
        label = _label(device)
        if label != hostname and not numbered.fullmatch(label):
            remarks.append(f"a device with {tag} is called {label}, not {hostname}")
        elif problems := obstacles(device, now):
            unusable.append((device, f"{label} is registered, but {'; and '.join(problems)}"))
        elif device.get("connectedToControl"):
            online.append(device)
        else:
            may_return = True
            remarks.append(f"{label} is registered and offline, last seen {device.get('lastSeen') or 'never'}")
    # One that is offline and has an obstacle too is an old one where another may come online again.
    if not online and unusable and (unusable[0][0].get("connectedToControl") or not may_return):
        (device, reason), *others = unusable
        return Sighting(device, (*remarks, *(other for _, other in others)), reason)
    remarks += [reason for _, reason in unusable]
    if online and _label(online[0]) != hostname:
        remarks.insert(
            0,
            f"the operator is called {_label(online[0])} because the name {hostname} is taken by another device, "
            "perhaps an old one that is offline: its address and certificate follow that name. Delete the other "
            f"device, then rename this one to {hostname}",
        )
    if len(online) > 1:
        names = ", ".join(_label(device) for device in online)
        remarks.insert(0, f"{len(online)} devices with {tag} are online: {names}; two clusters use one environment")
    return Sighting(online[0] if online else None, tuple(remarks))


def served(found: Sighting, proxies: list[dict[str, Any]], tag: str, now: float) -> Sighting:
    """The operator that was found counts only while an API proxy can be reached: it serves nothing itself."""
    usable, offline, unusable = [], [], []
    for proxy in sorted(proxies, key=_label):
        if problems := obstacles(proxy, now):
            unusable.append(f"the API proxy {_label(proxy)} is registered, but {'; and '.join(problems)}")
        elif proxy.get("connectedToControl"):
            usable.append(proxy)
        else:
            offline.append(f"the API proxy {_label(proxy)} is offline")
    if usable:
        return Sighting(found.device, (*found.remarks, *offline, *unusable))
    if unusable:
        return Sighting(found.device, (*found.remarks, *offline), "; ".join(unusable))
    remark = f"the operator is online, and no API proxy is ({len(proxies)} with {tag} registered)"
    return Sighting(None, (remark, *found.remarks))


def _label(device: Mapping[str, Any]) -> str:
    return str(device.get("name") or device.get("hostname") or "").partition(".")[0]


def _inputs(properties: Mapping[str, Any]) -> Properties:
    return {name: properties[name] for name in INPUTS if name in properties}


def _must_wait(inputs: Mapping[str, Any], found: Sighting, previous: Mapping[str, Any] | None) -> bool:
    return bool(inputs.get("wait")) and found.status != "online" and not _was_online(previous, found)


def _was_online(previous: Mapping[str, Any] | None, found: Sighting) -> str:
    """When this stack first saw the very device online, RFC 3339; empty when it never did."""
    if found.device is None or previous is None or previous.get("nodeId") != str(found.device.get("nodeId")):
        return ""
    return previous.get("onlineSince") or ""


def _state(inputs: Mapping[str, Any], found: Sighting, previous: Mapping[str, Any] | None) -> Properties:
    """`onlineSince` is when this stack first saw the device online: the API does not tell since when it is."""
    if found.device is None:
        return {**_inputs(inputs), "status": "pending"}
    since = _was_online(previous, found)
    if found.status == "online":
        since = since or datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        **_inputs(inputs),
        "status": found.status,
        **({"reason": found.reason} if found.reason else {}),
        "deviceName": str(found.device.get("name")),
        "addresses": list(found.device.get("addresses") or []),
        "nodeId": str(found.device.get("nodeId")),
        "clientVersion": str(found.device.get("clientVersion") or ""),
        **({"onlineSince": since} if since else {}),
    }


def _time_is_up(inputs: Mapping[str, Any], found: Sighting, seconds: float) -> str:
    if found.reason:
        return (
            f"nobody can reach {inputs['hostname']} after {seconds:.0f} s: {found.reason}. Nothing has to be undone: "
            "run `pulumi up` again afterwards."
        )
    seen = "; ".join(found.remarks) or f"no device with {inputs['tag']} has registered"
    return (
        f"{inputs['hostname']} is not online after {seconds:.0f} s: {seen}. Look at the operator's log in the "
        "customer's cluster: does the pod run and mount its Secret? Is its credential refused (tags, revoked)? Does "
        "egress reach controlplane.tailscale.com, api.tailscale.com and a relay on 443? Does it distrust a certificate "
        "(a proxy on the way that opens TLS)? Nothing has to be undone: run `pulumi up` again when it is mended."
    )
