"""The resource ExposureEnrollment: whether the devices of what is exposed are in the tailnet, and can be reached there.

Owns the wait for one usable device with each tag, of exposures that the operator serves and of the recorder, and the
reason where there is none: the conditions of the exposed objects and the warnings about the proxies' pods. Waits for
the proxy alone: whether a Service of the customer's has pods behind it is the customer's matter, and holds up nothing.
Makes nothing; its delete does nothing, so it stands in the way of no revocation. What is removed at the end is in
withdrawal.py and device_cleanup.py. Never replaces.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterUnknownError

from .client import Client
from .held import kind
from .log import Log
from .problems import TailnetError
from .slice_check import Problem, environment_problems
from .tags import Environment
from .usability import obstacles
from .values import UNKNOWN, is_known

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "tags", "objects", "timeoutSeconds", "context", "kubeconfig")
INTERVAL = 2.0
"""Seconds between two queries while waiting."""
REPORT_EVERY = 15.0
"""Seconds between two progress lines."""
CLUSTER_SECONDS = 5.0
EVENTS = "/api/v1/namespaces/tailscale/events"
MOST_REASONS, LONGEST_REASON = 5, 400


class Asked(Protocol):
    """What is asked of the cluster: see ClusterLook."""

    def document(self, path: str) -> dict[str, Any] | None: ...
    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]: ...


Connect = Callable[[str, Path | None], Asked]


def connected(context: str, kubeconfig: Path | None) -> Asked:
    return ClusterLook(context, kubeconfig, seconds=CLUSTER_SECONDS)


class ExposureEnrollment:
    """Handles ExposureEnrollment requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log, connect: Connect = connected) -> None:
        self.client = client
        self.log = log
        self.connect = connect

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        found = list(environment_problems(inputs))
        tags, timeout = inputs.get("tags"), inputs.get("timeoutSeconds")
        if found or not is_known([tags, timeout]):
            return found
        if not isinstance(tags, list) or not tags:
            found.append(("tags", "must list the tags of the proxies, one or more"))
        else:
            environment = Environment(inputs["customer"], inputs["environment"])
            found += [
                ("tags", f"{tag} is not a tag of {environment.name}")
                for tag in tags
                if not isinstance(tag, str) or not environment.owns(tag)
            ]
        if not isinstance(timeout, int | float) or not timeout > 0:
            found.append(("timeoutSeconds", "must be above 0"))
        return found

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """The status is not known before the devices were listed."""
        return {**_inputs(inputs), "status": UNKNOWN}

    def create(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """Waits for every device; also for update. Raises TailnetError with the reason when the time is up."""
        started = self.client.clock()
        ends, report = started + float(inputs["timeoutSeconds"]), started
        while missing := self._missing(inputs):
            now = self.client.clock()
            if now >= ends:
                raise TailnetError(self._time_is_up(inputs, missing, now - started))
            if now >= report:
                self.log.progress(f"waiting for the devices of {', '.join(missing)}, {now - started:.0f} s")
                report = now + REPORT_EVERY
            self.client.sleep(min(INTERVAL, max(ends - now, 0.01)))
        return _state(inputs, online=True)

    def read(self, state: Properties) -> Properties:
        """The state as it is now."""
        if "tags" not in state:
            raise TailnetError(
                "an ExposureEnrollment cannot be imported: declare it and run `pulumi up`, which finds the devices"
            )
        missing = self._missing(state)
        self._warn(missing)
        return _state(state, online=not missing)

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ. A device that was online and is not any more is a warning and no difference: to wait for
        it would fail every update while a node restarts."""
        found = {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}
        if not found:
            self._warn(self._missing(inputs))
        return found

    def delete(self, _state: Properties) -> None:
        """Nothing: the devices go with what made them."""

    def _missing(self, inputs: Mapping[str, Any]) -> dict[str, list[str]]:
        """Tags without a device that can be reached; each to the obstacles of those that are connected."""
        missing: dict[str, list[str]] = {}
        for tag in inputs["tags"]:
            online = [device for device in self.client.devices(tag) if device.get("connectedToControl")]
            found = [(device.get("name"), obstacles(device, time.time())) for device in online]
            if not any(not obstacle for _, obstacle in found):
                missing[tag] = [f"{name}: {'; '.join(obstacle)}" for name, obstacle in found]
        return missing

    def _warn(self, missing: Mapping[str, list[str]]) -> None:
        if missing:
            seen = "; ".join(obstacle for found in missing.values() for obstacle in found)
            self.log.warning(
                f"no device with {', '.join(missing)} can be reached, nor what it exposes"
                f"{f' ({seen})' if seen else ''}. Look at the proxy's pod in namespace tailscale"
            )

    def _time_is_up(self, inputs: Mapping[str, Any], missing: Mapping[str, list[str]], seconds: float) -> str:
        seen = [obstacle for found in missing.values() for obstacle in found]
        reasons = list(dict.fromkeys([*seen, *self._reasons(inputs)]))[:MOST_REASONS]
        reason = "; ".join(reasons) or "the cluster reports no reason"
        return (
            f"no device with {', '.join(missing)} can be reached after {seconds:.0f} s: {reason}. What it exposes"
            " cannot be reached; access to the API is not affected. Fix: does the cluster admit the proxy's pod"
            " (docs/exposures.md has a table), can its node pull the image, does egress reach the control plane and a"
            f" relay? `kubectl --context {inputs['context']} -n tailscale logs deployment/operator` says more. Then run"
            " `pulumi up` again."
        )

    def _reasons(self, inputs: Mapping[str, Any]) -> Iterator[str]:
        """What the cluster says of the proxies; conditions first, then the newest warnings."""
        kubeconfig = Path(inputs["kubeconfig"]) if inputs["kubeconfig"] else None
        try:
            look = self.connect(inputs["context"], kubeconfig)
            for path in inputs["objects"]:
                yield from _conditions(path, look.document(path) or {})
            yield from _warnings(look.whole(EVENTS))
        except ClusterUnknownError as unknown:
            yield f"the cluster was not asked for the reason: {unknown}"


def _conditions(path: str, found: Mapping[str, Any]) -> Iterator[str]:
    for condition in (found.get("status") or {}).get("conditions") or ():
        if condition.get("status") == "False" and condition.get("message"):
            yield _short(f"{kind(path)} {path.rpartition('/')[2]}: {condition['message']}")


def _warnings(events: list[dict[str, Any]]) -> Iterator[str]:
    """About the proxies' pods and what makes them; the operator's own are told by its enrollment."""
    for event in sorted(
        events, key=lambda event: str(event.get("lastTimestamp") or event.get("eventTime")), reverse=True
    ):
        about = event.get("involvedObject") or {}
        name = str(about.get("name"))
        if event.get("type") == "Warning" and about.get("kind") in ("StatefulSet", "Pod") and name[:9] != "operator-":
            yield _short(f"{about['kind']} {name}: {event.get('message')}")


def _short(text: str) -> str:
    return " ".join(text.split())[:LONGEST_REASON]


def _inputs(properties: Mapping[str, Any]) -> Properties:
    return {name: properties[name] for name in INPUTS if name in properties}


def _state(inputs: Mapping[str, Any], *, online: bool) -> Properties:
    return {**_inputs(inputs), "status": "online" if online else "pending"}
