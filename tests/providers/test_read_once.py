"""No text of the document is read twice: on a large policy, reading is most of what a change costs."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from providers.tailnet import hujson
from providers.tailnet.engineer import without_engineer
from providers.tailnet.policy_slice import PolicySlice
from providers.tailnet.severance import Mark, revived, severed
from providers.tailnet.slice import applied, removed
from tests.providers.policies import ACME, FOREIGN, GLOBEX, access, identity
from tests.providers.tailnet_api import Api
from tests.providers.whole_slices import IDENTITY_INPUTS

MARK = Mark(who="ada", when="2026-11-21T12:00:00Z", why="")
WITH_IDENTITY = applied(FOREIGN, identity(ACME)).text
WHOLE = applied(WITH_IDENTITY, access(ACME)).text
KILLED = severed(WHOLE, [ACME], MARK).outcome.text
CHANGES: dict[str, Callable[[], object]] = {
    "identity comes": lambda: applied(FOREIGN, identity(ACME)),
    "access comes": lambda: applied(WITH_IDENTITY, access(ACME)),
    "access narrows": lambda: applied(WHOLE, identity(ACME, grants=[])),
    "nothing changes": lambda: applied(WHOLE, access(ACME)),
    "access goes": lambda: removed(WHOLE, access(ACME)),
    "identity goes": lambda: removed(WITH_IDENTITY, identity(ACME)),
    "an engineer goes": lambda: without_engineer(WHOLE, "ann@example.com"),
    "a kill": lambda: severed(WHOLE, [ACME], MARK),
    "a kill of two": lambda: severed(WHOLE, [ACME, GLOBEX], MARK),
    "a second kill": lambda: severed(KILLED, [ACME], MARK),
    "a kill is lifted": lambda: revived(KILLED, ACME),
}


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The texts that are read from here on."""
    texts: list[str] = []

    class Counting(hujson._Parser):
        def __init__(self, text: str) -> None:
            texts.append(text)
            super().__init__(text)

    monkeypatch.setattr(hujson, "_Parser", Counting)
    return texts


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_reads_no_text_twice(read: list[str], change: str) -> None:
    CHANGES[change]()
    assert read
    assert len(read) == len(set(read))


class Silent:
    def info(self, message: str) -> None: ...
    def progress(self, message: str) -> None: ...
    def warning(self, message: str) -> None: ...


def test_a_preview_reads_no_text_twice(api: Api, read: list[str]) -> None:
    PolicySlice(api.client(), Silent()).preview(IDENTITY_INPUTS)
    assert len(read) == len(set(read)) == 2
