"""Hostile text: a corpus of traps and mutations of it, against the parser, a slice, and a second parser."""

from __future__ import annotations

import copy
import json
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.tailnet.hujson import BYTE_ORDER_MARK, MAX_DEPTH, HujsonError, parse
from providers.tailnet.ownership import strings
from providers.tailnet.problems import TailnetError
from providers.tailnet.slice import Slice, applied, removed
from sandbox.tailscale.policy import hujson as second
from tests.providers.generated_policies import access_entries, identity_entries
from tests.providers.policies import ACME, FOREIGN, access, identity

FOLDER = Path(__file__).with_name("corpus")
CORPUS = {path.stem: path.read_bytes().decode() for path in sorted(FOLDER.glob("*.hujson"))}
REFUSED = {
    "carriage_return_alone", "comma_alone", "comment_of_a_slash", "comment_without_end", "constants",
    "control_in_string", "duplicate_key", "duplicate_key_escaped", "empty", "nul", "number_like", "only_a_comment",
    "single_quotes", "too_big_integer", "too_deep", "two_commas", "unicode_spaces",
}  # fmt: skip

FULL = Slice(
    part="identity",
    environment=ACME,
    sections={**identity(ACME).sections, **identity_entries(ACME)},
    declared=access_entries(ACME),
)
WHOLE = removed(applied(applied(FOREIGN, FULL).text, access(ACME, **access_entries(ACME))).text, access(ACME)).text
SEEDS = [*CORPUS.values(), applied(applied(FOREIGN, FULL).text, access(ACME, **access_entries(ACME))).text]
FRAGMENTS = [
    "{", "}", "[", "]", ",", ":", '"', "\\", "/", "//", "/*", "*/", "\n", "\r", "\r\n", "\t", " ", "\0",
    BYTE_ORDER_MARK,
    "\u00a0", "\u2028", "\U0001f600", "\\u0000", "\\ud800", "\\x",
    "-", "0", "1", "1e9", ".5", "true", "null", "NaN", "[[[", '"grants"', '"tag:kube-acme-prod"', '"x":', "[" * 70,
]  # fmt: skip
HARD = settings(max_examples=250, suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example])


@st.composite
def mutated(draw: st.DrawFn) -> str:
    """A seed after some deletions, insertions and splices, of characters or of bytes."""
    text = draw(st.sampled_from(SEEDS))
    for _ in range(draw(st.integers(1, 4))):
        at = draw(st.integers(0, len(text)))
        end = min(len(text), at + draw(st.integers(0, 8)))
        kind = draw(st.sampled_from(["delete", "insert", "splice", "byte"]))
        if kind == "delete":
            text = text[:at] + text[end:]
        elif kind == "insert":
            text = text[:at] + draw(st.sampled_from(FRAGMENTS) | st.text(max_size=2)) + text[end:]
        elif kind == "splice":
            other = draw(st.sampled_from(SEEDS))
            text = text[:at] + other[draw(st.integers(0, len(other))) :][:200] + text[end:]
        else:
            raw = text.encode()
            at = min(at, len(raw))
            text = (raw[:at] + draw(st.binary(max_size=2)) + raw[at + 1 :]).decode(errors="replace")
    return text


ODD: list[Any] = [None, True, 0, -1, 1.5, "", "x", "tag:kube-acme-prod", [], {}, [[]], [{}], [5, None], {"": [[]]}]


@st.composite
def misshapen(draw: st.DrawFn) -> str:
    """A document with entries of the environment in which some values have become something else."""
    text = draw(st.sampled_from([CORPUS["of_the_environment"], SEEDS[-1], WHOLE]))
    document = copy.deepcopy(parse(text).value)
    for _ in range(draw(st.integers(1, 3))):
        place: Any = document
        for depth in range(6):
            if not place:
                break
            keys = sorted(place) if isinstance(place, dict) else list(range(len(place)))
            key = draw(st.sampled_from(keys))
            inner = place[key]
            if depth == 5 or not isinstance(inner, dict | list) or draw(st.integers(0, 3)) == 0:
                place[key] = copy.deepcopy(draw(st.sampled_from(ODD)))
                break
            place = inner
    return json.dumps(document, indent=draw(st.sampled_from([None, 2])))


def ours(text: str) -> Any:
    """The value, or the error. Any other exception is a failure."""
    try:
        return parse(text).value
    except HujsonError as error:
        return error


def theirs(text: str) -> Any:
    """The same of the sandbox's parser."""
    try:
        return second.loads(text)
    except ValueError as error:
        return error


def agree(text: str) -> None:
    """Both parsers accept the text with the same value, or both refuse it. They may differ in this:

    - A byte order mark before the document. The provider passes over it, as editors write it; the sandbox refuses.
    - Depth. The provider stops at MAX_DEPTH, far beyond any policy, to be safe from exhaustion of the stack.
    - An integer of more than 4300 digits. Both refuse, the sandbox with Python's own ValueError.
    """
    mine = ours(text)
    if isinstance(mine, HujsonError) and "nested deeper" in str(mine):
        assert text.count("[") + text.count("{") > MAX_DEPTH
        return
    other = theirs(text.removeprefix(BYTE_ORDER_MARK))
    assert isinstance(mine, HujsonError) == isinstance(other, ValueError), f"ours: {mine!r}; theirs: {other!r}"
    if isinstance(mine, HujsonError):
        assert isinstance(other, second.HujsonError) or "4300 digits" in str(other)
        return
    assert json.dumps(mine) == json.dumps(other)  # also tells 1, 1.0 and true apart


