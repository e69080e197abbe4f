"""Answers the engine's questions about resources from the description of their kinds (kind.py).

The framework of the Python SDK lacks what a whole provider needs, so this module also holds: the real plugins' way
with secrets (a property is secret when its input was, or when the kind says so), with unknowns in previews, and
with import. Talks to no service itself. Dies with the plugin's process.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NoReturn

from pulumi.provider.experimental import provider as engine
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.kind import Failure, InvalidInput, Kind
from sandbox.plugins.urns import type_of
from sandbox.plugins.values import (
    UNKNOWN,
    Plain,
    Properties,
    has_unknown,
    plain_properties,
    secret_names,
    wrapped_properties,
)

CHANGES = {  # (was there, is there) -> how a changed property is shown: in place, and when it forces a replacement
    (False, True): (engine.PropertyDiffKind.ADD, engine.PropertyDiffKind.ADD_REPLACE),
    (True, False): (engine.PropertyDiffKind.DELETE, engine.PropertyDiffKind.DELETE_REPLACE),
    (True, True): (engine.PropertyDiffKind.UPDATE, engine.PropertyDiffKind.UPDATE_REPLACE),
}


class StandIn(engine.Provider):
    """A provider of some kinds of resources. Subclasses give the kinds once the provider is configured."""

    package: str
    framework = False  # the real one is bridged from Terraform's plugin framework: see _refusal, diff and read

    def __init__(self) -> None:
        self._kinds: dict[str, Kind] = {}

    def configured(self, options: Properties) -> Iterable[Kind]:
        """The kinds, ready to work, for the provider's own arguments. Raises Failure when it cannot be used so."""
        raise NotImplementedError

    async def configure(self, request: engine.ConfigureRequest) -> engine.ConfigureResponse:
        self._kinds = {kind.token: kind for kind in self.configured(plain_properties(request.args))}
        return engine.ConfigureResponse(accept_secrets=True, supports_preview=True)

    async def check(self, request: engine.CheckRequest) -> engine.CheckResponse:
        kind = self._kind(type_of(request))
        given = plain_properties(request.new_inputs)
        problems = [(name, "is not a property that this stand-in knows") for name in given if name not in kind.inputs]
        problems += [
            (name, "is missing, and it is required")
            for name, spec in kind.inputs.items()
            if spec.required and name not in given
        ]
        try:
            complete = kind.check(given, request.name, request.random_seed)
        except InvalidInput as invalid:
            problems.append((invalid.property, invalid.reason))
            complete = given
        return engine.CheckResponse(
            inputs=wrapped_properties(complete, secret_names(request.new_inputs)),
            failures=[self._refusal(request.name, name, reason) for name, reason in problems],
        )

    def _refusal(self, resource: str, name: str, reason: str) -> engine.CheckFailure:
        """The framework's bridge names the property in the text and nowhere else."""
        if self.framework:
            return engine.CheckFailure("", f"{reason}. Examine values at '{resource}.{name}'.")
        return engine.CheckFailure(name, reason)

    async def diff(self, request: engine.DiffRequest) -> engine.DiffResponse:
        """The framework's bridge gives no details: it names what differs, and the engine compares the inputs."""
        kind = self._kind(type_of(request))
        state, inputs = plain_properties(request.old_state), plain_properties(request.new_inputs)
        replacing = kind.replacing(state, inputs)
        changed = {name for name, spec in kind.inputs.items() if not spec.same(state.get(name), inputs.get(name))}
        replacing |= {name for name in changed if kind.inputs[name].replaces}
        details = {
            name: engine.PropertyDiff(CHANGES[name in state, name in inputs][name in replacing], input_diff=False)
            for name in changed | replacing
            if name in state or name in inputs
        }
        differing = details.keys() | replacing
        if self.framework and differing and not replacing:
            differing |= kind.volatile
        return engine.DiffResponse(
            changes=bool(differing),
            replaces=sorted(replacing),
            diffs=sorted(differing),
            detailed_diff={} if self.framework else details,
            delete_before_replace=bool(replacing) and kind.delete_before_replace,
        )

    async def create(self, request: engine.CreateRequest) -> engine.CreateResponse:
        kind = self._kind(type_of(request))
        inputs = plain_properties(request.properties)
        if request.preview:
            planned = self._kept(kind, UNKNOWN, kind.planned(inputs, {}))
            return engine.CreateResponse(properties=_wrap(kind, planned, request.properties))
        identity, state = await kind.create(self._declared(kind, inputs))
        return engine.CreateResponse(identity, _wrap(kind, self._kept(kind, identity, state), request.properties))

    async def update(self, request: engine.UpdateRequest) -> engine.UpdateResponse:
        kind = self._kind(type_of(request))
        state, inputs = plain_properties(request.olds), plain_properties(request.news)
        if request.preview:
            new = kind.planned(inputs, state)
        else:
            new = await kind.update(request.resource_id, state, self._declared(kind, inputs))
        return engine.UpdateResponse(
            _wrap(kind, self._kept(kind, request.resource_id, new), request.olds, request.news)
        )

    async def delete(self, request: engine.DeleteRequest) -> None:
        await self._kind(type_of(request)).delete(request.resource_id, plain_properties(request.properties))

    async def read(self, request: engine.ReadRequest) -> engine.ReadResponse:
        """The framework's bridge refreshes the inputs that the program gave, and adds none but at an import."""
        kind = self._kind(type_of(request))
        before, inputs = plain_properties(request.properties), plain_properties(request.inputs)
        state = await kind.read(request.resource_id, before)
        if state is None:
            return engine.ReadResponse()  # without an id: it is gone
        for name, spec in kind.inputs.items():
            if spec.unordered and name in before and spec.same(before[name], state.get(name)):
                state[name] = before[name]  # the service may answer in any order; that is no change
        secrets = (request.properties, request.inputs)
        found = kind.inputs_of(state, inputs)
        if self.framework:
            kept = inputs or found
            found = {name: _sorted(kind, name, value) for name, value in found.items() if name in kept}
        return engine.ReadResponse(
            request.resource_id,
            _wrap(kind, self._kept(kind, request.resource_id, state), *secrets),
            wrapped_properties(found, secret_names(*secrets)),
        )

    def _declared(self, kind: Kind, inputs: Properties) -> Properties:
        """The inputs with their defaults, as the service gets them: the framework's bridge sorts what is a set."""
        declared = kind.declared(inputs)
        return {name: _sorted(kind, name, value) for name, value in declared.items()} if self.framework else declared

    def _kept(self, kind: Kind, identity: Plain, state: Properties) -> Properties:
        """The state as the engine gets it: the framework's bridge adds the id, and sorts what is a set."""
        if not self.framework:
            return state
        return {"id": identity, **{name: _sorted(kind, name, value) for name, value in state.items() if name != "id"}}

    def _kind(self, token: str) -> Kind:
        return self._kinds.get(token) or self._missing(token)

    def _missing(self, token: str) -> NoReturn:
        known = ", ".join(sorted(self._kinds))
        raise Failure(
            f"The stand-in for the {self.package} plugin has no {token}. It has: {known}. "
            f"Put the real pulumi-resource-{self.package} on the PATH to use more."
        )


def _sorted(kind: Kind, name: str, value: Plain) -> Plain:
    is_set = name in kind.inputs and kind.inputs[name].unordered
    return sorted(value) if is_set and isinstance(value, list) and not has_unknown(value) else value


def _wrap(kind: Kind, state: Properties, *sources: Mapping[str, PropertyValue]) -> dict[str, PropertyValue]:
    return wrapped_properties(state, secret_names(*sources) | kind.secrets)
