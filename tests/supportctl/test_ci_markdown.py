"""Text of others in a comment stays text: judged by a reader of Markdown, and by what GitHub does beside it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.ci.markdown import Markdown, block, code, say

MEAN = st.text(alphabet=st.sampled_from("`~@#<>[]()!|*_-\\\n\t &;:/abx1\u202e\u200b\u2028\r")) | st.text()


def spans(text: str) -> list[tuple[int, int]]:
    """Where CommonMark sees code spans: a run of backticks, up to the next run of the same length."""
    found, at = [], 0
    while opening := re.compile("`+").search(text, at):
        closing = next((run for run in re.finditer("`+", text[opening.end() :]) if run[0] == opening[0]), None)
        if closing is None:
            at = opening.end()
            continue
        end = opening.end() + closing.end()
        found.append((opening.start(), end))
        at = end
    return found


@given(MEAN)
def test_a_value_is_one_code_span_whatever_it_holds(value: str) -> None:
    text = code(value)
    assert text == "(empty)" or spans(text) == [(0, len(text))]
    assert text.isprintable()


@given(MEAN, MEAN)
def test_values_in_a_sentence_stay_apart(first: str, second: str) -> None:
    text = say("Here {a} and {b}.", a=first, b=second)
    kept = "".join(
        text[end:start]
        for end, start in zip([0, *(e for _, e in spans(text))], [*(s for s, _ in spans(text)), len(text)], strict=True)
    )
    assert kept.replace("(empty)", "") == "Here  and ."


@given(MEAN)
def test_a_block_ends_where_it_says(value: str) -> None:
    lines = block(value, "diff").split("\n")
    fence = lines[-1]
    assert set(fence) == {"`"}
    assert len(fence) >= 3
    assert lines[0] == f"{fence}diff"
    assert not any(fence in line for line in lines[1:-1])
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("hidden", ["\u202e", "\u200b", "\u2066", "\x1b", "\x00", "\ufeff"])
def test_what_hides_or_turns_text_is_shown_by_its_number(hidden: str) -> None:
    assert code(f"a{hidden}b") == f"`a<U+{ord(hidden):04X}>b`"


def test_a_long_value_does_not_push_the_rest_out() -> None:
    assert len(code("x" * 100_000)) < 400


def test_what_was_written_here_is_left_alone() -> None:
    assert say("{a}", a=Markdown("**bold**")) == "**bold**"
    assert say("{a}", a="**bold**") == "`**bold**`"
