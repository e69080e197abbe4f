"""The resource ClusterRepair: before anything else is made in a cluster, what was widened or interrupted there is put
right.

Owns the order of an update: the objects in the order in which they are given (the impersonation limit is first), each
brought back to its manifest where it has more than that (excess.py), then the record of a Helm command that was killed
and would block the next one. Shows both in a preview and a refresh, which need no program: the manifests are in the
state. Changes no object that the stack has not made, and makes none that is missing: a deleted object is the
customer's decision. Fails where the cluster does not answer or refuses, and changes nothing then. Its delete does
nothing: no state of the cluster may stand between a destroy and the removal of access.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Protocol, cast

from providers.cluster.helm_release import Record, pending
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterRefusedError, ClusterUnknownError

from .client import Client
from .cluster import is_kill
from .excess import Excess, excess, title
from .log import Log
from .problems import TailnetError
from .recorded_cluster import OtherClusterError, reached
from .slice_check import Problem, environment_problems
from .values import is_known

Properties = dict[str, Any]
INPUTS = ("customer", "environment", "objects", "release", "namespace", "context", "kubeconfig", "clusterUid")

FIELD_MANAGER = "pulumi-kubernetes"
"""As the engine's Kubernetes plugin calls itself outside of server-side apply. It takes fields of this manager over at
its next update of the object, so that a repair never conflicts with it."""

SECONDS = 5.0
"""For one answer of the API server."""

PASSES = 3
"""How often objects are compared and repaired in one update. A controller that was at work on an object may write once
more after the first repair; what is widened again after the last is reported as such."""

PAUSE = 1.0
"""Seconds between a repair and the next comparison."""


class Api(Protocol):
    """The part of ClusterLook that is used here."""

    def one(self, path: str) -> dict[str, Any] | None: ...
    def all(self, path: str, labels: str = "") -> list[dict[str, Any]]: ...
    def document(self, path: str) -> dict[str, Any] | None: ...
    def delete(self, path: str, *, uid: str | None = None) -> bool: ...
    def patch(self, path: str, body: Any, *, field_manager: str = "") -> dict[str, Any] | None: ...
    def create(self, path: str, body: Mapping[str, Any], *, field_manager: str = "") -> dict[str, Any]: ...


def connected(context: str, kubeconfig: Path | None) -> Api:
    """Raises ClusterUnknownError."""
    return ClusterLook(context, kubeconfig, seconds=SECONDS)


class ClusterRepair:
    """Handles ClusterRepair requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log, connect: Callable[[str, Path | None], Api] = connected) -> None:
        self.client = client
        self.log = log
        self.connect = connect

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        return list(environment_problems(inputs))

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """The state after `create`."""
        if not _compares(inputs):
            return self._state(inputs, previous, [])
        if previous is None:
            self._warn(self._found(inputs, None))
        with _explained(inputs):
            return self._state(inputs, previous, self._pending(self._api(inputs), inputs))

    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Puts right what the cluster has, at an update as at the first one. Raises TailnetError where it cannot."""
        if not _compares(inputs):
            return self._state(inputs, previous, [])
        if previous is None:
            self._warn(self._found(inputs, None))
        with _explained(inputs):
            api = self._api(inputs)
            self._repair(api, inputs, previous)
            interrupted = pending(api, inputs["namespace"], inputs["release"])
            for revision in interrupted:
                api.delete(revision.path, uid=revision.uid)
                self.log.info(f"removed the record of {_revision(inputs, revision)}")
        return self._state(inputs, previous, interrupted)

    def read(self, state: Properties) -> Properties:
        """The state with what is wider than declared now. Raises TailnetError for an import, and where the cluster does
        not answer. A kill compares nothing: its refresh must not stop where the cluster does not answer."""
        if "customer" not in state:
            raise TailnetError(
                "a ClusterRepair cannot be imported, since it has nothing: declare it and run `pulumi up`"
            )
        if is_kill():
            return state
        return {**state, "findings": self._found(state, state)}

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ, and `findings` where the cluster has something to put right."""
        if not _compares(inputs):
            return {}
        differing = {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}
        if is_kill():  # the engine asks for this in a refresh too
            return differing
        found = self._found(inputs, state)
        self._warn(found)
        return differing | ({"findings": "update"} if found or state.get("findings") else {})

    def delete(self, state: Properties) -> None:
        """Nothing."""

    def _found(self, inputs: Properties, previous: Properties | None) -> list[str]:
        """Sentences. What an object has beyond its former manifest: a change of the settings that narrows it is no
        finding."""
        former = {each["path"]: each["manifest"] for each in (previous or {}).get("objects") or ()}
        with _explained(inputs):
            api = self._api(inputs)
            found = [
                f"{title(manifest)} in the cluster {inputs['context']} has more than this stack declares:"
                f" {'; '.join(beyond.sentences)}. The next `pulumi up` takes it away."
                for path, manifest, live in self._live(api, inputs, previous)
                if (beyond := excess(former.get(path, manifest), live)) and excess(manifest, live)
            ]
            return found + [
                f"{_revision(inputs, revision)} was interrupted: Helm refuses every other command until its record is"
                " removed. The next `pulumi up` removes it and completes the installation."
                for revision in self._pending(api, inputs)
            ]

    def _pending(self, api: Api, inputs: Properties) -> list[Record]:
        """Helm's records are Secrets, which a credential for previews may not list."""
        try:
            return pending(api, inputs["namespace"], inputs["release"])
        except ClusterRefusedError as refused:
            if refused.status != 403:
                raise
            self.log.warning(f"interrupted Helm commands were not looked for in {inputs['context']}: {refused}")
            return []

    def _live(
        self, api: Api, inputs: Properties, previous: Properties | None
    ) -> Iterator[tuple[str, Properties, Properties]]:
        """Path, manifest and live object of everything that exists and is this stack's: what its state has, and what
        carries its labels."""
        known = {each["path"] for each in (previous or {}).get("objects") or ()}
        for each in inputs["objects"]:
            if not is_known(each) or (live := api.document(each["path"])) is None:
                continue
            labels = (live.get("metadata") or {}).get("labels") or {}
            declared = each["manifest"]["metadata"].get("labels") or {}
            if each["path"] in known or all(labels.get(key) == value for key, value in declared.items()):
                yield each["path"], each["manifest"], live

    def _repair(self, api: Api, inputs: Properties, previous: Properties | None) -> None:
        refused: list[str] = []
        for attempt in range(PASSES + 1):
            wide = [
                (path, manifest, live, beyond)
                for path, manifest, live in self._live(api, inputs, previous)
                if (beyond := excess(manifest, live))
            ]
            if not wide:
                return
            if attempt == PASSES:
                refused = [f"{title(manifest)}: it was widened again after each repair" for _, manifest, _, _ in wide]
            if refused:
                break
            for path, manifest, live, beyond in wide:
                try:
                    _restore(api, path, manifest, live, beyond)
                    self.log.info(f"{title(manifest)}: took away {'; '.join(beyond.sentences)}")
                except ClusterRefusedError as refusal:  # the others are repaired all the same
                    refused.append(f"{title(manifest)}: {refusal}")
            self.client.sleep(PAUSE)
        raise TailnetError(
            f"the cluster {inputs['context']} has more than this stack declares, and it could not be taken away:\n"
            + "\n".join(refused)
            + "\nFix: let the account that runs `pulumi up` patch these objects, or have the customer delete them."
        )

    def _state(self, inputs: Properties, previous: Properties | None, interrupted: list[Record]) -> Properties:
        former = previous or {}
        completes = former.get("completes") or ""
        if interrupted:
            newest = interrupted[0]
            completes = f"completes {newest.status} of revision {newest.revision}, which was interrupted"
        objects = inputs["objects"] or former.get("objects") or []
        state = {name: inputs[name] for name in INPUTS if name in inputs}
        return {**state, "objects": objects, "findings": [], "completes": completes}

    def _api(self, inputs: Properties) -> Api:
        return cast("Api", reached(inputs, self.connect))

    def _warn(self, found: list[str]) -> None:
        for sentence in found:
            self.log.warning(sentence)


