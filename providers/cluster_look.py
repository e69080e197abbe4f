"""Reading from a customer's cluster: what is there, without what is in it.

Owns the connection by kubeconfig and context, the way `kubectl` finds them, and an error in place of every way in
which a cluster does not say. Asks for metadata alone, so no Secret's contents ever arrive; whole objects only of kinds
that hold none. Changes nothing. What it is for is its callers': leftovers before something is made and what stands
there already (components/cluster), what the operator still holds when all goes (providers/tailnet/held.py), and proof
of absence (supportctl verify --gone).
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

SECONDS = 10.0
"""For one answer. A frozen API server takes a connection and never says anything."""

PAGE = 500
_METADATA = "application/json;as={kind};v=v1;g=meta.k8s.io"
_NO_API_SERVER = "what answers is no Kubernetes API server: does the kubeconfig's address lead to the cluster?"
Found = dict[str, Any]
"""An object's `metadata`."""


class ClusterUnknownError(Exception):
    """The cluster did not say what is there, and why."""


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
        status, answer = self._asked(path, query, accept)
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
            _, root = self._asked("/api", {}, "application/json")
            self._is_kubernetes = isinstance(root, dict) and root.get("kind") == "APIVersions"
        if not self._is_kubernetes:
            raise ClusterUnknownError(_NO_API_SERVER)

    def _asked(self, path: str, query: Mapping[str, str], accept: str) -> tuple[int, Any]:
        """Status, 200 or 404, and what came with it, None where that is no JSON."""
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer: Any = self._client.call_api(
                path,
                "GET",
                query_params=list(query.items()),
                header_params={"Accept": accept},
                auth_settings=["BearerToken"],
                _preload_content=False,
                _return_http_data_only=True,
                _request_timeout=self._seconds,
            )
            return 200, json.loads(answer.data)
        except ApiException as error:
            if error.status == 404:
                return 404, _json(error.body)
            said = (
                f"answers {path} with {error.status} {error.reason}" if error.status else f"is no good: {error.reason}"
            )
            raise ClusterUnknownError(f"the API server {said}") from None
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
