"""The ceiling never widens: an empty list is nobody, not everybody."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from components.manifests.ceiling import ceiling, impersonation_rules

NAMES = st.lists(st.text(min_size=1, max_size=20), max_size=5)


@given(groups=NAMES, users=NAMES)
def test_every_rule_names_whom_it_lets_impersonate(groups: list[str], users: list[str]) -> None:
    for rule in impersonation_rules(groups=groups, users=users):
        assert rule["resourceNames"], "a rule with empty resourceNames would let its holder impersonate anybody"
        assert rule["verbs"] == ["impersonate"]


@given(groups=NAMES, users=NAMES)
def test_nobody_beyond_the_declared_may_be_impersonated(groups: list[str], users: list[str]) -> None:
    rules = {rule["resources"][0]: rule["resourceNames"] for rule in impersonation_rules(groups=groups, users=users)}
    assert rules.get("groups", []) == sorted(set(groups))
    assert rules.get("users", []) == sorted(set(users))
    assert set(rules) <= {"groups", "users"}


def test_an_empty_roster_gives_no_rule_for_users() -> None:
    rules = impersonation_rules(groups=["highflame-sre"], users=[])
    assert [rule["resources"] for rule in rules] == [["groups"]]


@given(groups=NAMES, users=NAMES)
def test_any_user_opens_users_alone(groups: list[str], users: list[str]) -> None:
    rules = impersonation_rules(groups=groups, users=users, any_user=True)
    assert [rule["resources"] for rule in rules if "resourceNames" not in rule] == [["users"]]
    assert rules[:-1] == impersonation_rules(groups=groups, users=[])


def test_without_the_exception_nothing_is_open() -> None:
    made = ceiling(groups=[], users=[], labels={})
    assert made["role"]["rules"] == []


def test_it_is_bound_to_whoever_serves_the_api_and_to_nobody_else() -> None:
    proxies = ("operator", "kube-apiserver-auth-proxy")
    made = ceiling(groups=["sre"], users=[], labels={}, service_accounts=proxies)
    assert made["binding"]["subjects"] == [
        {"kind": "ServiceAccount", "name": name, "namespace": "tailscale"} for name in proxies
    ]
    assert ceiling(groups=["sre"], users=[], labels={}, service_accounts=()) == {}
