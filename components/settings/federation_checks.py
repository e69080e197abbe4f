"""Rules between `credential.federation` and the other settings.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own what has no
meaning without a secret. Do not own which versions can federate (version_checks.py) nor the form of one value
(federation.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.operator_checks import section
from components.settings.problems import Problem, config_key, remove_command, shown

KEY = ("credential", "federation")
GENERATION = ("credential", "generation")


def check_federation(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """There is no rotation of a secret that is not there."""
    if section(raw, "credential").get("federation") is None:
        return
    generation = section(raw, "credential").get("generation", 1)
    if generation != 1:
        yield Problem(
            config_key(GENERATION),
            f"It is {shown(generation)}, and federation is set.",
            "There is no secret to rotate: the cluster makes a new token every hour.",
            f"{remove_command(stack, GENERATION)}\nor {remove_command(stack, KEY)}",
        )
