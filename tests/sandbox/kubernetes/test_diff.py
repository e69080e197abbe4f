"""The comparison behind previews."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.provider.experimental.provider import PropertyDiffKind as Change

from sandbox.plugins.kubernetes.diff import compare, ignoring, prune, replaces

LEAVES = st.booleans() | st.integers() | st.text(max_size=4)
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=3), inner), max_leaves=12)
OBJECTS = st.dictionaries(st.text(max_size=3), DATA)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


@UNTIMED
@given(OBJECTS, OBJECTS)
def test_there_is_a_difference_exactly_when_there_is_one(old: Any, new: Any) -> None:
    assert compare(old, old) == {}
    assert bool(compare(old, new)) == _differ(old, new)


def _differ(old: Any, new: Any) -> bool:
    """As JSON: True and 1 are equal to Python, and not to Kubernetes."""
    return json.dumps(old, sort_keys=True) != json.dumps(new, sort_keys=True)


@UNTIMED
@given(OBJECTS, OBJECTS)
def test_pruning_live_state_hides_only_what_nobody_declared(declared: Any, live: Any) -> None:
    pruned = prune({**live, **declared}, declared)
    assert compare(pruned, declared) == {}


def test_changes_are_named_by_their_property_path() -> None:
    old = {"a": {"b.c": 1, "gone": 2}, "list": [1, {"x": 1}, 3]}
    new = {"a": {"b.c": 2, "new": 1}, "list": [1, {"x": 2}]}
    kinds = {path: change.kind for path, change in compare(old, new).items()}
    assert kinds == {
        'a["b.c"]': Change.UPDATE,
        "a.gone": Change.DELETE,
        "a.new": Change.ADD,
        "list[1].x": Change.UPDATE,
        "list[2]": Change.DELETE,
    }


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        (".spec.selector", "spec.selector.matchLabels.app"),
        (".spec.containers[*].image", "spec.containers[0].image"),
        (".spec.selector.matchLabels", "spec.selector.matchLabels.app"),
    ],
)
def test_a_change_at_or_below_such_a_path_is_a_replacement(pattern: str, path: str) -> None:
    def pod(label: str, image: str) -> dict[str, Any]:
        selector = {"matchLabels": {"app": label}}
        return {"spec": {"selector": selector, "containers": [{"image": image, "name": "n"}]}}

    changes = compare(pod("a", "a"), pod("b", "b"), [pattern])
    assert replaces(changes) == [path]


def test_adding_a_parent_of_such_a_path_is_a_replacement_only_when_it_brings_the_path() -> None:
    assert replaces(compare({}, {"spec": {"clusterIP": "None"}}, [".spec.clusterIP"])) == ["spec"]
    assert replaces(compare({}, {"spec": {"type": "x"}}, [".spec.clusterIP"])) == []


def test_ignored_paths_take_what_is_below_them_along() -> None:
    changes = compare({"a": {"b": 1, "c": 1}, "ab": 1}, {"a": {"b": 2, "c": 2}, "ab": 2})
    assert set(ignoring(changes, ["a"])) == {"ab"}
    assert set(ignoring(changes, ["a.b"])) == {"a.c", "ab"}
