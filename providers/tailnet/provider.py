"""The provider: which request goes to which resource. Owns threads, the client and the engine's forms of values.

The work is ordinary blocking code in threads, so that waits of one resource do not hold up another. Credentials are
looked at when the first request needs them; configuration is empty on purpose, since a destroy runs with what the
state of the last `up` says, and a credential there would be old and in the state.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Protocol, TypeVar

from pulumi.provider.experimental import provider as engine

from .client import Client
from .cluster import Cluster
from .cluster_repair import ClusterRepair
from .conditions import tailnet_conditions
from .credential_proof import CredentialProof
from .credentials import Credentials, credentials
from .device_cleanup import DeviceCleanup
from .enrollment import Enrollment
from .exposure_enrollment import ExposureEnrollment
from .log import Log
from .operators import operators
from .policy_slice import PolicySlice
from .problems import CancelledError, TailnetError
from .slice_check import Problem
from .sources import source_users
from .tailnet_defaults import tailnet_defaults
from .values import is_known, plain_map, property_map
from .withdrawal import Withdrawal

VERSION = "0.1.0"
TOKEN_PREFIX = "tailnet:index:"  # noqa: S105  a type token
Function = Callable[[Client, Mapping[str, Any]], Mapping[str, Any]]


def _answering(name: str, function: Callable[[Client, Mapping[str, Any]], Any]) -> Function:
    """A function whose answer has one property."""
    return lambda client, asked: {name: function(client, asked)}


FUNCTIONS: dict[str, Function] = {
    f"{TOKEN_PREFIX}getSourceUsers": source_users,
    f"{TOKEN_PREFIX}getOperators": _answering("operators", operators),
    f"{TOKEN_PREFIX}getTailnetConditions": _answering("conditions", tailnet_conditions),
    f"{TOKEN_PREFIX}getTailnetDefaults": _answering("defaults", tailnet_defaults),
}
OUTPUTS = ("status", "foreign", "findings")
"""Beginnings of paths in a detailed diff that lie in the state and not among the inputs."""
_OWNER = "what belongs to the old one would be left behind. Destroy this stack and make a new one"
FIXED = {
    "part": _OWNER,
    "customer": _OWNER,
    "environment": _OWNER,
    "uid": (
        "another cluster answers under this context, and nothing in it is changed. Fix: correct the context in the "
        "kubeconfig, or support-access:cluster. To move to another cluster: `pulumi destroy` with the old context, "
        "then `pulumi up` with the new one"
    ),
}
"""Inputs that say whose the resource is, and why they never change in place; nothing here is ever replaced."""

_KINDS = {
    "add": engine.PropertyDiffKind.ADD,
    "delete": engine.PropertyDiffKind.DELETE,
    "update": engine.PropertyDiffKind.UPDATE,
}
Properties = dict[str, Any]
T = TypeVar("T")


class Resource(Protocol):
    """What a resource of this provider does; properties are plain values."""

    def __init__(self, client: Client, log: Log) -> None: ...
    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]: ...
    def identifier(self, inputs: Mapping[str, Any]) -> str: ...
    def preview(self, inputs: Properties, previous: Properties | None = None, /) -> Properties: ...
    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties: ...
    def read(self, state: Properties) -> Properties: ...
    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]: ...
    def delete(self, state: Properties, /) -> None: ...


RESOURCES: dict[str, type[Resource]] = {
    f"{TOKEN_PREFIX}{resource.__name__}": resource
    for resource in (
        PolicySlice,
        Enrollment,
        ExposureEnrollment,
        DeviceCleanup,
        CredentialProof,
        Withdrawal,
        Cluster,
        ClusterRepair,
    )
}


class TailnetProvider(engine.Provider):
    """Serves the resources in RESOURCES and the functions in FUNCTIONS."""

    def __init__(
        self,
        environ: Mapping[str, str],
        log_for: Callable[[str], Log],
        make_client: Callable[..., Client] = Client,
    ) -> None:
        """`log_for` gives the log of a resource by its URN; `make_client` takes credentials and `sleep`."""
        self._environ = environ
        self._log_for = log_for
        self._make_client = make_client
        self._client: Client | None = None
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._threads = ThreadPoolExecutor(max_workers=64, thread_name_prefix="tailnet")

    async def get_schema(self, request: engine.GetSchemaRequest) -> engine.GetSchemaResponse:
        del request  # there is one schema
        return engine.GetSchemaResponse(Path(__file__).with_name("schema.json").read_text(encoding="utf-8"))

    async def configure(self, request: engine.ConfigureRequest) -> engine.ConfigureResponse:
        del request  # nothing is configured: see above
        return engine.ConfigureResponse(supports_preview=True)

    async def cancel(self) -> None:
        self._cancelled.set()

    def close(self) -> None:
        """Ends waits and threads, closes connections."""
        self._cancelled.set()
        self._threads.shutdown(wait=True, cancel_futures=True)
        if self._client is not None:
            self._client.close()

    async def check(self, request: engine.CheckRequest) -> engine.CheckResponse:
        given = dict(request.new_inputs)
        inputs, old = plain_map(given), plain_map(request.old_inputs)
        if old.get("uid") and not inputs.get("uid", True):  # a cluster that does not answer keeps its record
            given["uid"], inputs["uid"] = request.old_inputs["uid"], old["uid"]
        problems = _class_of(request.type).check(inputs)
        for name, reason in FIXED.items():
            if name in old and is_known([old[name], inputs.get(name)]) and old[name] != inputs.get(name):
                problems.append((name, f"cannot change from {old[name]!r} to {inputs.get(name)!r}: {reason}"))
        failures = [engine.CheckFailure(name, reason) for name, reason in problems]
        return engine.CheckResponse(inputs=given, failures=failures)

    async def diff(self, request: engine.DiffRequest) -> engine.DiffResponse:
        old, new = plain_map(request.old_state), plain_map(request.new_inputs)
        found = await self._run(lambda: self._resource(request.urn).diff(old, new))
        return engine.DiffResponse(
            changes=bool(found),
            diffs=sorted({path.partition(".")[0] for path in found}),
            detailed_diff={
                path: engine.PropertyDiff(_KINDS[kind], input_diff=not path.startswith(OUTPUTS))
                for path, kind in found.items()
            },
        )

    async def create(self, request: engine.CreateRequest) -> engine.CreateResponse:
        inputs = plain_map(request.properties)

        def work() -> tuple[str | None, Properties]:
            resource = self._resource(request.urn)
            if request.preview:
                return None, resource.preview(inputs)
            return resource.identifier(inputs), resource.create(inputs)

        identifier, state = await self._run(work)
        return engine.CreateResponse(resource_id=identifier, properties=property_map(state))

    async def update(self, request: engine.UpdateRequest) -> engine.UpdateResponse:
        old, new = plain_map(request.olds), plain_map(request.news)

        def work() -> Properties:
            resource = self._resource(request.urn)
            return resource.preview(new, old) if request.preview else resource.create(new, old)

        return engine.UpdateResponse(properties=property_map(await self._run(work)))

    async def read(self, request: engine.ReadRequest) -> engine.ReadResponse:
        old = plain_map(request.properties)
        if not old:
            return await self._import(request)
        state = await self._run(lambda: self._resource(request.urn).read(old))
        return engine.ReadResponse(request.resource_id, property_map(state), request.inputs)

    async def _import(self, request: engine.ReadRequest) -> engine.ReadResponse:
        """`pulumi import`: only the id is known. An answer without an id says that nothing is there."""
        resource = self._resource(request.urn)
        if not isinstance(resource, PolicySlice):
            raise TailnetError(
                "this resource cannot be imported: declare it and run `pulumi up`, which adopts what is there"
            )
        found = await self._run(lambda: resource.import_(request.resource_id))
        if found is None:
            return engine.ReadResponse()
        identifier, inputs, state = found
        return engine.ReadResponse(identifier, property_map(state), property_map(inputs))

    async def delete(self, request: engine.DeleteRequest) -> None:
        old = plain_map(request.properties)
        await self._run(lambda: self._resource(request.urn).delete(old))

    async def invoke(self, request: engine.InvokeRequest) -> engine.InvokeResponse:
        if request.tok not in FUNCTIONS:
            raise TailnetError(f"the provider tailnet has no function {request.tok}")
        asked = plain_map(request.args)
        answer = await self._run(lambda: FUNCTIONS[request.tok](self._connected(), asked))
        return engine.InvokeResponse(property_map(answer))

    def _resource(self, urn: str) -> Resource:
        return _class_of(urn.split("::")[-2])(self._connected(), self._log_for(urn))

    def _connected(self) -> Client:
        with self._lock:
            if self._client is None:
                found: Credentials = credentials(self._environ)
                self._client = self._make_client(found, sleep=self._sleep)
            return self._client

    def _sleep(self, seconds: float) -> None:
        if self._cancelled.wait(seconds):
            raise CancelledError("cancelled while waiting; run again to go on")

    async def _run(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _class_of(token: str) -> type[Resource]:
    # The engine qualifies the type of a child resource with its parents': `parent$tailnet:index:PolicySlice`.
    token = token.rpartition("$")[2]
    if token not in RESOURCES:
        raise TailnetError(f"the provider tailnet has no resource {token}; it has {', '.join(RESOURCES)}")
    return RESOURCES[token]
