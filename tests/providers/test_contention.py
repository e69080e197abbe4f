"""Many stacks at once on one policy document, through the plugin as the engine runs it, in bad weather.

Eight plugin processes with eight environments each, against the API in a process of its own. Every phase is all 64 at
the same moment: identity slices, access slices, and the removal of each. Nobody's entry is lost, what people wrote is
kept to the byte, and at the end the document is the one of the beginning.
"""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from providers.tailnet.hujson import parse
from providers.tailnet.tags import Environment
from tests.providers.api_process import RemoteApi, separate_api
from tests.providers.plugin import LIMIT_SECONDS, Plugin, running_plugin
from tests.providers.policies import access, grant, identity
from tests.providers.tailnet_api import WHOLE

ENVIRONMENTS = [Environment(f"c{number // 2}", f"e{number % 2}") for number in range(64)]
PROCESSES = 8
WEATHER: list[dict[str, Any]] = [
    {"kind": "status", "status": 429, "retryAfter": 1, "probability": 0.05},
    {"kind": "status", "status": 500, "probability": 0.02},
    {"kind": "reset", "probability": 0.01, "when": "after"},
    {"kind": "reset", "probability": 0.01, "when": "before"},
]
DOCUMENT = WHOLE.replace("  ", "\t").replace("\n", "\r\n")
"""As no serializer of ours would write it: tabs and CRLF."""

Ask = Callable[[Plugin, Environment], Any]


@pytest.fixture
def api() -> Iterator[RemoteApi]:
    with separate_api(DOCUMENT) as api:
        yield api


@pytest.fixture
def plugins(api: RemoteApi) -> Iterator[list[Plugin]]:
    with ExitStack() as stack:
        yield [stack.enter_context(running_plugin(api.environ)) for _ in range(PROCESSES)]


def test_64_slices_at_once_in_bad_weather_lose_nothing(api: RemoteApi, plugins: list[Plugin]) -> None:
    def all_at_once(ask: Ask) -> str:
        """Every environment's request at the same moment; the text when all have been answered."""
        api.calls()
        api.faults(*WEATHER)
        began = time.monotonic()
        asked = [ask(plugins[number % PROCESSES], environment) for number, environment in enumerate(ENVIRONMENTS)]
        for answer in asked:
            answer.result(LIMIT_SECONDS)
        seconds = time.monotonic() - began
        api.faults()
        saves = Counter(
            call["status"] for call in api.calls() if call["method"] == "POST" and call["path"].endswith("/acl")
        )
        print(f"{seconds:.1f} s, saves by status: {dict(saves)}")  # with -rP: how hard it was
        return api.text()

    def keeps_what_people_wrote(text: str) -> bool:
        lines = iter(text.splitlines(keepends=True))
        return all(line in lines for line in DOCUMENT.splitlines(keepends=True))

    text = all_at_once(lambda plugin, environment: plugin.create("PolicySlice", _identity(environment)))
    assert _missing(text, "tagOwners", [environment.kube_tag for environment in ENVIRONMENTS]) == []
    assert keeps_what_people_wrote(text)
    with_identities = text

    text = all_at_once(lambda plugin, environment: plugin.create("PolicySlice", _access(environment)))
    assert _missing(text, "grants", [grant(environment) for environment in ENVIRONMENTS]) == []
    assert keeps_what_people_wrote(text)

    text = all_at_once(lambda plugin, environment: plugin.delete("PolicySlice", _access(environment)))
    assert text == with_identities

    text = all_at_once(lambda plugin, environment: plugin.delete("PolicySlice", _identity(environment)))
    assert text == DOCUMENT


def _identity(environment: Environment) -> dict[str, Any]:
    slice = identity(environment)
    return {**_of(environment), "part": "identity", "sections": slice.sections, "declared": slice.declared}


def _access(environment: Environment) -> dict[str, Any]:
    return {**_of(environment), "part": "access", "sections": access(environment).sections, "active": True}


def _of(environment: Environment) -> dict[str, str]:
    return {"customer": environment.customer, "environment": environment.environment}


def _missing(text: str, section: str, wanted: list[Any]) -> list[Any]:
    there = parse(text).value[section]
    return [entry for entry in wanted if entry not in there]
