"""The Kubernetes API of a customer's cluster: reading, and the few writes that the engine does not make.

Owns what an answer means: an object, its absence, or an error, of one type for every call that the cluster does not
carry out. The connection is connection.py's, and bounds each call. Reads ask for metadata alone, so no Secret's
contents ever arrive; whole objects only of kinds that hold none. Leaves to its callers what is read and written, and
why: leftovers and existing objects before an update (components/cluster), what the operator still holds at a destroy
(providers/tailnet/held.py), proof of absence (supportctl verify --gone).
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from .problems import ClusterRefusedError, ClusterUnknownError

SECONDS = 10.0
"""For one answer. A frozen API server takes a connection and never says anything."""

PAGE = 500
PAGES = 400
"""Of one list. An API server of which every page names a next one would never end."""
_METADATA = "application/json;as={kind};v=v1;g=meta.k8s.io"
_NO_API_SERVER = "what answers is no Kubernetes API server: does the kubeconfig's address lead to the cluster?"
Found = dict[str, Any]
"""An object's `metadata`."""


class Look(Protocol):
    """What can be asked of a cluster. Paths are the API's own, as in `/api/v1/namespaces/tailscale`."""

    def one(self, path: str) -> Found | None:
        """An object's metadata; None when it is not there, or its kind is not. Raises ClusterUnknownError."""
        ...

    def all(self, path: str, labels: str = "") -> list[Found]:
        """Metadata of all objects under a path, with these labels; none when the kind is not served. Raises
        ClusterUnknownError."""
        ...


