"""Rules between `credential.federation` and the other settings.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own which versions
federate, and what has no meaning without a secret. Do not own the form of one value (federation.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.operator import OPERATOR_VERSION
from components.settings.operator_checks import section
from components.settings.operator_forms import Version, version_in
from components.settings.problems import Problem, config_key, remove_command, set_command, shown

FIRST = Version(1, 92, 3)
"""The first operator and the first chart that take a token of the cluster."""

BROKEN, MENDED = Version(1, 98, 0), Version(1, 98, 4)
"""From the one until before the other the operator hands in the access token that it has just been given, as if it
were the cluster's (tailscale issue 19844; cmd/k8s-operator/tsclient.go, read at 1.98.0 and 1.98.3)."""

KEY = ("credential", "federation")
GENERATION = ("credential", "generation")


def check_federation(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """An operator that can federate, its chart too, and no rotation of a secret that is not there."""
    if section(raw, "credential").get("federation") is None:
        return
    operator = section(raw, "operator")
    declared = operator.get("version", OPERATOR_VERSION)
    yield from _version(stack, version_in(declared))
    chart = section(operator, "chart").get("version")
    found = version_in(chart)
    if found is not None and found < FIRST:
        key = ("operator", "chart", "version")
        yield Problem(
            config_key(key),
            f"It is {shown(chart)}, and federation begins with chart {str(FIRST).removeprefix('v')}.",
            "Helm takes values that a chart does not read without a word: the operator would look for a Secret.",
            f"{remove_command(stack, key)}\nor {remove_command(stack, KEY)}",
        )
    generation = section(raw, "credential").get("generation", 1)
    if generation != 1:
        yield Problem(
            config_key(GENERATION),
            f"It is {shown(generation)}, and federation is set.",
            "There is no secret to rotate: the cluster makes a new token every hour.",
            f"{remove_command(stack, GENERATION)}\nor {remove_command(stack, KEY)}",
        )


def _version(stack: str, version: Version | None) -> Iterator[Problem]:
    key = ("operator", "version")
    if version is None:
        return
    if version < FIRST:
        yield Problem(
            config_key(key),
            f"It is {version}, and federation begins with {FIRST}.",
            "An older operator knows no credential but a Secret.",
            f"{set_command(stack, key, OPERATOR_VERSION)}\nor {remove_command(stack, KEY)}",
        )
    if BROKEN <= version < MENDED:
        yield Problem(
            config_key(key),
            f"It is {version}, and federation is broken from {BROKEN} until {MENDED} (tailscale issue 19844).",
            'The operator would be refused for ever: "invalid JWT format".',
            f"{set_command(stack, key, str(MENDED))}\nor {remove_command(stack, KEY)}",
        )
