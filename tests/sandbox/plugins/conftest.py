"""A provider as the engine sees it, without the engine: requests in plain Python, answers in plain Python."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from pulumi.provider.experimental import provider as engine

from sandbox.plugins.kind import Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.values import Properties, plain_properties, secret_names, wrapped_properties


class Configured(StandIn):
    """A provider that has been configured with `kinds`."""

    package = "test"

    def __init__(self, *kinds: Kind, framework: bool = False) -> None:
        super().__init__()
        self.framework = framework
        self._kinds = {kind.token: kind for kind in kinds}


@dataclass
class Resource:
    """One resource as the engine keeps it: created, changed, read and deleted through the provider's own interface.

    `secrets` names the inputs that are secret. `framework`: of a provider that is bridged from the plugin framework.
    """

    kind: Kind
    name: str = "example"
    secrets: tuple[str, ...] = ()
    identity: str = ""
    framework: bool = False

    def __post_init__(self) -> None:
        self.provider = Configured(self.kind, framework=self.framework)
        self.urn = f"urn:pulumi:dev::tiny::{self.kind.token}::{self.name}"
        self.inputs: dict[str, Any] = {}
        self.state: dict[str, Any] = {}

    async def check(self, inputs: Properties) -> list[tuple[str, str]]:
        """The refusals, as (property, reason); without any, the inputs are taken over for what follows."""
        news = wrapped_properties(inputs, self.secrets)
        answer = await self.provider.check(engine.CheckRequest(self.urn, self.inputs, news, b"\x01" * 16))
        if not answer.failures:
            self.inputs = answer.inputs or {}
        return [(failure.property, failure.reason) for failure in answer.failures or []]

    async def preview(self, inputs: Properties) -> Properties:
        """What a preview of the creation shows."""
        assert not await self.check(inputs)
        answer = await self.provider.create(engine.CreateRequest(self.urn, self.inputs, 0, True))
        return plain_properties(answer.properties)

    async def create(self, inputs: Properties) -> Properties:
        assert not await self.check(inputs)
        answer = await self.provider.create(engine.CreateRequest(self.urn, self.inputs, 0, False))
        self.identity, self.state = answer.resource_id or "", answer.properties
        return plain_properties(self.state)

    async def diff(self, inputs: Properties) -> engine.DiffResponse:
        assert not await self.check(inputs)
        return await self.provider.diff(engine.DiffRequest(self.urn, self.identity, self.state, self.inputs, []))

    async def update(self, inputs: Properties, preview: bool = False) -> Properties:
        assert not await self.check(inputs)
        request = engine.UpdateRequest(self.urn, self.identity, self.state, self.inputs, 0, [], preview)
        properties = (await self.provider.update(request)).properties
        if not preview:
            self.state = properties
        return plain_properties(properties)

    async def read(self) -> tuple[Properties, Properties] | None:
        """State and inputs after a refresh, or after an import when there was nothing before. None when it is gone."""
        request = engine.ReadRequest(self.urn, self.identity, self.state, self.inputs)
        answer = await self.provider.read(request)
        if not answer.resource_id:
            return None
        self.state, self.inputs = answer.properties, answer.inputs
        return plain_properties(self.state), plain_properties(self.inputs)

    async def delete(self) -> None:
        await self.provider.delete(engine.DeleteRequest(self.urn, self.identity, self.state, 0))

    @property
    def secret_outputs(self) -> set[str]:
        return secret_names(self.state)
