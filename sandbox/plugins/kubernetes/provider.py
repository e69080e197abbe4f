"""The provider: what the engine may ask of it, handed to objects or releases once the verdict is there.

Owns configuration and the order of things: Configure returns at once, the verdict on the cluster is made meanwhile,
and the first operation awaits it. Dies with `cancel`, which ends every wait, and `close`, which removes its files.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes import kubeconfig
from sandbox.plugins.kubernetes.connection import HANDSHAKE_SECONDS, Connection, Settings
from sandbox.plugins.kubernetes.declarations import Declarations
from sandbox.plugins.kubernetes.errors import OperationError
from sandbox.plugins.kubernetes.helm import Helm
from sandbox.plugins.kubernetes.kinds import RELEASE_TYPE
from sandbox.plugins.kubernetes.objects import Objects
from sandbox.plugins.kubernetes.releases import Releases
from sandbox.plugins.kubernetes.scopes import Scopes
from sandbox.plugins.kubernetes.server import Log
from sandbox.plugins.kubernetes.values import has_unknown, plain_map
from sandbox.plugins.kubernetes.waiting import Waiting
from sandbox.plugins.urns import type_of

_WHERE = ("kubeconfig", "context", "cluster")


@dataclass(frozen=True)
class _Ready:
    connection: Connection
    declarations: Declarations
    objects: Objects
    releases: Releases


class KubernetesProvider(rpc.Provider):
    """One configured provider, as one plugin process serves it."""

    def __init__(
        self,
        log: Log,
        environment: Mapping[str, str] | None = None,
        handshake_seconds: float = HANDSHAKE_SECONDS,
    ) -> None:
        """`environment` stands for os.environ; `handshake_seconds` is how long each of two attempts to connect takes
        at most before the cluster counts as unreachable."""
        self._log = log
        self._environment = os.environ if environment is None else environment
        self._handshake_seconds = handshake_seconds
        self._waiting: Waiting | None = None
        self._verdict: asyncio.Task[_Ready] | None = None
        self._connection: Connection | None = None

    async def configure(self, request: rpc.ConfigureRequest) -> rpc.ConfigureResponse:
        settings = Settings.read(request.variables, self._environment)
        self._waiting = Waiting()
        self._verdict = asyncio.create_task(self._decide(settings, self._waiting))
        return rpc.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def _decide(self, settings: Settings, waiting: Waiting) -> _Ready:
        connection = await asyncio.to_thread(Connection.open, settings, self._environment, self._handshake_seconds)
        self._connection = connection
        scopes = Scopes(connection.cluster)
        return _Ready(
            connection,
            Declarations(connection, scopes, self._log),
            Objects(connection, self._log, waiting),
            Releases(connection, scopes, self._log, Helm(connection.helm_flags, self._environment, waiting)),
        )

    async def _ready(self) -> _Ready:
        if self._verdict is None:
            raise OperationError("the kubernetes provider was asked for a resource before it was configured")
        return await asyncio.shield(self._verdict)

    async def diff_config(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        """Another cluster means other resources: the provider is replaced, and with it everything in it.

        As with the real plugin that is seen only where the configuration carries its kubeconfig, and a
        `clusterIdentifier` that is set decides alone.
        """
        old, new = plain_map(request.old_state), plain_map(request.new_inputs)
        changed = [key for key in sorted(old.keys() | new.keys()) if old.get(key) != new.get(key)]
        moved = [key for key in _WHERE if key in changed]
        unknown = [key for key in _WHERE if has_unknown(new.get(key))]
        identifiers = old.get("clusterIdentifier"), new.get("clusterIdentifier")
        if all(identifiers):
            moved = ["clusterIdentifier"] if identifiers[0] != identifiers[1] else []
        elif unknown:
            moved = unknown
        elif moved:
            before, after = _cluster_entry(old), _cluster_entry(new)
            moved = moved if before is not None and after is not None and before != after else []
        return rpc.DiffResponse(replaces=moved, diffs=changed)

    async def check(self, request: rpc.CheckRequest) -> rpc.CheckResponse:
        ready = await self._ready()
        if type_of(request) == RELEASE_TYPE and not self._skips(ready.connection):
            return await ready.releases.check(request)
        return await ready.declarations.check(request)

    @staticmethod
    def _skips(connection: Connection) -> bool:
        return connection.unreachable is not None and connection.settings.skip_update_unreachable

    async def diff(self, request: rpc.DiffRequest) -> rpc.DiffResponse:
        ready = await self._ready()
        part = ready.releases if type_of(request) == RELEASE_TYPE else ready.declarations
        return await part.diff(request)

    async def create(self, request: rpc.CreateRequest) -> rpc.CreateResponse:
        ready = await self._ready()
        part = ready.releases if type_of(request) == RELEASE_TYPE else ready.objects
        return await part.create(request)

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        ready = await self._ready()
        if type_of(request) == RELEASE_TYPE and ready.connection.unreachable is None:
            return await ready.releases.read(request)
        return await ready.objects.read(request)

    async def update(self, request: rpc.UpdateRequest) -> rpc.UpdateResponse:
        ready = await self._ready()
        part = ready.releases if type_of(request) == RELEASE_TYPE else ready.objects
        return await part.update(request)

    async def delete(self, request: rpc.DeleteRequest) -> None:
        ready = await self._ready()
        part = ready.releases if type_of(request) == RELEASE_TYPE else ready.objects
        await part.delete(request)

    async def invoke(self, request: rpc.InvokeRequest) -> rpc.InvokeResponse:
        raise OperationError(
            f"{request.tok} is not supported by this stand-in for pulumi-kubernetes, which serves objects and "
            "helm.v3.Release; install the real plugin for it"
        )

    async def get_schema(self, request: rpc.GetSchemaRequest) -> rpc.GetSchemaResponse:
        del request
        raise OperationError("this stand-in for pulumi-kubernetes carries no schema; install the real plugin for it")

    async def cancel(self) -> None:
        if self._waiting is not None:
            self._waiting.cancel()

    def close(self) -> None:
        """Remove the temporary files. Call it when no operation is under way any more."""
        if self._connection is not None:
            self._connection.close()


def _cluster_entry(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """The cluster in a configuration's own kubeconfig that it leads to, None when there is none."""
    if not config.get("kubeconfig"):
        return None
    try:
        found = kubeconfig.parse(config["kubeconfig"])
    except kubeconfig.KubeconfigError as error:
        raise OperationError(f"failed to parse kubeconfig: {error}") from error
    try:
        target = kubeconfig.choose(found, config.get("context"), config.get("cluster"), None)
    except kubeconfig.KubeconfigError:
        return None
    return target.config["clusters"][0]["cluster"]
