"""Property values and plain data."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.rpc import UNKNOWN

from sandbox.plugins.kubernetes.values import has_unknown, mark_secrets, plain, plain_map, prop, prop_map

LEAVES = st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.floats(allow_nan=False) | st.text(max_size=8)
DATA = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.dictionaries(st.text(max_size=5), inner), max_leaves=15)

UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])  # the machine may be busy


@UNTIMED
@given(DATA)
def test_plain_data_survives_the_way_to_the_engine_and_back(data: Any) -> None:
    assert plain(PropertyValue.unmarshal(prop(data).marshal())) == data


def test_whole_numbers_are_integers_again() -> None:
    assert repr(plain(prop({"replicas": 3, "ratio": 0.5}))) == "{'replicas': 3, 'ratio': 0.5}"


def test_keys_that_the_sdks_cannot_spell_are_spelt_as_kubernetes_does() -> None:
    assert plain_map(prop_map({"x-kubernetes-list-type": "map"})) == {"x-kubernetes-list-type": "map"}
    assert list(prop_map({"x-kubernetes-list-type": "map"})) == ["x_kubernetes_list_type"]


def test_the_placeholder_of_the_engine_is_unknown_wherever_it_is() -> None:
    assert has_unknown({"a": [{"b": UNKNOWN}]})
    assert not has_unknown({"a": [{"b": "known"}]})


def test_what_is_secret_in_the_inputs_is_secret_in_the_outputs_and_nothing_else() -> None:
    outputs = prop_map({"spec": {"token": "t", "size": 1}, "list": [1, 2], "status": "s"})
    inputs = {
        "spec": PropertyValue({"token": prop("t").with_secret(True), "size": prop(1)}),
        "list": PropertyValue([prop(1), prop(2).with_secret(True)]),
    }
    marked = mark_secrets(outputs, inputs)
    assert marked["list"].is_secret
    assert not marked["spec"].is_secret
    assert marked["spec"].value["token"].is_secret  # type: ignore[index]
    assert not marked["spec"].value["size"].is_secret  # type: ignore[index]
    assert not marked["status"].contains_secret()


def test_data_of_a_secret_is_secret_though_no_input_was() -> None:
    marked = mark_secrets(prop_map({"kind": "Secret", "data": {"a": "b"}, "type": "Opaque"}), {})
    assert marked["data"].is_secret
    assert not marked["type"].is_secret
