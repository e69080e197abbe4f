"""Kubernetes objects of every kind as Pulumi resources.

Owns create, read, update and delete of one object (check and diff are in declarations.py), with the real plugin's order
of steps and words (pulumi-kubernetes provider/pkg/provider/provider.go and pkg/await/await.go). Helm releases are
elsewhere. Needs the verdict on the cluster first; every wait ends at a timeout or at cancellation.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes import diff as diffs
from sandbox.plugins.kubernetes import kinds
from sandbox.plugins.kubernetes.apply import apply_update, conflict_error, forced, relinquish
from sandbox.plugins.kubernetes.checkpoint import Checkpoint, identity, new_manager, parse_identity
from sandbox.plugins.kubernetes.cluster import ApiError, Cluster, NoMatchError
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import InitializationError, OperationError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.readiness import annotation
from sandbox.plugins.kubernetes.server import Log
from sandbox.plugins.kubernetes.unreachable import Unreachable
from sandbox.plugins.kubernetes.values import Object, has_unknown, mark_secrets, plain_map, prop_map
from sandbox.plugins.kubernetes.waiting import Waiting
from sandbox.plugins.urns import type_of

_T = TypeVar("_T")

RETRY_SECONDS = (1.0, 2.0, 4.0, 8.0, 16.0)
_ALREADY_EXISTS = """

