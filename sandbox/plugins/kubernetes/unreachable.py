"""What becomes of operations on a cluster that cannot be reached.

Owns refusing them, or dropping resources from the state, as the provider is configured. Asks no cluster.
"""

from __future__ import annotations

from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes.connection import Connection
from sandbox.plugins.kubernetes.errors import OperationError
from sandbox.plugins.kubernetes.server import Log

_DROP_HINT = (
    "you can remove this resource from Pulumi state by rerunning the operation with the PULUMI_K8S_DELETE_UNREACHABLE "
    'environment variable set to "true"'
)
_DROPPING = (
    "configured Kubernetes cluster is unreachable and the `deleteUnreachable` option is enabled. Deleting the "
    "unreachable resource from Pulumi state"
)


class Unreachable:
    """Operations of one provider instance after a bad verdict."""

    def __init__(self, connection: Connection, log: Log) -> None:
        self._settings = connection.settings
        self._reason = connection.unreachable
        self._log = log

    def refuse(self) -> None:
        """Raise the reason why nothing can be created or updated; nothing when the cluster can be reached."""
        if self._reason is not None:
            raise OperationError(f"configured Kubernetes cluster is unreachable: {self._reason}")

    async def read(self, request: rpc.ReadRequest) -> rpc.ReadResponse:
        """What reading gives without a cluster: nothing (dropped), the old state, or an error, as configured."""
        await self._warn(request.urn)
        if self._settings.delete_unreachable:
            await self._log.info(request.urn, _DROPPING)
            return rpc.ReadResponse()
        if self._settings.skip_update_unreachable:
            await self._log.info(
                request.urn,
                "configured Kubernetes cluster is unreachable and the `skipUnreachable` option is enabled. Returned "
                "data could not reflect the actual cluster configuration.",
            )
            return rpc.ReadResponse(request.resource_id, request.properties, request.inputs)
        raise OperationError(
            f"failed to read resource state due to unreachable cluster. If the cluster was deleted, {_DROP_HINT}"
        )

    async def delete(self, request: rpc.DeleteRequest) -> None:
        """Drop the object from the state without touching it, or refuse to."""
        await self._warn(request.urn)
        if not self._settings.delete_unreachable:
            raise OperationError(
                f"configured Kubernetes cluster is unreachable. If the cluster was deleted, {_DROP_HINT}"
            )
        await self._log.info(request.urn, _DROPPING)

    async def _warn(self, urn: str) -> None:
        await self._log.warning(urn, f"configured Kubernetes cluster is unreachable: {self._reason}")