def _restore(api: Api, path: str, manifest: Properties, live: Properties, beyond: Excess) -> None:
    """A binding's role never changes in place, so that a binding of another role is made anew."""
    if not beyond.other_role:
        api.patch(path, beyond.patch, field_manager=FIELD_MANAGER)
        return
    metadata = live["metadata"]
    kept = {"ownerReferences": metadata["ownerReferences"]} if metadata.get("ownerReferences") else {}
    api.delete(path, uid=metadata["uid"])
    made = {**manifest, "metadata": {**manifest["metadata"], **kept}}
    api.create(path.rpartition("/")[0], made, field_manager=FIELD_MANAGER)


def _compares(inputs: Properties) -> bool:
    """Without objects the cluster did not answer to the program, and the stack goes on all the same."""
    return bool(inputs["objects"])


def _revision(inputs: Properties, revision: Record) -> str:
    return (
        f"revision {revision.revision} ({revision.status}) of Helm release {inputs['release']} in {inputs['context']}"
    )


@contextmanager
def _explained(inputs: Properties) -> Iterator[None]:
    try:
        yield
    except OtherClusterError as other:
        raise TailnetError(str(other)) from None
    except ClusterUnknownError as unknown:
        raise TailnetError(
            f"the cluster {inputs['context']} could not be asked what was changed there, so nothing was changed in the"
            f" state either: {unknown}"
        ) from None
