"""What holds for every slice on every document: exact bytes, once is enough, any order, nobody else's."""

from __future__ import annotations

import re
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from providers.tailnet.ownership import canonical, section_of
from providers.tailnet.slice import Slice
from tests.providers.generated_policies import (
    ALL_SLICES,
    DOCUMENTS,
    ENVIRONMENTS,
    meaning,
    slices_of,
    with_slices,
    without_hollow,
    without_slices,
)
from tests.providers.policies import value

Both = tuple[Slice, Slice]
MANY = settings(max_examples=50, suppress_health_check=[HealthCheck.too_slow])
COMMENT = re.compile(r'"(?:[^"\\]|\\.)*"|(//[^\r\n]*|/\*.*?\*/)', re.DOTALL)


def flat(pairs: tuple[Both, ...]) -> list[Slice]:
    return [slice for pair in pairs for slice in pair]


def holds(document: Any, slice: Slice) -> bool:
    """Whether everything that the slice declares stands in the document."""
    return all(_within(declared, section_of(document, section)) for section, declared in slice.sections.items())


def _within(declared: Any, there: Any) -> bool:
    if isinstance(declared, dict) and isinstance(there, dict):
        return all(key in there and _within(inner, there[key]) for key, inner in declared.items())
    if isinstance(declared, list) and isinstance(there, list):
        return {canonical(inner) for inner in declared} <= {canonical(inner) for inner in there}
    return canonical(declared) == canonical(there)


@MANY
@given(DOCUMENTS, ALL_SLICES, st.data())
def test_apply_then_remove_gives_the_exact_bytes_but_for_new_empty_sections(
    text: str, pairs: tuple[Both, ...], data: st.DataObject
) -> None:
    some = tuple(data.draw(st.lists(st.sampled_from(pairs), min_size=1, unique_by=lambda p: p[0].own().name)))
    full = with_slices(text, *flat(some))
    order = data.draw(st.permutations(some))
    back = without_slices(full, *(slice for pair in order for slice in reversed(pair)))
    assert without_hollow(back, value(text)) == text


@MANY
@given(DOCUMENTS, ALL_SLICES)
def test_apply_puts_everything_there_and_twice_is_once(text: str, pairs: tuple[Both, ...]) -> None:
    for slice in flat(pairs):
        text = with_slices(text, slice)
        assert holds(value(text), slice)
        assert with_slices(text, slice) == text
    assert with_slices(text, *flat(pairs)) == text


@MANY
@given(DOCUMENTS, ALL_SLICES)
def test_remove_twice_is_once(text: str, pairs: tuple[Both, ...]) -> None:
    text = with_slices(text, *flat(pairs))
    for slice in reversed(flat(pairs)):
        text = without_slices(text, slice)
        assert without_slices(text, slice) == text


@MANY
@given(DOCUMENTS, ALL_SLICES, st.data())
def test_the_order_of_slices_does_not_change_the_meaning(
    text: str, pairs: tuple[Both, ...], data: st.DataObject
) -> None:
    # Access needs its identity first; nothing else is ordered.
    turns = data.draw(st.permutations([index for index, _ in enumerate(pairs)] * 2))
    seen: set[int] = set()
    order = []
    for index in turns:
        order.append(pairs[index][index in seen])
        seen.add(index)
    assert meaning(value(with_slices(text, *order))) == meaning(value(with_slices(text, *flat(pairs))))


@MANY
@given(DOCUMENTS, ALL_SLICES, st.data())
def test_a_slice_never_changes_what_another_owns(text: str, pairs: tuple[Both, ...], data: st.DataObject) -> None:
    turn = data.draw(st.integers(0, len(ENVIRONMENTS) - 1))
    others = flat(tuple(pair for index, pair in enumerate(pairs) if index != turn))
    without_it = meaning(value(without_hollow(with_slices(text, *others), value(text))))
    full = with_slices(text, *flat(pairs))
    changed = with_slices(full, *data.draw(slices_of(ENVIRONMENTS[turn])))
    for after in (full, changed):
        assert all(holds(value(after), slice) for slice in others)
        gone = without_slices(after, *reversed(pairs[turn]))
        assert meaning(value(without_hollow(gone, value(text)))) == without_it
        assert without_slices(gone, *reversed(others)) == without_slices(
            gone, *reversed(others), *reversed(pairs[turn])
        ), "nothing of it is left"


@MANY
@given(DOCUMENTS, ALL_SLICES)
def test_no_comment_that_people_wrote_is_lost(text: str, pairs: tuple[Both, ...]) -> None:
    full = with_slices(text, *flat(pairs))
    kept = iter(match[1] for match in COMMENT.finditer(full) if match[1])
    assert all(match[1] in kept for match in COMMENT.finditer(text) if match[1]), "every comment, in its order"
