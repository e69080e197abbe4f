"""What a program declares of Kubernetes objects: checked, completed, and compared with what there is.

Owns check and diff of one object, with the real plugin's rules (pulumi-kubernetes provider/pkg/provider/provider.go).
Changes nothing in any cluster, and works without one.
"""

from __future__ import annotations

from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes import diff as diffs
from sandbox.plugins.kubernetes import kinds
from sandbox.plugins.kubernetes.checkpoint import Checkpoint, autoname
from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import OperationError
from sandbox.plugins.kubernetes.kinds import Kind
from sandbox.plugins.kubernetes.readiness import annotation
from sandbox.plugins.kubernetes.scopes import Scopes
from sandbox.plugins.kubernetes.server import Log
from sandbox.plugins.kubernetes.values import Object, mark_secrets, plain_map, prop_map
from sandbox.plugins.urns import type_of


class Declarations:
    """The declared objects of one provider instance."""

    def __init__(self, connection: Connection, scopes: Scopes, log: Log) -> None:
        self._connection = connection
        self._settings = connection.settings
        self._scopes = scopes
        self._log = log

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        if self._connection.unreachable is not None and self._settings.skip_update_unreachable:
            await self._log.warning(
                request.urn, "Cluster is unreachable but skipUpdateUnreachable flag is set to true, skipping..."
            )
            return rpc.CheckResponse(inputs=request.old_inputs)
        new = kinds.normalize(plain_map(request.new_inputs))
        kind = kinds.of_type(type_of(request))
        metadata = new.setdefault("metadata", {})
        if isinstance(metadata, dict):
            self._name(metadata, request)
            if not metadata.get("namespace") and await self._scopes.namespaced(kind):
                metadata["namespace"] = self._connection.namespace
        if kinds.is_crd(kind):
            self._scopes.declare(new)
        return rpc.CheckResponse(inputs=mark_secrets(prop_map(new), request.new_inputs))

    def _name(self, metadata: Object, request: rpc.CheckRequest) -> None:
        if metadata.get("name"):
            return
        if kinds.is_patch(type_of(request)):
            raise OperationError("patch resources require the `.metadata.name` field to be set")
        if metadata.get("generateName"):
            raise OperationError("the `.metadata.generateName` field is not supported in Server-Side Apply mode")
        if request.old_inputs:
            old = plain_map(request.old_inputs)
            if annotation(old, "autonamed") != "true":
                return
            metadata["name"] = old["metadata"]["name"]
        else:
            metadata["name"] = autoname(request.name, request.random_seed)
        metadata["annotations"] = {**(metadata.get("annotations") or {}), "pulumi.com/autonamed": "true"}

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        state = Checkpoint.load(request.old_state)
        new = kinds.normalize(plain_map(request.new_inputs))
        old = kinds.normalize(diffs.prune(state.live, kinds.normalize(state.inputs)))
        for key in ("apiVersion", "kind"):
            old.setdefault(key, new.get(key))
        old_metadata, new_metadata = old.setdefault("metadata", {}), new.setdefault("metadata", {})
        if isinstance(new_metadata, dict):
            await self._align(kinds.of_object(new), state.live, old_metadata, new_metadata)
        force = (
            [".metadata.name", ".metadata.namespace"]
            if kinds.is_patch(type_of(request))
            else kinds.force_new(
                new,
                secret_mutable=self._settings.secret_mutable,
                config_map_mutable=self._settings.config_map_mutable,
            )
        )
        changes = diffs.ignoring(diffs.compare(old, new, force), request.ignore_changes)
        replaces = diffs.replaces(changes)
        return rpc.DiffResponse(
            changes=bool(changes),
            replaces=replaces,
            delete_before_replace=bool(replaces) and _same_place(new, state.live),
            detailed_diff=changes,
        )

    async def _align(self, kind: Kind, live: Object, old: Object, new: Object) -> None:
        """Let an absent namespace mean the default one, or nothing for cluster-scoped kinds."""
        namespaced = await self._scopes.namespaced(kind)
        for metadata in (old, new):
            metadata.pop("namespace", None) if not namespaced else metadata.setdefault("namespace", "default")
        if new.get("name"):
            old["name"] = live["metadata"]["name"]


def _same_place(new: Object, live: Object) -> bool:
    """Whether the new object would take the very name of the old: then the old one has to go first."""
    if annotation(new, "autonamed") == "true":
        return False
    wanted, found = new.get("metadata") or {}, live["metadata"]
    return (wanted.get("name"), wanted.get("namespace")) == (found["name"], found.get("namespace"))
