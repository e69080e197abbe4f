"""Names of different environments never meet, and every name says whose it is."""

from __future__ import annotations

import re

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components import naming
from components.naming import Names
from components.settings.role import Role
from providers.tailnet.tags import customer_problem, environment_problem

AT_ANY_SPEED = settings(deadline=None)  # a busy machine is no failure

# Words that the scheme itself uses are the ones that could be mistaken for a part of it.
WORDS = st.one_of(
    st.sampled_from(["a", "b", "prod", "kube", "api", "svc", "rec", "k8s", "cust", "operator", "tailscale"]),
    st.from_regex(r"[a-z][a-z0-9]{0,5}", fullmatch=True),
)
CUSTOMERS = st.lists(WORDS, min_size=1, max_size=4).map("-".join).filter(lambda slug: not customer_problem(slug))
ENVIRONMENTS = WORDS.filter(lambda slug: not environment_problem(slug))
NAMES = st.builds(Names, CUSTOMERS, ENVIRONMENTS)

TAG = re.compile(r"tag:[a-zA-Z][a-zA-Z0-9-]*")
DNS_LABEL = re.compile(r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?")
LABEL_VALUE = re.compile(r"[A-Za-z0-9]([A-Za-z0-9._-]{0,61}[A-Za-z0-9])?")
LONGEST = Names("a" * 32, "b" * 16)


def own(names: Names, exposure: str) -> set[tuple[str, str]]:
    """All that one environment has for itself: where the name is looked up, and the name."""
    tags = names.tags
    return {
        ("tag", tags.kube_tag),
        ("tag", tags.api_tag),
        ("tag", tags.rec_tag),
        ("tag", tags.svc_tag(exposure)),
        ("group", tags.killed_group),
        ("host", names.hostname),
        ("stack", names.name),
        ("resource", names.resource("access")),
    }


@AT_ANY_SPEED
@given(NAMES, NAMES, ENVIRONMENTS, ENVIRONMENTS)
def test_two_environments_share_no_name(one: Names, other: Names, exposure: str, another: str) -> None:
    assume(one != other)
    assert not own(one, exposure) & own(other, another)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (Names("a", "b"), Names("a-b", "c")),
        (Names("acme", "prod"), Names("acme-prod", "x")),
        (Names("a", "kube"), Names("a-kube", "kube")),
    ],
)
def test_a_customer_whose_name_begins_with_another_environment_shares_nothing(one: Names, other: Names) -> None:
    for exposure in ("c", "d", "x", "kube"):
        assert not own(one, exposure) & own(other, "d")


@AT_ANY_SPEED
@given(NAMES, NAMES)
def test_the_chain_is_one_customers_alone(one: Names, other: Names) -> None:
    ours, theirs = set(one.tags.chain_tags), set(other.tags.chain_tags)
    assert ours == theirs if one.customer == other.customer else not ours & theirs


@AT_ANY_SPEED
@given(NAMES, NAMES, ENVIRONMENTS)
def test_no_chain_tag_is_an_environments(one: Names, other: Names, exposure: str) -> None:
    assert not {("tag", tag) for tag in one.tags.chain_tags} & own(other, exposure)


def readings(tag: str) -> list[tuple[str, ...]]:
    """Every way to read a tag by the scheme's table: kind, customer, environment, exposure."""
    found: list[tuple[str, ...]] = []
    for kind, size in {"k8s-operator": 1, "k8s": 1, "cust": 1, "kube": 2, "api": 2, "rec": 2, "svc": 3}.items():
        head = f"tag:{kind}-"
        if not tag.startswith(head):
            continue
        parts = tag[len(head) :].split("-")
        for cut in range(1, len(parts) + 1):
            customer, rest = "-".join(parts[:cut]), parts[cut:]
            if len(rest) == size - 1 and not customer_problem(customer) and not any(map(environment_problem, rest)):
                found.append((kind, customer, *rest))
    return found


