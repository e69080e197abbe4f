"""Who owns which tag: never by a prefix."""

from __future__ import annotations

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from providers.tailnet.tags import Environment, environment_of, tag_of

WORD = st.from_regex(r"[a-z][a-z0-9]{0,3}", fullmatch=True)
SLUG = st.lists(st.sampled_from(["a", "b", "prod", "acme", "x1"]), min_size=1, max_size=3).map("-".join)
ENVIRONMENTS = st.builds(Environment, SLUG, st.sampled_from(["a", "prod", "acme", "x1"]))


def tags_of(environment: Environment, exposure: str) -> list[str]:
    return [environment.kube_tag, environment.api_tag, environment.rec_tag, environment.svc_tag(exposure)]


@given(ENVIRONMENTS, ENVIRONMENTS, WORD)
def test_an_environment_owns_its_own_tags_and_no_other_environments(
    one: Environment, other: Environment, exposure: str
) -> None:
    assert all(one.owns(tag) for tag in tags_of(one, exposure))
    assume(one != other)
    assert not any(one.owns(tag) for tag in tags_of(other, exposure))
    assert not any(one.owns(tag) for tag in (*one.chain_tags, *other.chain_tags))
    assert environment_of(one.kube_tag) == one


@given(ENVIRONMENTS, ENVIRONMENTS, WORD)
def test_names_without_tags_belong_to_one_environment(one: Environment, other: Environment, word: str) -> None:
    for kind in ("posture:", "group:", ""):
        name = f"{kind}{one.name}-{word}"
        assume(not name.startswith("group:killed-"))
        assert one.owns_name(name)
        assert one == other or not other.owns_name(name)


def test_a_customer_with_a_hyphen_is_not_taken_for_an_environment_of_a_shorter_one() -> None:
    acme, trap = Environment("acme", "prod"), Environment("acme-prod", "x")
    assert not acme.owns(trap.kube_tag)
    assert not trap.owns(acme.kube_tag)
    assert not acme.owns(trap.svc_tag("ui"))
    assert not trap.owns(acme.svc_tag("x"))
    assert not acme.owns_name("posture:acme-prod-x-mac")
    assert not acme.owns_name("posture:acme-prod")


def test_nobody_owns_a_killed_group() -> None:
    # `group:killed-acme-prod` must not be taken for the group `prod` of customer `killed`, environment `acme`.
    assert not Environment("killed", "acme").owns_name(Environment("acme", "prod").killed_group)


@pytest.mark.parametrize("customer", ["", "Acme", "operator", "operator-x", "a--b", "-a", "a-", "a" * 33, "1a"])
def test_what_cannot_name_a_customer_is_refused(customer: str) -> None:
    with pytest.raises(ValueError, match="customer"):
        Environment(customer, "prod")


@pytest.mark.parametrize("environment", ["", "Prod", "a-b", "1", "a" * 17])
def test_what_cannot_name_an_environment_is_refused(environment: str) -> None:
    with pytest.raises(ValueError, match="environment"):
        Environment("acme", environment)


@pytest.mark.parametrize(
    ("element", "tag"),
    [
        ("tag:a", "tag:a"),
        ("tag:a:443", "tag:a"),
        ("tag:a-b:*", "tag:a-b"),
        ("xtag:a", None),
        ("tag:a_b", None),
        ("group:a", None),
    ],
)
def test_the_tag_of_an_element(element: str, tag: str | None) -> None:
    assert tag_of(element) == tag
