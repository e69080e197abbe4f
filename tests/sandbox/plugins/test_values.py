"""Plain values and property values tell the same, also over the wire."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from pulumi.provider.experimental.property_value import PropertyValue

from sandbox.plugins.values import UNKNOWN, Plain, has_unknown, plain, secret_names, wrapped

scalars = st.none() | st.booleans() | st.integers(-(2**50), 2**50) | st.text(max_size=8) | st.just(UNKNOWN)
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(min_size=1, max_size=4), inner)
)


@given(values, st.booleans())
def test_a_value_survives_the_wire(value: Plain, secret: bool) -> None:
    arrived = PropertyValue.unmarshal(wrapped(value, secret).marshal())
    assert plain(arrived) == value
    assert arrived.is_secret is secret


@given(values)
def test_what_is_unknown_stays_visible_at_any_depth(value: Plain) -> None:
    assert has_unknown(value) == ("<unknown>" in repr(value).replace("'<unknown>'", ""))


def test_a_whole_number_is_an_integer_again() -> None:
    assert repr(plain(wrapped(443))) == "443"
    assert repr(plain(wrapped(0.5))) == "0.5"


def test_a_secret_inside_makes_the_property_secret() -> None:
    inner = PropertyValue({"deep": wrapped("hidden", secret=True)})
    assert secret_names({"a": inner, "b": wrapped("open")}) == {"a"}
