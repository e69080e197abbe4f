"""The resource Withdrawal, the proxy drain: nothing while the environment exists; at its deletion the operator's
proxies are given up.

The objects that the operator runs proxies for, their owner and the patches of customers' Services are deleted with this
resource: the engine calls the cluster for none of them, and the delete here does it, one level before the operator's
credential is removed. The operator then removes each proxy's device, for which it needs that credential, and its
finalizer. All of it has one deadline, since revocation must not wait: not for a dead operator, a refused credential, an
API server that does not answer, or a login that hangs. Never fails and never replaces. What keeps a finalizer is
released after the credential is gone (device_cleanup.py).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from providers.cluster.problems import ClusterUnknownError

from .client import Client
from .held import delete_owned, held, take_off, title, unneeded
from .log import Log
from .problems import CancelledError, TailnetError
from .recorded_cluster import Api, Connect, OtherClusterError, bounded, connect, reached
from .slice_check import Problem, environment_problems

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "held", "owner", "patched", "context", "kubeconfig", "clusterUid")

LONGEST = 10.0
"""Seconds for everything: the deletes, and the wait for the operator."""

PAUSE = 0.5
SLACK = 2.0
"""Seconds past LONGEST for a call that is under way then."""


class Withdrawal:
    """Handles Withdrawal requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log, opened: Connect = connect) -> None:
        self.client = client
        self.log = log
        self.opened = opened

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        found = list(environment_problems(inputs))
        held = inputs.get("held")
        if isinstance(held, list) and not all(isinstance(path, str) and path.startswith("/api") for path in held):
            found.append(("held", "must list paths of the Kubernetes API, as in /api/v1/namespaces/shop/services/web"))
        return found

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
        """Gives the proxies up and waits for the operator, LONGEST at most. Raises CancelledError alone."""
        # A state of an older version has no owner, for the engine has deleted the objects one level before; the oldest
        # has no objects at all.
        if not state.get("held") and not state.get("owner"):
            return
        try:
            bounded(LONGEST + SLACK, lambda: self._drain(state))
        except CancelledError:
            raise
        except (ClusterUnknownError, OtherClusterError) as error:
            self.log.warning(f"the operator's proxies were not given up in the cluster: {error}. Revocation goes on")
        except Exception as error:  # a client library's own fault must not stop a revocation
            self.log.warning(f"the operator's proxies were not given up in the cluster: {error!r}. Revocation goes on")

    def _drain(self, state: Properties) -> None:
        ends = self.client.clock() + LONGEST
        api = reached(state, self.opened)
        paths: list[str] = state.get("held") or []
        refused = [line for patch in state.get("patched") or [] for line in take_off(api, **patch)]
        if owner := state.get("owner"):
            refused += delete_owned(api, paths, owner)
        for line in refused:
            self.log.warning(line)
        if left := self._wait(api, paths, ends):
            self.log.warning(
                f"the operator still holds {', '.join(left)} after {LONGEST:.0f} s: it does not run, or its credential"
                " is refused. Its finalizer is removed when the credential is gone"
            )

    def _wait(self, api: Api, paths: list[str], ends: float) -> list[str]:
        """Names of the objects that the operator has not let go of in time."""
        while waiting := unneeded(held(api, paths)):
            paths = list(waiting)
            names = [title(path) for path in waiting]
            if self.client.clock() >= ends:
                return names
            self.log.progress(f"waiting for the operator to take back {', '.join(names)}")
            self.client.sleep(PAUSE)
        return []
