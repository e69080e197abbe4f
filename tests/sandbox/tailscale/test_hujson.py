"""HuJSON is JSON with comments and trailing commas, and nothing else."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sandbox.tailscale.policy import hujson

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(VALUES)
def test_json_is_read_as_json(value: object) -> None:
    assert hujson.loads(json.dumps(value, indent=1, ensure_ascii=False)) == value


@given(VALUES)
def test_plain_json_is_left_as_it_is(value: object) -> None:
    text = json.dumps(value, ensure_ascii=False)
    assert hujson.to_json(text) == text


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ('// first\n{"a": 1,} // last', {"a": 1}),
        ('{"a": /* in between */ [1, 2, /* end */ ] }', {"a": [1, 2]}),
        ('{"url": "https://x/*y*/,]"}', {"url": "https://x/*y*/,]"}),
        ('{"a": "\\"//\\"",}', {"a": '"//"'}),
        ("[1, // one\n]", [1]),
    ],
)
def test_comments_and_trailing_commas_are_read(text: str, value: object) -> None:
    assert hujson.loads(text) == value


@pytest.mark.parametrize(
    "text",
    [
        "{'a': 1}",
        "{a: 1}",
        '{"a": 1 "b": 2}',
        '{"a": 1,,}',
        "[,]",
        "{,}",
        "[1,,2]",
        '{"a":,}',
        '{"a": 1, "a": 2}',
        '{"a": NaN}',
        '{"a": "open}',
        "[1] /* open",
        '{"a": 1} x',
        "# no\n{}",
        "[" * 100_000,
        "",
    ],
)
def test_everything_else_is_refused(text: str) -> None:
    with pytest.raises(hujson.HujsonError):
        hujson.loads(text)


def test_an_error_names_the_place_in_the_original() -> None:
    with pytest.raises(hujson.HujsonError, match="line 3, column 9"):
        hujson.loads('{ // a comment, longer\n"a": 1, /* and\n more*/ b: 2}')
