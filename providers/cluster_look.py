"""The Kubernetes API of a customer's cluster: reading, and the few writes that the engine does not make.

Owns the connection by kubeconfig and context, the way `kubectl` finds them, a time limit per call, and one error type
for every call that the cluster does not carry out. Reads ask for metadata alone, so no Secret's contents ever arrive;
whole objects only of kinds that hold none. Leaves to its callers what is read and written, and why: leftovers and
existing objects before an update (components/cluster), what the operator still holds at a destroy
(providers/tailnet/held.py), proof of absence (supportctl verify --gone).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, Protocol

SECONDS = 10.0
"""For one answer. A frozen API server takes a connection and never says anything."""

PAGE = 500
_METADATA = "application/json;as={kind};v=v1;g=meta.k8s.io"
_NO_API_SERVER = "what answers is no Kubernetes API server: does the kubeconfig's address lead to the cluster?"
_PATCH = {"merge": "merge-patch", "json": "json-patch"}
Found = dict[str, Any]
"""An object's `metadata`."""


class ClusterUnknownError(Exception):
    """The cluster did not say what is there, and why."""


class ClusterRefusedError(ClusterUnknownError):
    """The API server answered, and did not do what was asked: RBAC, admission, validation, a conflict, its store.

    status: the HTTP status. reason: the one of Kubernetes, as in AlreadyExists; empty where the answer has none.
    """

    def __init__(self, message: str, status: int, reason: str) -> None:
        super().__init__(message)
        self.status = status
        self.reason = reason


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
    """A Look through the official client."""

    def __init__(self, context: str, kubeconfig: Path | None = None, *, seconds: float = SECONDS) -> None:
        """kubeconfig: None for those of KUBECONFIG, or ~/.kube/config. Raises ClusterUnknownError for one that does not
        lead anywhere. Connects with the first question."""
        # Half a second to import, so only who asks waits for it.
        from kubernetes import client, config
        from kubernetes.config.config_exception import ConfigException

        self._seconds = seconds
        self._is_kubernetes = False
        configuration = client.Configuration()
        configuration.retries = False  # type: ignore[assignment] - urllib3 takes it for none
        try:
            config.load_kube_config(
                config_file=str(kubeconfig or os.environ.get("KUBECONFIG") or "~/.kube/config"),
                context=context,
                client_configuration=configuration,
                persist_config=False,
            )
        except (ConfigException, OSError, ValueError, KeyError, TypeError) as error:
            raise ClusterUnknownError(f"the kubeconfig does not lead to a cluster called {context}: {error}") from None
        self._client = client.ApiClient(configuration)

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
        """What the API server says of itself under a path that is no object's; None when there is nothing. Raises
        ClusterUnknownError."""
        return self._get(path, {}, "application/json")

    def delete(self, path: str, *, propagation: str = "Background", uid: str | None = None) -> bool:
        """Delete an object, the one with this uid where one is given. False when there is no such object. True says
        that the deletion was accepted: finalizers may still hold the object. Raises ClusterUnknownError."""
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        try:
            return self._write("DELETE", path, {**body, **({"preconditions": {"uid": uid}} if uid else {})}) is not None
        except ClusterRefusedError as refusal:
            if uid and refusal.status == 409:  # another object has the name by now
                return False
            raise

    def patch(
        self, path: str, body: Any, *, kind: Literal["merge", "json"] = "merge", dry_run: bool = False
    ) -> dict[str, Any] | None:
        """The object after a patch, None when there is no such object. Raises ClusterUnknownError."""
        return self._write("PATCH", path, body, dry_run=dry_run, content_type=f"application/{_PATCH[kind]}+json")

    def create(self, path: str, body: Mapping[str, Any], *, dry_run: bool = False) -> dict[str, Any]:
        """Create an object under the path of its kind and return it. dry_run: only ask whether the API server would,
        admission included. Raises ClusterUnknownError, ClusterRefusedError with reason AlreadyExists where the name is
        taken."""
        created = self._write("POST", path, body, dry_run=dry_run)
        if created is None:
            raise ClusterRefusedError(
                f"the API server has no {path}: it does not serve the kind, or the namespace does not exist",
                404,
                "NotFound",
            )
        return created

    def _write(
        self, method: str, path: str, body: Any, *, dry_run: bool = False, content_type: str = "application/json"
    ) -> dict[str, Any] | None:
        query = {"dryRun": "All"} if dry_run else {}
        answer = self._checked(*self._call(method, path, query, "application/json", body, content_type))
        if answer is not None and "kind" not in answer:
            raise ClusterUnknownError(_NO_API_SERVER)
        return answer

    def _items(self, path: str, labels: str, accept: str) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        query = {"limit": str(PAGE), **({"labelSelector": labels} if labels else {})}
        while True:
            answer = self._get(path, query, accept)
            if answer is None:
                return found
            query["continue"] = _metadata(answer).get("continue") or ""
            found += answer.get("items") or []
            if not query["continue"]:
                return found

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
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        headers = {"Accept": accept, **({} if body is None else {"Content-Type": content_type})}
        try:
            answer: Any = self._client.call_api(
                path,
                method,
                query_params=list(query.items()),
                header_params=headers,
                body=body,
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._seconds,
            )
            return 200, json.loads(answer.data)
        except ApiException as error:
            if error.status == 404:
                return 404, _json(error.body)
            if not error.status:
                raise ClusterUnknownError(f"the API server is no good: {error.reason}") from None
            status = _json(error.body)
            status = status if isinstance(status, dict) else {}
            detail = f": {status['message']}" if isinstance(status.get("message"), str) else ""
            raise ClusterRefusedError(
                f"the API server answers {path} with {error.status} {error.reason}{detail}",
                int(error.status),
                str(status.get("reason") or ""),
            ) from None
        except (HTTPError, OSError, ValueError) as error:
            raise ClusterUnknownError(f"the API server does not answer: {error}") from None


def _metadata(answer: dict[str, Any]) -> Found:
    if not isinstance(answer.get("metadata"), dict):
        raise ClusterUnknownError(_NO_API_SERVER)
    return answer["metadata"]


def _json(body: Any) -> Any:
    try:
        return json.loads(body)
    except (ValueError, TypeError):
        return None
