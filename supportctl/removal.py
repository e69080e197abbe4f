"""One write that only takes away, past tests that ask for what goes.

Owns the rounds: a policy document that the server refuses because of somebody's test loses that test, and the write is
made again. First the lines that relied on what goes; if the server still names a source, all tests of that source: a
test that was broken before, or by what goes, may not hold up a removal. A test gives nobody access, so taking one out
widens nothing. Which went is told: it was a person's.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from providers.tailnet.client import Client
from providers.tailnet.document import CONTENTION, Written, write
from providers.tailnet.ownership import GONE, compact, section_key
from providers.tailnet.problems import ApiError
from providers.tailnet.severance import FailingTest, Severed, failing_tests, without_tests
from providers.tailnet.slice import Outcome, brought, parsed

ROUNDS = 5
"""So often tests are taken out: each round names all that fail at once."""

_SECTIONS = ("tests", "sshTests")
_SOURCES = ("src", "user")


@dataclass(frozen=True, slots=True)
class Removal:
    """written: what came of it. words: what went, a line each, tests that were taken out included."""

    written: Written
    words: tuple[str, ...]


@dataclass(slots=True)
class Refused:
    """Tests that the server named when it refused a document."""

    lines: set[FailingTest] = field(default_factory=set)
    sources: dict[str, str] = field(default_factory=dict)
    """Those of whom every test goes, and what the server said."""

    def take(self, data: object) -> bool:
        """Takes over what the server says of failing tests; False when it says nothing new. data: as ApiError's."""
        lines = failing_tests(data) - self.lines
        if lines:
            self.lines |= lines
            return True
        said = {source: error for source, error in _said(data).items() if source not in self.sources}
        self.sources |= said
        return bool(said)

    def without(self, text: str) -> str:
        """The document without these tests, whoever wrote them."""
        if not (self.lines or self.sources):
            return text
        document = parsed(without_tests(text, self.lines))
        marked = dict(document.value)
        for section in _SECTIONS:
            key = section_key(marked, section)
            if isinstance(marked.get(key), list):
                marked[key] = [GONE if _source(entry) in self.sources else entry for entry in marked[key]]
        return brought(document, marked, compact(marked)).text

    @property
    def words(self) -> tuple[str, ...]:
        lines = sorted(f"took out somebody's test that {test.source} reaches {test.address}" for test in self.lines)
        whole = sorted(f"took out all tests of {source}: {error}" for source, error in self.sources.items())
        return (*lines, *whole)


def remove(client: Client, edit: Callable[[str], Severed], *, patience: float = CONTENTION) -> Removal:
    """Writes what `edit` makes of the document: token, GET, POST. Raises PolicyError or ApiError.

    patience: seconds for which others' writes and a failing server are waited out.
    """
    refused = Refused()
    words: tuple[str, ...] = ()
    sent: str | None = None

    def cut(text: str, _narrowing: bool) -> Outcome:
        nonlocal words, sent
        severed = edit(refused.without(text))
        if text != sent:  # else our own write was saved and its answer lost: what went is what went then
            words = severed.words
        sent = severed.outcome.text
        return severed.outcome

    for _ in range(ROUNDS):
        try:
            written = write(client, cut, removing=True, patience=patience)
        except ApiError as error:
            if error.status != 400 or not refused.take(error.data):
                raise
        else:
            return Removal(written, (*words, *refused.words) if written.posts else ())
    raise ApiError(f"the server named other failing tests in each of {ROUNDS} rounds; nothing was written", status=400)


def _said(data: object) -> dict[str, str]:
    """Whose tests fail, and the first of what is wrong with them."""
    rows = [row for row in data if isinstance(row, Mapping)] if isinstance(data, list) else []
    return {str(row["user"]): str(row["errors"][0]) for row in rows if row.get("user") and row.get("errors")}


def _source(entry: object) -> str | None:
    if not isinstance(entry, Mapping):
        return None
    return next((str(value) for name, value in entry.items() if str(name).lower() in _SOURCES), None)
