"""What the engine keeps of a Kubernetes object: the live object, and beside it the inputs that made it.

Owns the layout of that state (`__inputs`, `__initialApiVersion`, `__fieldManager`, as the real plugin writes them, so
that a stack can go from one to the other) and names of objects and field managers. Pure.
"""

from __future__ import annotations

import hashlib
import secrets
from dataclasses import dataclass

from sandbox.plugins.kubernetes.errors import Properties
from sandbox.plugins.kubernetes.values import Object, mark_secrets, plain, plain_map, prop, prop_map

_INPUTS = "__inputs"
_VERSION = "__initialApiVersion"
_MANAGER = "__fieldManager"


@dataclass(frozen=True)
class Checkpoint:
    """The state of one object: `inputs` as declared, `live` as the server had it, both plain."""

    inputs: Object
    live: Object
    initial_version: str
    manager: str

    @classmethod
    def load(cls, state: Properties) -> Checkpoint:
        """From the engine's state; an empty one (import) gives empty parts and a new manager."""
        own = (_INPUTS, _VERSION, _MANAGER)
        inputs = plain(state[_INPUTS]) if _INPUTS in state else {}
        return cls(
            inputs=inputs,
            live=plain_map({key: value for key, value in state.items() if key not in own}),
            initial_version=str(state[_VERSION].value) if _VERSION in state else str(inputs.get("apiVersion", "")),
            manager=str(state[_MANAGER].value) if _MANAGER in state else new_manager(),
        )

    def dump(self, declared: Properties) -> Properties:
        """For the engine; what is secret in `declared`, the inputs as they came, stays secret."""
        live = mark_secrets(prop_map(self.live), declared)
        inputs = mark_secrets(prop_map(self.inputs), declared)
        return {
            **live,
            _INPUTS: prop({}).with_value(inputs),
            _VERSION: prop(self.initial_version),
            _MANAGER: prop(self.manager),
        }


def new_manager() -> str:
    """A field manager for one resource, kept in its state."""
    return f"pulumi-kubernetes-{secrets.token_hex(4)}"


def autoname(resource_name: str, seed: bytes) -> str:
    """The name of an object that the program left unnamed; the engine's seed makes preview and update agree."""
    suffix = hashlib.sha256(seed).hexdigest()[:8] if seed else secrets.token_hex(4)
    return f"{resource_name}-{suffix}"


def identity(obj: Object) -> str:
    """The resource id of an object: `namespace/name`, or `name` where there is no namespace."""
    metadata = obj.get("metadata") or {}
    return qualified(metadata.get("namespace") or "", metadata["name"])


def qualified(namespace: str, name: str) -> str:
    return f"{namespace}/{name}" if namespace else name


def parse_identity(resource_id: str) -> tuple[str, str]:
    """(namespace, name) of an id; the namespace is empty where the id has none."""
    namespace, _, name = resource_id.rpartition("/")
    return namespace, name
