"""The resource Cluster: which cluster the environment is in.

Owns the record of its identity, the uid of its namespace kube-system. Created before anything is made in the cluster,
and deleted after the namespace. An update against another cluster is refused. A refresh of it fails where the cluster
does not answer, refuses the credential or is another one, so that a refresh does not end as if all were well; the
engine refreshes resources in parallel, so this does not keep it from reading the others (docs/kill-switch.md). A kill
(PULUMI_K8S_DELETE_UNREACHABLE) passes a cluster by that does not answer. Deleting it removes what an interrupted
installation left there, within a few seconds, and never fails. Never replaces.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any

from providers.cluster.problems import ClusterUnknownError

from .client import Client
from .log import Log
from .orphans import delete_orphans
from .problems import TailnetError
from .recorded_cluster import Connect, OtherClusterError, bounded, connect, reached
from .slice_check import Problem, environment_problems

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "context", "kubeconfig", "uid")

SECONDS = 10.0
"""For everything in the cluster."""
KILL = "PULUMI_K8S_DELETE_UNREACHABLE"
"""The variable by which the engine's Kubernetes plugin drops what it cannot reach."""


def is_kill() -> bool:
    """Whether this run drops what it cannot reach."""
    return os.environ.get(KILL) == "true"


class Cluster:
    """Handles Cluster requests. Properties are plain values."""

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
        """As `create`, of a cluster that did not answer too."""
        del previous
        return {name: inputs[name] for name in INPUTS if name in inputs}

    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Records the cluster. Raises TailnetError for one that did not answer."""
        if not inputs.get("uid"):
            raise TailnetError(
                f"the cluster {inputs['context']} did not answer, and nothing is made in a cluster that is not known."
                f" Fix: run again when `kubectl --context {inputs['context']} get namespace kube-system` answers"
            )
        return self.preview(inputs, previous)

    def read(self, state: Properties) -> Properties:
        """The state, when the recorded cluster answers. Raises TailnetError otherwise, and for an import."""
        if "uid" not in state:
            raise TailnetError(
                "a Cluster cannot be imported: declare it and run `pulumi up`, which records the cluster"
            )
        try:
            bounded(SECONDS, lambda: self._reached(state))
        except OtherClusterError as other:
            raise TailnetError(
                f"{other}. A refresh takes out of the state what it does not find: restore the state of before it"
                " (docs/kill-switch.md)"
            ) from None
        except ClusterUnknownError as error:
            if not is_kill():
                raise TailnetError(
                    f"the cluster {state['context']} was not read: {error}. The state is kept. Fix: run again when"
                    f" `kubectl --context {state['context']} get namespace kube-system` answers; access is revoked"
                    f" without the cluster by `pulumi destroy -s {self.identifier(state)}`, without --refresh"
                ) from None
        return state

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ."""
        return {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}

    def delete(self, state: Properties) -> None:
        """Removes what an interrupted installation left."""
        try:
            removed, remaining = bounded(SECONDS, lambda: delete_orphans(self._reached(state)))
        except Exception as error:  # whatever the kubeconfig or the API does, nothing waits for this
            self.log.warning(f"objects of the chart without a release were not looked for in the cluster: {error}")
            return
        if removed:
            self.log.info(f"removed what an interrupted installation left in the cluster: {', '.join(removed)}")
        if remaining:
            self.log.warning("remains in the cluster:\n" + "\n".join(remaining))

    def _reached(self, state: Properties) -> Any:
        return reached({**state, "clusterUid": state["uid"]}, self.opened)
