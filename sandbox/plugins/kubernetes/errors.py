"""The two ways in which an operation of the plugin fails on purpose.

Owns the exceptions that the gRPC layer (server.py) turns into answers. Anything else that is raised is a defect of the
stand-in and reaches the engine with its traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.kind import Failure

Properties = dict[str, PropertyValue]


class OperationError(Failure):
    """Nothing was recorded: the message is all that the engine gets."""


class InitializationError(Exception):
    """The object exists, but is not what was asked for (yet): the engine records it and updates it next time."""

    def __init__(
        self,
        message: str,
        *,
        resource_id: str,
        properties: Properties,
        inputs: Properties | None = None,
        reasons: Sequence[str] = (),
    ) -> None:
        """`properties` and `inputs` are the state to record; `reasons` are further lines for the user."""
        super().__init__(message)
        self.resource_id = resource_id
        self.properties = properties
        self.inputs = inputs
        self.reasons = [message, *reasons]
