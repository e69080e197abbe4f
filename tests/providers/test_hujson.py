"""Reading HuJSON and changing it without touching anything else."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.hujson import HujsonError, Node, Parsed, parse
from providers.tailnet.hujson_edit import Editor

SPACE = st.text(alphabet=" \t", max_size=3)
BREAK = st.sampled_from(["\n", "\r\n", "\n\n"])
WORDS = st.text(alphabet="ab ,]}[{\"'/*\\é:", max_size=6)
LINE_COMMENT = st.builds(lambda word, end: f"//{word}{end}", WORDS, BREAK)
BLOCK_COMMENT = st.builds(
    lambda word, more: f"/*{word.replace('*', '')}{more}**/", WORDS, st.sampled_from(["", "\n", "//"])
)
TRIVIA = st.lists(st.one_of(SPACE, BREAK, LINE_COMMENT, BLOCK_COMMENT), max_size=3).map("".join)
SCALAR = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**6), 10**6),
    st.sampled_from(["tag:a", "https://x", "a/*b*/", '"', "\\", "é", "x\n"]),
)
NAMES = st.sampled_from(["grants", "tagOwners", "tests", "a", "b:c", "//", "x", "y"])


@st.composite
def containers(draw: st.DrawFn, inner: st.SearchStrategy[str]) -> str:
    """Text of an object or an array with any trivia between its tokens."""
    is_object = draw(st.booleans())
    items = draw(st.lists(inner, max_size=4))
    names = draw(st.lists(NAMES, min_size=len(items), max_size=len(items), unique=True))
    parts = []
    for index, item in enumerate(items):
        head = json.dumps(names[index]) + draw(TRIVIA) + ":" if is_object else ""
        last = index == len(items) - 1
        comma = "" if last and not draw(st.booleans()) else draw(TRIVIA) + ","
        parts.append(draw(TRIVIA) + head + draw(TRIVIA) + item + comma)
    opening, closing = "{}" if is_object else "[]"
    return opening + "".join(parts) + draw(TRIVIA) + closing


VALUES = st.recursive(SCALAR.map(json.dumps), lambda inner: containers(inner), max_leaves=12)
DOCUMENTS = st.builds(
    lambda mark, before, value, after: mark + before + value + after,
    st.sampled_from(["", "\ufeff"]),
    TRIVIA,
    VALUES.filter(lambda text: text[0] in "[{"),
    TRIVIA,
)
JSON = st.recursive(
    SCALAR, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(NAMES, inner, max_size=3), max_leaves=6
)


def nodes(root: Node) -> list[Node]:
    """Every container of a document, the root first."""
    found = [root] if root.is_object or root.is_array else []
    return found + [inner for item in root.items for inner in nodes(item.node)]


def reference(text: str) -> Any:
    """The value by another way: comments and trailing commas taken out, then the standard JSON parser."""
    token = re.compile(r'"(?:[^"\\]|\\.)*"|//[^\n]*|/\*.*?\*/', re.DOTALL)
    plain = token.sub(lambda match: match[0] if match[0][0] == '"' else " ", text.lstrip("\ufeff"))
    token = re.compile(r'"(?:[^"\\]|\\.)*"|,(?=\s*[\]}])', re.DOTALL)
    return json.loads(token.sub(lambda match: match[0] if match[0][0] == '"' else " ", plain))


@given(DOCUMENTS)
def test_the_parser_reads_what_the_standard_parser_reads(text: str) -> None:
    assert parse(text).value == reference(text)


@given(DOCUMENTS)
def test_spans_hold_their_values(text: str) -> None:
    for node in nodes(parse(text)):
        for item in node.items:
            assert parse(text[item.node.start : item.node.end]).value == item.node.value
            assert item.comma is None or text[item.comma] == ","


@given(DOCUMENTS, st.data())
def test_append_then_remove_gives_back_the_exact_bytes(text: str, data: st.DataObject) -> None:
    editor = Editor(Parsed.of(text))
    number = data.draw(st.integers(0, len(nodes(editor.root)) - 1))
    container = nodes(editor.root)[number]
    values = data.draw(st.lists(JSON, min_size=1, max_size=3))
    entries = [(f"new{index}" if container.is_object else None, value) for index, value in enumerate(values)]
    before = len(container.items)
    editor.append(container, entries)
    appended = editor.result().text

    again = Editor(Parsed.of(appended))
    grown = nodes(again.root)[number]
    assert [item.node.value for item in grown.items[:before]] == [item.node.value for item in container.items]
    assert [item.node.value for item in grown.items[before:]] == values
    added = list(range(before, before + len(values)))
    if data.draw(st.booleans()):
        again.remove(grown, added)
        assert again.result().text == text
        return
    for _ in data.draw(st.permutations(added)):
        step = Editor(Parsed.of(appended))
        target = nodes(step.root)[number]
        step.remove(target, [data.draw(st.integers(before, len(target.items) - 1))])
        appended = step.result().text
    assert appended == text


@given(DOCUMENTS, st.data())
def test_removal_changes_no_other_value_and_keeps_comments_on_their_own_lines(text: str, data: st.DataObject) -> None:
    editor = Editor(Parsed.of(text))
    number = data.draw(st.integers(0, len(nodes(editor.root)) - 1))
    container = nodes(editor.root)[number]
    removed = data.draw(st.sets(st.integers(0, max(len(container.items) - 1, 0))))
    removed = {index for index in removed if index < len(container.items)}
    editor.remove(container, removed)
    after = editor.result().root
    expected = [item.node.value for index, item in enumerate(container.items) if index not in removed]
    left = nodes(after)[number]
    assert [item.node.value for item in left.items] == expected
    assert editor.result().text.startswith(text[: container.start])
    assert editor.result().text.endswith(text[container.end :])
    starts = [item.start for item in container.items] + [container.end - 1]
    ends = [container.start + 1] + [item.node.end if item.comma is None else item.comma + 1 for item in container.items]
    for end, start in zip(ends, starts, strict=True):
        between = text[end:start]
        for comment in re.finditer(r"//[^\n]*|/\*.*?\*/", between, re.DOTALL):
            if "\n" in between[: comment.start()]:
                # A carriage return belongs to the line break, and of two breaks around a removed line one goes.
                assert comment[0].rstrip("\r") in editor.result().text


@given(DOCUMENTS, st.data())
def test_replacing_a_value_changes_nothing_outside_it(text: str, data: st.DataObject) -> None:
    editor = Editor(Parsed.of(text))
    full = [node for node in nodes(editor.root) if node.items]
    if not full:
        return
    item = data.draw(st.sampled_from(data.draw(st.sampled_from(full)).items))
    value = data.draw(JSON)
    editor.replace(item.node, value)
    result = editor.result().text
    head, tail = text[: item.node.start], text[item.node.end :]
    assert result.startswith(head)
    assert result.endswith(tail)
    assert parse(result[len(head) : len(result) - len(tail)]).value == value


@pytest.mark.parametrize(
    ("text", "place", "words"),
    [
        ("", "line 1, column 1", "ends"),
        ("{", "line 1, column 2", "ends"),
        ('{"a": 1,\n "a": 2}', "line 2, column 2", "twice"),
        ('{"a": 1, "\\u0061": 2}', "line 1, column 10", "twice"),
        ("[1 2]", "line 1, column 4", "','"),
        ("[,]", "line 1, column 2", "unexpected"),
        ("[1,,]", "line 1, column 4", "unexpected"),
        ("{'a': 1}", "line 1, column 2", "unexpected"),
        ("{a: 1}", "line 1, column 2", "unexpected"),
        ('{"a" 1}', "line 1, column 6", "':'"),
        ("[01]", "line 1, column 2", "unexpected"),
        ("[1.]", "line 1, column 2", "unexpected"),
        ("[nulll]", "line 1, column 2", "unexpected"),
        ('["a\nb"]', "line 1, column 2", "string"),
        ("[] /* x", "line 1, column 4", "comment"),
        ("[] []", "line 1, column 4", "after the end"),
        ("[1}", "line 1, column 3", "','"),
        ("[" * 80, "line 1, column 66", "deeper"),
        ("# no\n{}", "line 1, column 1", "unexpected"),
    ],
)
def test_what_is_not_hujson_is_refused_with_its_place(text: str, place: str, words: str) -> None:
    with pytest.raises(HujsonError) as raised:
        parse(text)
    assert place in str(raised.value)
    assert words in str(raised.value)


def appended(text: str, section: str, value: Any) -> str:
    editor = Editor(Parsed.of(text))
    node = editor.root.get(section)
    if node is None:
        editor.append(editor.root, [(section, [value])])
    else:
        editor.append(node, [(None, value)])
    return editor.result().text


def removed(text: str, section: str, *indexes: int) -> str:
    editor = Editor(Parsed.of(text))
    node = editor.root.get(section)
    assert node is not None
    editor.remove(node, indexes)
    return editor.result().text


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ('{"g":[]}', '{"g":["x"]}'),
        ('{"g":["a"]}', '{"g":["a","x"]}'),
        ('{"g": ["a"]}', '{"g": ["a", "x"]}'),
        ('{"g": ["a",]}', '{"g": ["a", "x",]}'),
        ("{}", '{"g":["x"]}'),
        ('{\n  "h": 1\n}', '{\n  "h": 1,\n  "g": ["x"]\n}'),
        ('{\r\n  "g": [],\r\n}', '{\r\n  "g": [\r\n    "x"\r\n  ],\r\n}'),
        ('{\n\t"g": [\n\t\t"a", // why\n\t],\n}', '{\n\t"g": [\n\t\t"a", // why\n\t\t"x",\n\t],\n}'),
        (
            '{\n\t"g": [\n\t\t"a" // why\n\t\t// end\n\t]\n}',
            '{\n\t"g": [\n\t\t"a", // why\n\t\t// end\n\t\t"x"\n\t]\n}',
        ),
        ('{\n "g": [\n ]\n}', '{\n "g": [\n  "x",\n ]\n}'),
    ],
)
def test_new_entries_follow_the_surrounding_style(before: str, after: str) -> None:
    assert appended(before, "g", "x") == after


@pytest.mark.parametrize(
    ("before", "indexes", "after"),
    [
        (
            '{"g": [\n  // about a\n  "a", // a too\n  // about b\n  "b",\n]}',
            [0],
            '{"g": [\n  // about a\n  // about b\n  "b",\n]}',
        ),
        ('{"g": [\n  "a", // a\n  "b" // b\n]}', [1], '{"g": [\n  "a" // a\n]}'),
        ('{"g": [\n  "a", // a\n  "b"]}', [1], '{"g": [\n  "a" // a\n]}'),
        ('{"g": ["a", "b", /* c */ "c"]}', [1], '{"g": ["a", /* c */ "c"]}'),
        ('{"g": ["a", "b", "c"]}', [0, 1], '{"g": ["c"]}'),
        ('{"g": ["a", "b", "c"]}', [1, 2], '{"g": ["a"]}'),
        ('{"g": ["a", "b"]}', [0, 1], '{"g": []}'),
        ('{"g": [\n  "a", "b", // both\n]}', [1], '{"g": [\n  "a", // both\n]}'),
        ('{"g": [\r\n  "a",\r\n  "b",\r\n]}', [0], '{"g": [\r\n  "b",\r\n]}'),
    ],
)
def test_removal_takes_the_entry_its_line_and_the_comment_on_that_line(
    before: str, indexes: list[int], after: str
) -> None:
    assert removed(before, "g", *indexes) == after
