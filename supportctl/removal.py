"""One write that only takes away, past tests that ask for what goes.

Owns the rounds: a policy document that the server refuses because somebody's accept-test relied on this access loses
that test, and the write is made again. Which test went is told: it was a person's.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.tailnet.client import Client
from providers.tailnet.document import CONTENTION, Written, write
from providers.tailnet.problems import ApiError
from providers.tailnet.severance import FailingTest, Severed, failing_tests, without_tests
from providers.tailnet.slice import Outcome

ROUNDS = 5
"""So often tests are taken out: each round names all that fail at once."""


@dataclass(frozen=True, slots=True)
class Removal:
    """written: what came of it. words: what went, a line each, tests that were taken out included."""

    written: Written
    words: tuple[str, ...]


def remove(client: Client, edit: Callable[[str], Severed], *, patience: float = CONTENTION) -> Removal:
    """Writes what `edit` makes of the document: token, GET, POST. Raises PolicyError or ApiError.

    patience: seconds for which others' writes and a failing server are waited out.
    """
    dropped: set[FailingTest] = set()
    words: tuple[str, ...] = ()

    def cut(text: str, _narrowing: bool) -> Outcome:
        nonlocal words
        severed = edit(without_tests(text, dropped))
        words = severed.words
        return severed.outcome

    for _ in range(ROUNDS):
        try:
            written = write(client, cut, removing=True, patience=patience)
        except ApiError as error:
            found = failing_tests(error.data) - dropped
            if error.status != 400 or not found:
                raise
            dropped |= found
        else:
            tests = (f"took out somebody's test that {test.source} reaches {test.address}" for test in dropped)
            return Removal(written, (*words, *tests) if written.posts else ())
    raise ApiError(f"the server named other failing tests in each of {ROUNDS} rounds; nothing was written", status=400)
