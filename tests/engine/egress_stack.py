"""One environment's stack with egress targets, and what it needs around it."""

from __future__ import annotations

from typing import Any

import pytest
import yaml

from sandbox.demo.pulumi import CommandError, Pulumi
from tests.engine.conftest import Example

STACK = "acme-prod"
TAILNET = """config:
  support-access:tailnet:
    groups:
      group:highflame-sre: [ada@highflame.example]
"""


class Stack:
    """One handoff, so that nothing but the tailnet and the cloud is asked."""

    def __init__(self, pulumi: Pulumi, example: Example) -> None:
        self._file = example.file(STACK)
        self.pulumi = pulumi
        example.write(STACK)

    def declare(self, *targets: dict[str, Any]) -> None:
        document = yaml.safe_load(self._file.read_text())
        document["config"].pop("support-access:cluster", None)
        document["config"]["support-access:egress"] = list(targets)
        self._file.write_text(yaml.safe_dump(document))

    def refused(self) -> str:
        """What a refused update prints, in one line."""
        with pytest.raises(CommandError) as caught:
            self.pulumi.up(STACK)
        return " ".join(str(caught.value).split())


def without(target: dict[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in target.items() if name != key}