@AT_ANY_SPEED
@given(NAMES, ENVIRONMENTS)
def test_every_tag_reads_in_one_way_only(names: Names, exposure: str) -> None:
    pair = (names.customer, names.environment)
    tags = names.tags
    assert readings(tags.operator_tag) == [("k8s-operator", names.customer)]
    assert readings(tags.proxy_tag) == [("k8s", names.customer)]
    assert readings(tags.customer_tag) == [("cust", names.customer)]
    assert readings(tags.kube_tag) == [("kube", *pair)]
    assert readings(tags.api_tag) == [("api", *pair)]
    assert readings(tags.rec_tag) == [("rec", *pair)]
    assert readings(tags.svc_tag(exposure)) == [("svc", *pair, exposure)]


@AT_ANY_SPEED
@given(NAMES)
def test_a_name_gives_back_its_customer_and_environment(names: Names) -> None:
    assert Names.split(names.name) == names


@pytest.mark.parametrize(
    "name", ["acme", "", "-prod", "Acme-prod", "operator-prod", "operator-x-prod", "acme-1", "tailnet"]
)
def test_what_is_no_environments_name_does_not_split(name: str) -> None:
    with pytest.raises(ValueError, match=r"customer|environment"):
        Names.split(name)


@AT_ANY_SPEED
@given(NAMES)
def test_the_programs_own_tags_are_nobodys(names: Names) -> None:
    for tag in (naming.SENTINEL_TAG, naming.DEFAULT_DEPLOYER):
        assert TAG.fullmatch(tag)
        assert not tag.startswith(naming.TAG_PREFIXES)
        assert not readings(tag)
        assert not names.tags.owns(tag)


@AT_ANY_SPEED
@given(NAMES, ENVIRONMENTS)
def test_the_listed_prefixes_are_those_of_all_composed_tags(names: Names, exposure: str) -> None:
    tags = names.tags
    composed = (*tags.chain_tags, tags.kube_tag, tags.api_tag, tags.rec_tag, tags.svc_tag(exposure))
    assert all(tag.startswith(naming.TAG_PREFIXES) and TAG.fullmatch(tag) for tag in composed)


@pytest.mark.parametrize("names", [LONGEST, Names("a", "b"), Names("a1-b2", "c3")])
def test_the_longest_and_the_shortest_names_fit_where_they_are_used(names: Names) -> None:
    assert DNS_LABEL.fullmatch(names.hostname)
    assert len(names.oauth_description) <= naming.MAX_OAUTH_DESCRIPTION
    assert re.fullmatch(r"[A-Za-z0-9 -]+", names.oauth_description)
    assert all(LABEL_VALUE.fullmatch(value) for value in names.labels.values())


@AT_ANY_SPEED
@given(NAMES, NAMES)
def test_labels_tell_environments_apart(one: Names, other: Names) -> None:
    assert (one.labels == other.labels) == (one == other)


def test_our_roles_are_not_the_clusters_nor_the_charts() -> None:
    foreign = {
        "view",
        "edit",
        "admin",
        "cluster-admin",
        "tailscale-operator",
        "tailscale-auth-proxy",
        "proxies",
        "operator",
    }
    ours = {naming.IMPERSONATION_ROLE, naming.READ_ONLY_ROLE}
    assert len(ours) == 2
    assert not ours & foreign


@AT_ANY_SPEED
@given(st.sampled_from(list(Role)), st.sampled_from(list(Role)), *[st.from_regex(r"[a-z0-9._-]+", fullmatch=True)] * 2)
def test_bindings_of_different_groups_or_roles_differ(role: Role, another: Role, group: str, other: str) -> None:
    same = (role, group) == (another, other)
    assert (naming.group_binding(role, group) == naming.group_binding(another, other)) == same


@AT_ANY_SPEED
@given(st.integers(1, 999_999), st.integers(1, 999_999))
def test_each_generation_has_a_secret_of_its_own(one: int, other: int) -> None:
    assert (naming.credential_secret(one) == naming.credential_secret(other)) == (one == other)
