"""The resource DeviceCleanup: nothing while the environment exists; at its deletion the devices and Services are
removed, and then what of the environment's rights remains in the cluster.

Deleted after the credentials, because an operator with one brings its device back, and before the Helm release, because
an uninstalled operator leaves its device behind for ever. Then everything at Tailscale is gone. What it does in the
cluster is bounded in time and stops nothing (sweep.py): whatever is not done there is reported. One thing fails it, a
cluster that is not the recorded one: the next level would uninstall that cluster's operator. Never replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.cluster.problems import ClusterUnknownError

from .client import Client
from .devices import remove_all
from .log import Log
from .problems import TailnetError
from .recorded_cluster import Connect, OtherClusterError, bounded, connect, reached
from .slice_check import Problem, environment_problems
from .sweep import Swept, sweep
from .tags import Environment

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "context", "kubeconfig", "clusterUid", "labels", "held")

SECONDS = 10.0
"""For everything in the cluster."""


class DeviceCleanup:
    """Handles DeviceCleanup requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log, opened: Connect = connect) -> None:
        self.client = client
        self.log = log
        self.opened = opened

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        return list(environment_problems(inputs))

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
            raise TailnetError(
                "a DeviceCleanup cannot be imported, since it has nothing: declare it and run `pulumi up`"
            )
        return state

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ."""
        return {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}

    def delete(self, state: Properties) -> None:
        """Removes the environment's devices and Tailscale Services until none is left, then what it has in the
        cluster. Raises TailnetError where the former fails, or another cluster answers."""
        environment = Environment(state["customer"], state["environment"])
        gone = remove_all(self.client, environment, self.log.progress)
        if gone:
            self.log.info(f"removed {', '.join(gone)}")
        # A handoff has no cluster, nor has a state of an older version.
        if "context" not in state:
            return
        self.log.info(
            f"access to {environment.name} is revoked: no credential and no device of it remains. What follows removes"
            " the installation from the cluster, and may be interrupted. Should Helm not find its release (the customer"
            f" has uninstalled it), `pulumi destroy -s {environment.name} --refresh` clears the state. Where the"
            " cluster does not answer, run `pulumi destroy` again when it does, or drop what is in it:"
            f" `PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy -s {environment.name} --refresh --continue-on-error`"
        )
        try:
            self._report(bounded(SECONDS, lambda: self._sweep(state)))
        except OtherClusterError as other:
            raise TailnetError(f"nothing is removed from the cluster: {other}") from None
        except ClusterUnknownError as error:
            self._skipped(str(error))
        except Exception as error:  # a client library's own fault must not stop a revocation
            self._skipped(repr(error))

    def _sweep(self, state: Properties) -> Swept:
        return sweep(reached(state, self.opened), state["labels"], state.get("held") or [], state["context"])

    def _skipped(self, reason: str) -> None:
        self.log.warning(
            f"roles and bindings are not removed from the cluster: {reason}. They are deleted with the namespace"
        )

    def _report(self, swept: Swept) -> None:
        if swept.removed:
            self.log.info(f"removed from the cluster: {', '.join(swept.removed)}")
        if swept.remaining:
            self.log.warning("remains in the cluster:\n" + "\n".join(swept.remaining))
