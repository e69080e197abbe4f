"""The customer's cluster as the state records it, for what our resources do there at a delete or a refresh.

Owns the connection with its time limits, and the proof that the cluster which answers is the recorded one: a kubeconfig
that leads to another cluster must never have that one's objects deleted. A cluster is identified by the uid of its
namespace kube-system. Leaves to its callers what is done there.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol, TypeVar

from providers.cluster.look import ClusterLook, Found
from providers.cluster.problems import ClusterUnknownError

CALL_SECONDS = 2.0
"""For one answer. Revocation at Tailscale must not wait for a frozen API server."""
LOGIN_SECONDS = 6.0
"""For the kubeconfig's login plugin, which starts a command and calls a cloud's API."""
KUBE_SYSTEM = "/api/v1/namespaces/kube-system"

T = TypeVar("T")


class OtherClusterError(Exception):
    """The cluster that answers is not the recorded one."""


class One(Protocol):
    """What reads one object's metadata: see ClusterLook."""

    def one(self, path: str) -> Found | None: ...


class Api(One, Protocol):
    """What our resources call: see ClusterLook."""

    def all(self, path: str, labels: str = "") -> list[Found]: ...
    def delete(self, path: str, *, uid: str | None = None) -> bool: ...
    def patch(self, path: str, body: Any) -> dict[str, Any] | None: ...


Connect = Callable[[str, Path | None], Api]


def connect(context: str, kubeconfig: Path | None) -> Api:
    """As ClusterLook, with the time limits of this module. Raises ClusterUnknownError."""
    look = ClusterLook(context, kubeconfig, seconds=CALL_SECONDS)
    look.login(LOGIN_SECONDS)
    return look


def reached(state: Mapping[str, Any], opened: Connect = connect) -> Api:
    """The cluster of a resource's state: `context`, `kubeconfig` (empty for the one that kubectl finds), `clusterUid`
    (of the recorded cluster; not checked where there is none).

    Raises ClusterUnknownError when it does not answer or refuses the credential, OtherClusterError for another cluster.
    """
    kubeconfig, context = state.get("kubeconfig") or "", state.get("context") or ""
    api = opened(context, Path(kubeconfig) if kubeconfig else None)
    recorded = state.get("clusterUid")
    if recorded and (answers := uid_of(api)) != recorded:
        raise OtherClusterError(
            f"the context {context} leads to another cluster than the one that this environment is in: its namespace"
            f" kube-system has the uid {answers}, and {recorded} is recorded. Fix: correct the context in the"
            f" kubeconfig (`kubectl config view --context {context} --minify`) or support-access:cluster, then run"
            " again"
        )
    return api


def uid_of(api: One) -> str:
    """What identifies a cluster. Raises ClusterUnknownError."""
    found = api.one(KUBE_SYSTEM)
    if found is None:
        raise ClusterUnknownError("the cluster has no namespace kube-system, which identifies it")
    return str(found["uid"])


def bounded(seconds: float, work: Callable[[], T]) -> T:
    """What `work` returns or raises. Raises ClusterUnknownError when it takes longer: it may go on in a thread."""
    from providers.cluster.connection import within  # the models of a kubeconfig take a while to import

    try:
        return within(seconds, work)
    except TimeoutError:
        raise ClusterUnknownError(f"the cluster needs longer than {seconds:.0f} s") from None
