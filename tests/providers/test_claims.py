"""What environments claim of a document: what a shared slice may neither declare nor take."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.tailnet.claims import Claims
from providers.tailnet.problems import PolicyError
from providers.tailnet.slice import Slice, applied
from providers.tailnet.tags import Environment
from tests.providers.policies import ACME, FOREIGN, GLOBEX, TRAP, identity, value

ENVIRONMENTS = (ACME, GLOBEX, TRAP)
WORDS = ("acme", "prod", "x", "globex", "kube", "svc", "net", "a1")


def claims(*environments: Environment) -> Claims:
    return Claims({"tagOwners": {one.kube_tag: [] for one in environments}})


def test_an_environment_is_there_while_its_kube_tag_is() -> None:
    found = Claims({"TagOwners": {ACME.kube_tag: [], GLOBEX.api_tag: [], "tag:ci": []}})
    assert found.environments == {"acme-prod": ACME}
    assert Claims({}).environments == Claims({"tagOwners": []}).environments == {}


@given(
    st.lists(st.sampled_from((*WORDS, *(one.name for one in ENVIRONMENTS))), min_size=1, max_size=4).map("-".join),
    st.sets(st.sampled_from(ENVIRONMENTS)),
)
def test_the_look_up_answers_as_the_environments_themselves_do(words: str, there: set[Environment]) -> None:
    found = claims(*there)
    for tag in (f"tag:{words}", *(f"tag:{kind}-{words}" for kind in ("kube", "api", "rec", "svc"))):
        assert found.of_tag(tag) == next((one for one in there if one.owns(tag)), None)
    for name in (words, f"group:{words}", f"posture:{words}"):
        assert found.of_name(name) == next((one for one in there if one.owns_name(name)), None)


@pytest.mark.parametrize("tag", ACME.chain_tags)
def test_a_chain_tag_belongs_to_its_customers_environments(tag: str) -> None:
    assert claims(ACME, GLOBEX).of_tag(tag) == ACME
    assert claims(GLOBEX).of_tag(tag) is None


@pytest.mark.parametrize(
    "entry",
    [
        ACME.kube_tag,
        [f"{ACME.kube_tag}:443"],
        {"app": {"c": [{"recorder": [ACME.rec_tag]}]}},
        {"ip": [1, None, True], ACME.svc_tag("net"): []},
    ],
)
def test_a_tag_is_found_wherever_a_value_names_it(entry: Any) -> None:
    found = claims(ACME, GLOBEX).of_value(entry)
    assert found
    assert found[1] == ACME
    assert claims(GLOBEX).of_value(entry) is None


@pytest.mark.parametrize(
    ("sections", "words"),
    [
        ({"groups": {"group:acme-prod-oncall": []}}, "groups: group:acme-prod-oncall belongs by its name to acme-prod"),
        ({"hosts": {"acme-prod-db": "10.0.0.1"}}, "hosts: acme-prod-db belongs by its name to acme-prod"),
        ({"postures": {"posture:acme-prod-x": []}}, "posture:acme-prod-x belongs by its name to acme-prod"),
        ({"tagOwners": {ACME.operator_tag: []}}, f"{ACME.operator_tag} belongs by its name to acme-prod"),
        ({"tagOwners": {"tag:ci": [ACME.proxy_tag]}}, f"tagOwners: an entry names {ACME.proxy_tag}"),
        ({"ipsets": {"ipset:a": [f"add {ACME.kube_tag}"]}}, f"ipsets: an entry names {ACME.kube_tag}"),
        ({"grants": [{"src": ["*"], "dst": [ACME.kube_tag]}]}, f"grants: an entry names {ACME.kube_tag}"),
        ({"tests": [{"src": "a", "deny": [f"{ACME.customer_tag}:1"]}]}, f"an entry names {ACME.customer_tag}"),
    ],
)  # fmt: skip
def test_a_shared_slice_is_refused_what_an_environment_claims(sections: dict[str, Any], words: str) -> None:
    slice = Slice(part="shared", sections=sections)
    with pytest.raises(PolicyError, match="nothing was written") as raised:
        applied(applied(FOREIGN, identity(ACME)).text, slice)
    assert words in str(raised.value)
    assert applied(applied(FOREIGN, identity(GLOBEX)).text, slice).after, "the name is free without the environment"


def test_all_that_is_claimed_is_told_at_once() -> None:
    slice = Slice(
        part="shared", sections={"hosts": {"acme-prod-db": "10.0.0.1"}, "groups": {"group:globex-prod-a": []}}
    )
    text = applied(applied(FOREIGN, identity(ACME)).text, identity(GLOBEX)).text
    with pytest.raises(PolicyError) as raised:
        applied(text, slice)
    assert "acme-prod-db" in str(raised.value)
    assert "group:globex-prod-a" in str(raised.value)


def test_names_that_only_look_alike_are_free() -> None:
    sections = {
        "groups": {"group:acme-production": ["ann@example.com"], "group:acme-prod": []},
        "hosts": {"acme": "10.0.0.1"},
    }
    text = applied(FOREIGN, identity(ACME)).text
    after = applied(text, Slice(part="shared", sections=sections)).after
    assert sections["groups"].items() <= after["groups"].items()
    assert value(text)["tagOwners"] == after["tagOwners"]
