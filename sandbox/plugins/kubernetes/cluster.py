"""Requests to one API server about objects of any kind, as plain data.

Owns discovery of kinds and the dynamic client's calls, and turns what the client raises into ApiError. Every method
blocks and is safe to call from several threads. Keeps discovery in the file it is given and nothing else.
"""

from __future__ import annotations

import json
import threading
from pathlib import Path
from typing import Any

from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.values import Object

# The field manager of plain creates and updates; server-side apply has one manager per resource.
CREATE_MANAGER = "pulumi-kubernetes"


class ApiError(Exception):
    """The server refused, or gave no answer (`status` 0). The text is the server's own message."""

    def __init__(self, message: str, status: int = 0, reason: str = "", kind: str = "", body: Object | None = None):
        """`reason` and `kind` (plural, of the object the answer is about) come from the server's Status."""
        super().__init__(message)
        self.status = status
        self.reason = reason
        self.kind = kind
        self.causes: list[Object] = ((body or {}).get("details") or {}).get("causes") or []

    @property
    def not_found(self) -> bool:
        return self.status == 404

    @property
    def namespace_missing(self) -> bool:
        return self.not_found and self.kind == "namespaces"

    @property
    def forbidden(self) -> bool:
        return self.status == 403

    @property
    def conflict(self) -> bool:
        return self.status == 409 and self.reason == "Conflict"

    @property
    def already_exists(self) -> bool:
        return self.status == 409 and self.reason == "AlreadyExists"


class NoMatchError(ApiError):
    """The server has no such kind: usually a custom resource before its definition."""

    def __init__(self, kind: Kind) -> None:
        super().__init__(f'no matches for kind "{kind.kind}" in version "{kind.api_version}"')


class Cluster:
    """One API server, reached by one client."""

    def __init__(self, client: Any, discovery_file: Path) -> None:
        """`client` is a kubernetes.client.ApiClient."""
        self._client = client
        self._discovery_file = discovery_file
        self._discovery = threading.Lock()  # the client's discovery reloads in place
        self._dynamic: Any = None

    def exists(self, kind: Kind) -> bool:
        """Whether the server serves the kind."""
        try:
            self._resource(kind)
        except NoMatchError:
            return False
        return True

    def namespaced(self, kind: Kind) -> bool | None:
        """Whether the server keeps the kind in namespaces; None when it does not serve it."""
        try:
            return bool(self._resource(kind).namespaced)
        except NoMatchError:
            return None

    def get(self, kind: Kind, namespace: str, name: str) -> Object:
        resource = self._resource(kind)
        return self._call(resource.get, name=name, namespace=_place(resource, namespace))

    def items(self, kind: Kind, namespace: str, label_selector: str) -> list[Object]:
        """All objects of the kind in the namespace that carry the labels."""
        resource = self._resource(kind)
        found = self._call(resource.get, namespace=_place(resource, namespace), label_selector=label_selector)
        return found.get("items") or []

    def create(self, kind: Kind, body: Object, *, dry_run: bool) -> Object:
        resource = self._resource(kind)
        return self._call(
            resource.create,
            body=body,
            namespace=_place(resource, _namespace(body)),
            field_manager=CREATE_MANAGER,
            dry_run=_dry(dry_run),
        )

    def apply(self, kind: Kind, body: Object, manager: str, *, force: bool, dry_run: bool) -> Object:
        """Server-side apply of exactly the fields in `body`."""
        resource = self._resource(kind)
        return self._call(
            resource.server_side_apply,
            body=body,
            name=body["metadata"]["name"],
            namespace=_place(resource, _namespace(body)),
            field_manager=manager,
            force_conflicts="true" if force else "false",
            dry_run=_dry(dry_run),
        )

    def replace(self, kind: Kind, body: Object, manager: str, *, dry_run: bool) -> Object:
        """PUT; `body` carries the resourceVersion it was read at."""
        resource = self._resource(kind)
        return self._call(
            resource.replace,
            body=body,
            namespace=_place(resource, _namespace(body)),
            field_manager=manager,
            dry_run=_dry(dry_run),
        )

    def patch_json(self, kind: Kind, namespace: str, name: str, operations: list[Object]) -> Object:
        """JSON patch (RFC 6902)."""
        resource = self._resource(kind)
        return self._call(
            resource.patch,
            body=operations,
            name=name,
            namespace=_place(resource, namespace),
            content_type="application/json-patch+json",
        )

    def merge(self, kind: Kind, body: Object, manager: str, *, dry_run: bool) -> Object:
        """JSON merge patch, for programs that switch server-side apply off."""
        resource = self._resource(kind)
        return self._call(
            resource.patch,
            body=body,
            name=body["metadata"]["name"],
            namespace=_place(resource, _namespace(body)),
            content_type="application/merge-patch+json",
            field_manager=manager,
            dry_run=_dry(dry_run),
        )

    def delete(self, kind: Kind, namespace: str, name: str, propagation: str) -> None:
        """Ask for deletion; `propagation` is Foreground, Background or Orphan. The object may outlive the call."""
        resource = self._resource(kind)
        body = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        self._call(resource.delete, name=name, namespace=_place(resource, namespace), body=body)

    def _resource(self, kind: Kind) -> Any:
        from kubernetes.dynamic import DynamicClient
        from kubernetes.dynamic.exceptions import ResourceNotFoundError

        with self._discovery:
            if self._dynamic is None:
                self._dynamic = self._guard(DynamicClient, self._client, cache_file=str(self._discovery_file))
            try:
                return self._guard(
                    self._dynamic.resources.get,
                    prefix="apis" if kind.group else "api",
                    group=kind.group,
                    api_version=kind.version,
                    kind=kind.kind,
                )
            except ResourceNotFoundError as error:
                raise NoMatchError(kind) from error

    def _call(self, method: Any, **arguments: Any) -> Object:
        given = {key: value for key, value in arguments.items() if value is not None}
        return self._guard(method, serialize=False, **given)

    @staticmethod
    def _guard(method: Any, *arguments: Any, **options: Any) -> Any:
        from kubernetes.client.exceptions import ApiException
        from urllib3.exceptions import HTTPError

        try:
            answer = method(*arguments, **options)
        except ApiException as error:
            raise _api_error(error) from error
        except HTTPError as error:
            raise ApiError(f"no answer from the API server: {error}") from error
        return json.loads(answer.data) if options.get("serialize") is False else answer


def _api_error(error: Any) -> ApiError:
    try:
        status = json.loads(error.body)
        message = status["message"]
    except (TypeError, ValueError, KeyError):
        return ApiError(f"{error.status} {error.reason}", error.status or 0)
    details = status.get("details") or {}
    return ApiError(message, error.status, status.get("reason", ""), details.get("kind", ""), status)


def _namespace(body: Object) -> str:
    return (body.get("metadata") or {}).get("namespace") or ""


def _place(resource: Any, namespace: str) -> str | None:
    return (namespace or "default") if resource.namespaced else None


def _dry(dry_run: bool) -> str | None:
    return "All" if dry_run else None