def foreign(value: Any) -> Any:
    """What of a value has no word of the customer in it. Members that hold nothing, or null, are left out."""
    if isinstance(value, dict):
        inner = {key: foreign(inner) for key, inner in value.items() if "acme" not in key and inner != ACME.kube_tag}
        return {key: there for key, there in inner.items() if there not in (None, {}, []) or there is False}
    if isinstance(value, list):
        return [element for element in value if not any("acme" in text for text in strings(element))]
    return value


def stands(kept: Any, there: Any) -> bool:
    """Whether everything in `kept` is in `there`: elements in their order, other values as they are."""
    if isinstance(kept, dict) and isinstance(there, dict):
        return all(key in there and stands(inner, there[key]) for key, inner in kept.items())
    if isinstance(kept, list) and isinstance(there, list):
        rest = iter(map(json.dumps, there))
        return all(json.dumps(element) in rest for element in kept)
    return json.dumps(kept) == json.dumps(there)


def survives(text: str, slice: Slice = FULL) -> None:
    """Applying and removing either raises TailnetError or gives a document with others' values as they were."""
    if isinstance(ours(text), HujsonError):
        with pytest.raises(TailnetError, match="Nothing was written"):
            applied(text, slice)
        return
    for change in (applied, removed):
        try:
            outcome = change(text, slice)
        except TailnetError as error:
            if "defect" in str(error):  # what was worked out on values and on the text does not agree
                raise
            continue
        after = parse(outcome.text).value
        assert stands(foreign(parse(text).value), after)
        assert change(outcome.text, slice).text == outcome.text, "twice is once"
        outcome.text.encode()  # what cannot be encoded could not be sent


@pytest.mark.parametrize("name", CORPUS)
def test_the_corpus_is_read_as_documented(name: str) -> None:
    assert isinstance(ours(CORPUS[name]), HujsonError) == (name in REFUSED)
    row = next(line for line in (FOLDER / "README.md").read_text().splitlines() if line.startswith(f"| `{name}` |"))
    assert row.endswith("refused |") == (name in REFUSED)


@pytest.mark.parametrize("name", CORPUS)
def test_both_parsers_agree_on_the_corpus(name: str) -> None:
    agree(CORPUS[name])


@pytest.mark.parametrize("name", CORPUS)
def test_a_slice_survives_the_corpus(name: str) -> None:
    survives(CORPUS[name])


@HARD
@given(mutated())
def test_both_parsers_agree_on_mutations(text: str) -> None:
    agree(text)


@HARD
@given(mutated())
def test_a_slice_survives_mutations(text: str) -> None:
    survives(text)


@HARD
@given(misshapen())
def test_a_slice_survives_values_of_the_wrong_kind(text: str) -> None:
    survives(text)


SHARED = Slice(
    part="shared",
    sections={
        "groups": {"group:oncall": ["bob@example.com"]},
        "tagOwners": {"tag:sentinel": []},
        "postures": {"posture:managed": ["node:os == 'macos'"]},
        "tests": [{"src": "group:oncall", "deny": ["tag:ci:22"]}],
    },
)


@HARD
@given(misshapen())
def test_a_shared_slice_survives_values_of_the_wrong_kind(text: str) -> None:
    survives(text, SHARED)


@pytest.mark.parametrize(
    "text",
    ["[" * 200_000, "/*" * 200_000, "//" * 200_000, '"\\' * 200_000, '{"":' * 200_000, "[" + "/**/" * 200_000,
     "\r" * 400_000, "[" + "1," * 100_000, "9" * 400_000, '["' + "\\u" * 200_000],
    ids=lambda text: text[:5].encode("unicode_escape").decode(),
)  # fmt: skip
def test_the_parser_ends_soon_on_long_hostile_text(text: str) -> None:
    began = time.process_time()
    assert isinstance(ours(text), HujsonError)
    assert time.process_time() - began < 10, "the time must not grow faster than the text"


@pytest.mark.parametrize(
    ("section", "there"),
    [
        ("tests", {}), ("nodeAttrs", "x"), ("tagOwners", []), ("autoApprovers", True),
        ("autoApprovers", {"routes": "x"}), ("autoApprovers", {"exitNode": {"a": 1}}),
    ],
)  # fmt: skip
def test_what_is_of_another_kind_is_refused_and_not_overwritten(section: str, there: Any) -> None:
    with pytest.raises(TailnetError, match=r"has '\w+' which is not (a list|an object)\. Nothing was written"):
        applied(json.dumps({"grants": [], section: there}), FULL)
    assert applied(json.dumps({"grants": [], section: None}), FULL).after[section], "null is as good as nothing"
