"""The resource Withdrawal: nothing while the environment lives; at its end it waits for the operator to take its
proxies back.

What is exposed is given up one level before this resource goes, and the operator's credential one level after it. In
between the operator removes each proxy's device, the last thing for which it needs that credential, and then its
finalizer: without the wait a Service of the customer's would keep the finalizer for ever, and could never be deleted,
nor could the definitions of the operator's own kinds. The devices are seen through the Tailscale API, the finalizers in
the cluster, where only metadata is read. Kubernetes collects what the holder owned some time later, and the operator
must still be there: so the devices alone do not tell. Never fails and never replaces: on the day of the kill a dead
operator, a refused credential or a cluster that nobody reaches must not hold up what follows, which removes the devices
by itself.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from providers.cluster.look import ClusterLook, Look

from .client import Client
from .held import Held, kind, release
from .log import Log
from .problems import CancelledError, TailnetError
from .slice_check import Problem, environment_problems
from .tags import Environment
from .values import is_known

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "tags", "held", "context", "kubeconfig")

QUIET = 45.0
"""Seconds without any change after which nobody is at work there: a proxy's pod may take 30 to stop, and Kubernetes
looks only every 30 for kinds that it does not know yet, which it must before it collects their objects."""

LONGEST = 120.0
"""Seconds after which it goes on in any case."""

PAUSE = 1.0


class Withdrawal:
    """Handles Withdrawal requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log, connect: Callable[[str, Path | None], Look] = ClusterLook) -> None:
        self.client = client
        self.log = log
        self.connect = connect

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        found = list(environment_problems(inputs))
        held, tags = inputs.get("held"), inputs.get("tags")
        if isinstance(held, list) and not all(isinstance(path, str) and path.startswith("/api") for path in held):
            found.append(("held", "must list paths of the Kubernetes API, as in /api/v1/namespaces/shop/services/web"))
        if found or not is_known(tags):
            return found
        if not isinstance(tags, list) or not tags:
            return [("tags", "must list the tags of the proxies, one or more")]
        environment = Environment(inputs["customer"], inputs["environment"])
        return [
            ("tags", f"{tag} is not a tag of {environment.name}")
            for tag in tags
            if not isinstance(tag, str) or not environment.owns(tag)
        ]

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """As `create`: nothing is unknown."""
        return self.create(inputs, previous)

    def create(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """Nothing to do before the end."""
        return {name: inputs[name] for name in INPUTS if name in inputs}

    def read(self, state: Properties) -> Properties:
        """The state: there is nothing to see. Raises TailnetError for an import."""
        if "customer" not in state:
            raise TailnetError("a Withdrawal cannot be imported, since it has nothing: declare it and run `pulumi up`")
        return state

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ."""
        return {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}

    def delete(self, state: Properties) -> None:
        """Waits until the operator has let go of everything and no device or Tailscale Service has one of the tags, or
        nothing moves any more."""
        # A state of an older version has no objects.
        kubeconfig, context = state.get("kubeconfig") or "", state.get("context") or ""
        held = Held(state.get("held") or [], lambda: self.connect(context, Path(kubeconfig) if kubeconfig else None))
        try:
            left = self._wait(state["tags"], held)
        except CancelledError:
            raise
        except TailnetError as error:  # no token can be had, for one
            self.log.warning(f"whether the operator has taken its proxies back is not known: {error}")
            return
        if left:
            self.log.warning(
                f"the operator has not taken back {', '.join(left)}: it is gone, its credential is refused, or the"
                " cluster does not answer. Their devices are removed now all the same"
            )
        if held.unknown:
            self.log.warning(
                "what the operator holds in the cluster is not known. Its finalizer may stay there on"
                f" {', '.join(map(_title, state['held']))}, which then cannot be deleted: {held.unknown}"
            )
        elif standing := held.objects():
            self.log.warning(
                "the operator's finalizer stays in the cluster, and what bears it cannot be deleted before somebody"
                " takes it off:\n" + "\n".join(release(path, there, context) for path, there in standing.items())
            )

    def _wait(self, tags: list[str], held: Held) -> list[str]:
        """Names of the devices and Tailscale Services that are left."""
        started = changed = self.client.clock()
        before: tuple[Properties, Properties] | None = None
        while any(found := (self._devices(tags) | self._services(tags), _deleted(held))):
            now = self.client.clock()
            if before is not None and found != before:
                changed = now
            before = found
            names = sorted(name for name, _ in found[0].values())
            if now - changed >= QUIET or now - started >= LONGEST:
                return names
            waited_for = [*names, *map(_title, found[1])]
            self.log.progress(f"waiting for the operator to take back {', '.join(waited_for)}")
            self.client.sleep(PAUSE)
        return []

    def _services(self, tags: list[str]) -> dict[str, tuple[str, bool]]:
        """Tailscale Services with one of the tags: only highly available API proxies have one."""
        if not any(tag.startswith("tag:api-") for tag in tags):
            return {}
        return {
            str(service["name"]): (str(service["name"]), True)
            for service in self.client.services()
            if set(service.get("tags") or []) & set(tags)
        }

    def _devices(self, tags: list[str]) -> dict[str, tuple[str, bool]]:
        """Name, and whether it is online, by id."""
        return {
            str(device["nodeId"]): (str(device.get("name")), bool(device.get("connectedToControl")))
            for tag in tags
            for device in self.client.devices(tag)
        }


def _deleted(held: Held) -> dict[str, bool]:
    """By path, whether it is being deleted."""
    return {path: "deletionTimestamp" in there for path, there in held.objects().items()}


def _title(path: str) -> str:
    return f"{kind(path)} {path.rpartition('/')[2]}"