class ClusterLook:
    """The API of one cluster. Every method raises ClusterUnknownError, and nothing else."""

    warnings: tuple[str, ...]
    """What in the kubeconfig weakens the connection, a sentence each."""

    def __init__(self, context: str, kubeconfig: Path | None = None, *, seconds: float = SECONDS) -> None:
        """kubeconfig: None for those of KUBECONFIG, or ~/.kube/config. seconds: for each call, its login included.
        Raises ClusterUnknownError for a kubeconfig that does not lead to a cluster. Connects with the first call."""
        # HTTP client and models take a tenth of a second to import: only a stack that has a cluster waits for it.
        from .connection import Connection
        from .kubeconfig import access

        found = access(context, kubeconfig)
        self.warnings = found.warnings
        self._connection = Connection(found, seconds=seconds)
        self._is_kubernetes = False

    def login(self, seconds: float) -> None:
        """Logs in, for callers whose calls have less time than a login plugin needs. Raises ClusterUnknownError."""
        self._connection.login(seconds)

    def one(self, path: str) -> Found | None:
        answer = self._get(path, {}, _METADATA.format(kind="PartialObjectMetadata"))
        return None if answer is None else _metadata(answer)

    def all(self, path: str, labels: str = "") -> list[Found]:
        return [
            item["metadata"] for item in self._items(path, labels, _METADATA.format(kind="PartialObjectMetadataList"))
        ]

    def whole(self, path: str, labels: str = "") -> list[dict[str, Any]]:
        """All objects under a path, with these labels, whole. For kinds that hold no credential. Raises
        ClusterUnknownError."""
        return self._items(path, labels, "application/json")

    def document(self, path: str) -> dict[str, Any] | None:
        """The whole answer under a path, as an object of a kind that holds no credential; None for a 404. Raises
        ClusterUnknownError."""
        return self._get(path, {}, "application/json")

    def delete(self, path: str, *, uid: str | None = None) -> bool:
        """Delete an object in the background, the one with this uid where one is given. False when there is no such
        object. True says that the deletion was accepted: finalizers may still hold the object. Raises
        ClusterUnknownError."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": "Background"}
        try:
            return self._write("DELETE", path, {**body, **({"preconditions": {"uid": uid}} if uid else {})}) is not None
        except ClusterRefusedError as refusal:
            if uid and refusal.status == 409:  # another object has the name by now
                return False
            raise

    def patch(self, path: str, body: Any, *, field_manager: str = "") -> dict[str, Any] | None:
        """The object after a merge patch, None when there is no such object. field_manager: the owner of the patched
        fields; the API server takes the client's name where it is empty. Raises ClusterUnknownError."""
        content_type = "application/merge-patch+json"
        return self._write("PATCH", path, body, content_type=content_type, field_manager=field_manager)

    def create(
        self, path: str, body: Mapping[str, Any], *, dry_run: bool = False, field_manager: str = ""
    ) -> dict[str, Any]:
        """Create an object under the path of its kind and return it. dry_run: only ask whether the API server would,
        admission included. field_manager: as for `patch`. Raises ClusterUnknownError, ClusterRefusedError with reason
        AlreadyExists where the name is taken."""
        query = _query(dry_run=dry_run, field_manager=field_manager)
        status, answer = self._call("POST", path, query, "application/json", body)
        created = self._checked(status, answer)
        if created is None:  # the kind is not served, or there is no such namespace
            raise _refused(path, "404 Not Found", 404, answer)
        return _object(created)

    def _write(
        self,
        method: str,
        path: str,
        body: Any,
        *,
        content_type: str = "application/json",
        field_manager: str = "",
    ) -> dict[str, Any] | None:
        query = _query(dry_run=False, field_manager=field_manager)
        answer = self._checked(*self._call(method, path, query, "application/json", body, content_type))
        return None if answer is None else _object(answer)

    def _items(self, path: str, labels: str, accept: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        for _ in range(PAGES):
            answer = self._get(path, query, accept)
            if answer is None:
                return found
            query["continue"] = str(_metadata(answer).get("continue") or "")
            found += _listed(answer)
            if not query["continue"]:
                return found
        raise ClusterUnknownError(f"the list {path} has more than {PAGES * PAGE} objects, or no end")

    def _get(self, path: str, query: Mapping[str, str], accept: str) -> dict[str, Any] | None:
        return self._checked(*self._call("GET", path, query, accept))

    def _checked(self, status: int, answer: Any) -> dict[str, Any] | None:
        """The answer; None for a 404 of a Kubernetes API server."""
        if isinstance(answer, dict) and "kind" in answer:
            self._is_kubernetes = True
        if status == 404:
            self._prove()
            return None
        if not isinstance(answer, dict):
            raise ClusterUnknownError(_NO_API_SERVER)
        return answer

    def _prove(self) -> None:
        """A kind that is not served gets a bare 404. So does everything from what stands before a cluster that is gone,
        or before another one: raises ClusterUnknownError for that."""
        if not self._is_kubernetes:
            _, root = self._call("GET", "/api", {}, "application/json")
            self._is_kubernetes = isinstance(root, dict) and root.get("kind") == "APIVersions"
        if not self._is_kubernetes:
            raise ClusterUnknownError(_NO_API_SERVER)

    def _call(
        self,
        method: str,
        path: str,
        query: Mapping[str, str],
        accept: str,
        body: Any = None,
        content_type: str = "application/json",
    ) -> tuple[int, Any]:
        """Status, 2xx or 404, and the body that came with it, None where that is no JSON."""
        headers = {"Accept": accept, **({} if body is None else {"Content-Type": content_type})}
        content = None if body is None else json.dumps(body).encode()
        answer = self._connection.call(method, path, query=query, headers=headers, body=content)
        parsed = _json(answer.body)
        if answer.status == 404:
            return 404, parsed
        if 200 <= answer.status < 300:
            if parsed is None:
                raise ClusterUnknownError(_NO_API_SERVER)
            return answer.status, parsed
        raise _refused(path, f"{answer.status} {answer.reason}", answer.status, parsed)


def _query(*, dry_run: bool, field_manager: str) -> dict[str, str]:
    return {**({"dryRun": "All"} if dry_run else {}), **({"fieldManager": field_manager} if field_manager else {})}


def _refused(path: str, what: str, status: int, answer: Any) -> ClusterRefusedError:
    said = answer if isinstance(answer, dict) else {}
    detail = said["message"] if isinstance(said.get("message"), str) else ""
    message = f"the API server answers {path} with {what}{': ' if detail else ''}{detail}"
    return ClusterRefusedError(message, status, str(said.get("reason") or ""), detail)


def _object(answer: dict[str, Any]) -> dict[str, Any]:
    """What a write answered: an object, or a Status."""
    if "kind" not in answer:
        raise ClusterUnknownError(_NO_API_SERVER)
    return answer


def _metadata(answer: dict[str, Any]) -> Found:
    if not isinstance(answer.get("metadata"), dict):
        raise ClusterUnknownError(_NO_API_SERVER)
    return answer["metadata"]


def _listed(answer: dict[str, Any]) -> list[dict[str, Any]]:
    items = answer.get("items") or []
    if not isinstance(items, list) or not all(isinstance(it, dict) and _metadata(it) for it in items):
        raise ClusterUnknownError(_NO_API_SERVER)
    return items


def _json(body: Any) -> Any:
    try:
        return json.loads(body)
    except (ValueError, TypeError, RecursionError):
        return None
