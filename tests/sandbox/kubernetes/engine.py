"""An engine for tests: it asks a provider in the order in which Pulumi's engine does, and keeps the state."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from pulumi.provider.experimental import provider as rpc

from sandbox.plugins.kubernetes.errors import InitializationError, Properties
from sandbox.plugins.kubernetes.provider import KubernetesProvider
from sandbox.plugins.kubernetes.values import plain_map, prop_map


@dataclass
class Resource:
    """What the engine's state holds of one resource."""

    type: str
    name: str
    id: str
    state: Properties
    inputs: Properties

    @property
    def urn(self) -> str:
        return urn(self.type, self.name)

    @property
    def outputs(self) -> dict[str, Any]:
        return plain_map(self.state)


@dataclass
class Messages:
    """A log that remembers."""

    warnings: list[str] = field(default_factory=list)
    infos: list[str] = field(default_factory=list)

    async def warning(self, urn: str, message: str) -> None:
        self.warnings.append(message)

    async def info(self, urn: str, message: str) -> None:
        self.infos.append(message)


class CheckFailedError(Exception):
    """The provider refused inputs."""


def urn(type_: str, name: str) -> str:
    return f"urn:pulumi:stack::project::{type_}::{name}"


class Engine:
    """One provider, configured, on an event loop of its own."""

    def __init__(self, environment: Mapping[str, str], variables: Mapping[str, str], handshake_seconds: float) -> None:
        self.messages = Messages()
        self.provider = KubernetesProvider(self.messages, environment, handshake_seconds)
        self._runner = asyncio.Runner()
        names = {f"kubernetes:config:{name}": value for name, value in variables.items()}
        self.run(self.provider.configure(rpc.ConfigureRequest(names, {}, True, True)))

    def run(self, work: Any) -> Any:
        return self._runner.run(work)

    def close(self) -> None:
        self.run(self.provider.cancel())
        self._runner.close()
        self.provider.close()

    def check(
        self, type_: str, name: str, inputs: dict[str, Any], secret: Collection[str] = (), old: Resource | None = None
    ) -> Properties:
        given = {key: value.with_secret(key in secret) for key, value in prop_map(inputs).items()}
        seed = f"seed of {name}".encode()
        request = rpc.CheckRequest(urn(type_, name), old.inputs if old else {}, given, seed)
        answer = self.run(self.provider.check(request))
        if answer.failures:
            raise CheckFailedError("; ".join(failure.reason for failure in answer.failures))
        return answer.inputs

    def create(
        self, type_: str, name: str, inputs: dict[str, Any], *, secret: Collection[str] = (), timeout: float = 0
    ) -> Resource:
        """Keeps, as the engine does, what an initialization error recorded: in the error's `resource_id` and so on."""
        checked = self.check(type_, name, inputs, secret)
        answer = self.run(self.provider.create(rpc.CreateRequest(urn(type_, name), checked, timeout, False)))
        return Resource(type_, name, answer.resource_id, answer.properties, checked)

    def preview(self, type_: str, name: str, inputs: dict[str, Any]) -> dict[str, Any]:
        checked = self.check(type_, name, inputs)
        answer = self.run(self.provider.create(rpc.CreateRequest(urn(type_, name), checked, 0, True)))
        assert not answer.resource_id
        return plain_map(answer.properties)

    def diff(self, old: Resource, inputs: dict[str, Any], ignore: Collection[str] = ()) -> rpc.DiffResponse:
        checked = self.check(old.type, old.name, inputs, old=old)
        return self.run(self.provider.diff(rpc.DiffRequest(old.urn, old.id, old.state, checked, list(ignore))))

    def update(
        self,
        old: Resource,
        inputs: dict[str, Any],
        *,
        timeout: float = 0,
        preview: bool = False,
        secret: Collection[str] = (),
    ) -> Resource:
        checked = self.check(old.type, old.name, inputs, secret, old=old)
        request = rpc.UpdateRequest(old.urn, old.id, old.state, checked, timeout, [], preview)
        answer = self.run(self.provider.update(request))
        return Resource(old.type, old.name, old.id, answer.properties, checked)

    def read(self, resource: Resource) -> Resource | None:
        """The resource as it is now, None when it is gone. An import has no state and no inputs."""
        request = rpc.ReadRequest(resource.urn, resource.id, resource.state, resource.inputs)
        answer = self.run(self.provider.read(request))
        if not answer.resource_id:
            return None
        return Resource(resource.type, resource.name, answer.resource_id, answer.properties, answer.inputs)

    def delete(self, resource: Resource, timeout: float = 60) -> None:
        request = rpc.DeleteRequest(resource.urn, resource.id, resource.state, timeout)
        self.run(self.provider.delete(request))

    @staticmethod
    def recorded(old: tuple[str, str], error: InitializationError) -> Resource:
        """The resource that the engine keeps after an initialization error."""
        type_, name = old
        inputs = error.properties["__inputs"].value
        assert isinstance(inputs, Mapping)
        return Resource(type_, name, error.resource_id, error.properties, dict(inputs))


Start = Callable[..., Engine]