The resource already exists in the cluster. This can happen when:

  - Renaming a Pulumi resource: use an alias to preserve the identity,
    or use deleteBeforeReplace if the resource needs replacement.
  - Managing an existing resource: use a Patch resource (e.g. NamespacePatch)
    to manage specific fields without owning the resource lifecycle.
  - Adopting a resource into Pulumi: use `pulumi import`. Note that
    protected resources (e.g. kube-system) cannot be deleted on destroy.
  - Intentional upsert: set upsertExistingObjects on the provider to allow
    server-side apply to update existing objects on create."""


class Objects:
    """The objects of one provider instance."""

    def __init__(
        self,
        connection: Connection,
        log: Log,
        waiting: Waiting,
        retry_seconds: Sequence[float] = RETRY_SECONDS,
    ) -> None:
        """`retry_seconds` are the pauses before a create is tried again that met a missing namespace or kind."""
        self._connection = connection
        self._settings = connection.settings
        self._unreachable = Unreachable(connection, log)
        self._log = log
        self._waiting = waiting
        self._retry_seconds = tuple(retry_seconds)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        if not request.preview:
            self._unreachable.refuse()
        inputs = plain_map(request.properties)
        kind = kinds.of_object(inputs)
        patching = kinds.is_patch(type_of(request))
        as_declared = rpc.CreateResponse(properties=request.properties)
        if request.preview and (
            has_unknown(inputs) or patching or not self._settings.server_side_apply or not await self._served(kind)
        ):
            return as_declared
        manager = annotation(inputs, "patchFieldManager") or new_manager()
        try:
            live = await self._make(kind, inputs, manager, upsert=patching, preview=request.preview)
        except ApiError as error:
            if request.preview and (error.forbidden or error.namespace_missing or error.already_exists):
                return as_declared
            if isinstance(error, NoMatchError):
                raise OperationError(
                    f'creation of resource "{request.urn}" with kind {kind} failed because the Kubernetes API server '
                    "reported that the apiVersion for this resource does not exist. Verify that any required CRDs "
                    f"have been created: {error}"
                ) from error
            hint = _ALREADY_EXISTS if error.already_exists else ""
            raise OperationError(
                f'resource "{request.urn}" was not successfully created by the Kubernetes API server: {error}{hint}'
            ) from error
        state = Checkpoint(inputs, live, str(inputs.get("apiVersion", "")), manager)
        if request.preview:
            live.pop("status", None)
            return rpc.CreateResponse(properties=state.dump(request.properties))
        failure = await self._waiting.until_ready(self._cluster, live, inputs, request.timeout)
        state = Checkpoint(inputs, failure.live, state.initial_version, manager)
        if failure.message:
            raise InitializationError(
                f'resource "{request.urn}" was successfully created, but the Kubernetes API server reported that it '
                f"failed to fully initialize or become live: {failure.message}",
                resource_id=identity(live),
                properties=state.dump(request.properties),
                reasons=failure.reasons,
            )
        return rpc.CreateResponse(resource_id=identity(live), properties=state.dump(request.properties))

    async def _make(self, kind: Kind, inputs: Object, manager: str, *, upsert: bool, preview: bool) -> Object:
        """Create, or apply; tried again for a while when a namespace or a kind is still missing."""
        pauses = () if preview else self._retry_seconds
        for pause in (*pauses, None):
            try:
                if upsert or (self._settings.upsert_existing and self._settings.server_side_apply):
                    force = forced(inputs, None, always=self._settings.patch_force, preview=preview)
                    apply = self._cluster.apply
                    return await asyncio.to_thread(apply, kind, inputs, manager, force=force, dry_run=preview)
                return await asyncio.to_thread(self._cluster.create, kind, inputs, dry_run=preview)
            except ApiError as error:
                if error.conflict:
                    raise conflict_error(error, manager) from error
                if pause is None or not (error.not_found or isinstance(error, NoMatchError)):
                    raise
                if await self._waiting.cancelled(pause):
                    raise
        raise AssertionError("the last try returns or raises")

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        gone = rpc.ReadResponse()
        if self._connection.unreachable is not None:
            return await self._unreachable.read(request)
        namespace, name = parse_identity(request.resource_id)
        state = Checkpoint.load(request.properties)
        inputs = kinds.normalize(plain_map(request.inputs))
        imported = not inputs.get("kind")
        kind = (
            kinds.of_type(type_of(request))
            if imported and not state.live.get("kind")
            else kinds.of_object(inputs if not imported else state.live)
        )
        try:
            live = await asyncio.to_thread(self._cluster.get, kind, namespace, name)
        except ApiError as error:
            if error.not_found or isinstance(error, NoMatchError):
                return gone
            raise OperationError(str(error)) from error
        live_inputs = _declarable(live) if imported else diffs.prune(live, inputs)
        manager = annotation(inputs, "patchFieldManager") or state.manager
        found = Checkpoint(live_inputs, live, state.initial_version or str(live["apiVersion"]), manager)
        properties = found.dump(request.inputs)
        recorded = mark_secrets(prop_map(live_inputs), request.inputs)
        problems = [] if imported else await self._waiting.problems(self._cluster, live, inputs)
        if problems:
            raise InitializationError(
                f"Resource '{name}' was created but failed to initialize",
                resource_id=request.resource_id,
                properties=properties,
                inputs=recorded,
                reasons=problems,
            )
        return rpc.ReadResponse(resource_id=request.resource_id, properties=properties, inputs=recorded)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        if not request.preview:
            self._unreachable.refuse()
        inputs = kinds.normalize(plain_map(request.news))
        kind = kinds.of_object(inputs)
        if request.preview and (has_unknown(inputs) or not await self._served(kind)):
            return rpc.UpdateResponse(properties=request.news)
        old = Checkpoint.load(request.olds)
        manager = annotation(inputs, "patchFieldManager") or old.manager
        message, reasons = "", []
        try:
            live = await asyncio.to_thread(
                apply_update,
                self._cluster,
                kind,
                old,
                inputs,
                manager,
                self._settings,
                ignore_changes=list(request.ignore_changes),
                patching=kinds.is_patch(type_of(request)),
                preview=request.preview,
            )
            if not request.preview:
                failure = await self._waiting.until_ready(self._cluster, live, inputs, request.timeout)
                live, message, reasons = failure.live, failure.message, failure.reasons
        except ApiError as error:
            if request.preview and error.forbidden:
                return rpc.UpdateResponse(properties=request.news)
            if isinstance(error, NoMatchError):
                raise OperationError(
                    f'update of resource "{request.urn}" failed because the Kubernetes API server reported that the '
                    f"apiVersion for this resource does not exist. Verify that any required CRDs have been created: "
                    f"{error}"
                ) from error
            live, message = await self._still_there(request, kind, error), str(error)
        properties = Checkpoint(inputs, live, old.initial_version, manager).dump(request.news)
        if message:
            raise InitializationError(
                f'the Kubernetes API server reported that "{identity(live)}" failed to fully initialize or become '
                f"live: {message}",
                resource_id=identity(live),
                properties=properties,
                reasons=reasons,
            )
        return rpc.UpdateResponse(properties=properties)

    async def _still_there(self, request: rpc.UpdateRequest, kind: Kind, error: ApiError) -> Object:
        """The object after a failed update, for the state; its absence is part of the failure."""
        namespace, name = parse_identity(request.resource_id)
        try:
            return await asyncio.to_thread(self._cluster.get, kind, namespace, name)
        except ApiError as missing:
            raise OperationError(
                f'update of resource "{request.urn}" failed: {error}\nunable to get cluster state: {missing}'
            ) from error

    async def delete(self, request: rpc.DeleteRequest) -> None:
        if self._connection.unreachable is not None:
            await self._unreachable.delete(request)
            return
        state = Checkpoint.load(request.properties)
        kind = kinds.of_object(state.live)
        namespace, name = parse_identity(request.resource_id)
        try:
            if kinds.is_patch(type_of(request)):
                await self._give_back(kind, state)
                return
            propagation = annotation(state.inputs, "deletionPropagationPolicy").capitalize()
            if propagation not in ("Orphan", "Background"):
                propagation = "Foreground"
            await asyncio.to_thread(self._cluster.delete, kind, namespace, name, propagation)
        except ApiError as error:
            if error.not_found or isinstance(error, NoMatchError):
                return
            raise OperationError(str(error)) from error
        if _skips_deletion(state.inputs):
            return
        left = await self._waiting.until_gone(self._cluster, kind, state.live, state.inputs, request.timeout)
        if left is None:
            return
        finalizers = ", ".join(left["metadata"].get("finalizers") or [])
        await self._log.warning(request.urn, f"finalizers might be preventing deletion ({finalizers})")
        properties = Checkpoint(state.live, left, state.initial_version, state.manager).dump(request.properties)
        raise InitializationError(
            "timed out waiting for the condition", resource_id=identity(left), properties=properties
        )

    async def _give_back(self, kind: Kind, state: Checkpoint) -> None:
        """The real plugin lets go by an empty apply and takes every refusal for a failure: also that of an object, or
        a namespace, which somebody has deleted meanwhile."""
        try:
            await asyncio.to_thread(relinquish, self._cluster, kind, state.live, state.manager)
        except NoMatchError:
            raise
        except ApiError as error:
            required = next((cause for cause in error.causes if cause.get("reason") == "FieldValueRequired"), None)
            raise OperationError(
                str(error)
                if required is None
                else "this Patch resource is currently managing a required field, so it can't be deleted directly. "
                "Either set the `retainOnDelete` resource option, or transfer ownership of the field before deleting: "
                f"{required['field']}"
            ) from error

    @property
    def _cluster(self) -> Cluster:
        cluster = self._connection.cluster
        if cluster is None:
            raise AssertionError("operations that need a cluster look at the verdict first")
        return cluster

    async def _served(self, kind: Kind) -> bool:
        cluster = self._connection.cluster
        return cluster is not None and await self._in_thread(cluster.exists, kind)

    async def _in_thread(self, function: Callable[..., _T], *arguments: Any) -> _T:
        try:
            return await asyncio.to_thread(function, *arguments)
        except ApiError as error:
            raise OperationError(str(error)) from error


def _declarable(live: Object) -> Object:
    """The part of an imported object that a program could have declared."""
    inputs = kinds.normalize({key: value for key, value in live.items() if key != "status"})
    annotations = dict(inputs["metadata"].get("annotations") or {})
    for written in ("deployment.kubernetes.io/revision", "kubectl.kubernetes.io/last-applied-configuration"):
        annotations.pop(written, None)
    rest = {key: value for key, value in inputs["metadata"].items() if key != "annotations"}
    return {**inputs, "metadata": {**rest, "annotations": annotations} if annotations else rest}


def _skips_deletion(inputs: Object) -> bool:
    """pulumi.com/skipAwait also means not to wait for the end, but only for these kinds."""
    kind = kinds.of_object(inputs)
    workloads = {("apps", name) for name in ("DaemonSet", "Deployment", "StatefulSet")}
    others = {("", "Namespace"), ("", "Pod"), ("", "ReplicationController"), ("batch", "Job")}
    return annotation(inputs, "skipAwait") == "true" and (kind.group, kind.kind) in workloads | others
