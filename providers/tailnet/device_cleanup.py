"""The resource DeviceCleanup: nothing while the environment lives; at its end the devices and Services go.

Stands between the Helm release and the credentials in the order of deletion, because an uninstalled operator leaves
its device behind for ever. Never replaces.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .client import Client
from .devices import remove_all
from .log import Log
from .problems import TailnetError
from .slice_check import Problem, environment_problems
from .tags import Environment

Properties = dict[str, Any]
INPUTS = ("customer", "environment")


class DeviceCleanup:
    """Handles DeviceCleanup requests. Properties are plain values."""

    def __init__(self, client: Client, log: Log) -> None:
        self.client = client
        self.log = log

    @staticmethod
    def check(inputs: Mapping[str, Any]) -> list[Problem]:
        """Problems of the inputs."""
        return list(environment_problems(inputs))

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<customer>-<environment>`."""
        return f"{inputs['customer']}-{inputs['environment']}"

    def preview(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """As `create`: nothing is unknown."""
        return self.create(inputs, previous)

    def create(self, inputs: Properties, _previous: Properties | None = None, /) -> Properties:
        """Nothing to do before the end."""
        return {name: inputs[name] for name in INPUTS if name in inputs}

    def read(self, state: Properties) -> Properties:
        """The state: there is nothing to see. Raises TailnetError for an import."""
        if "customer" not in state:
            raise TailnetError(
                "a DeviceCleanup cannot be imported, since it has nothing: declare it and run `pulumi up`"
            )
        return state

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Inputs that differ."""
        return {name: "update" for name in INPUTS if state.get(name) != inputs.get(name)}

    def delete(self, state: Properties) -> None:
        """Removes the environment's devices and Tailscale Services until none is left."""
        environment = Environment(state["customer"], state["environment"])
        gone = remove_all(self.client, environment, self.log.progress)
        if gone:
            self.log.info(f"removed {', '.join(gone)}")
