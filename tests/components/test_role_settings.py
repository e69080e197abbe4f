"""A role has exactly the settings that it needs, and what widens it has a reason."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError
from components.settings.role import Role

TODAY = date(2026, 11, 21)
RULE = {"apiGroups": ["apps"], "resources": ["deployments/scale"], "verbs": ["get", "patch"]}
REASON = "on-call engineers repair what the customer cannot"


def loaded(*entries: dict[str, Any], **keys: Any) -> EnvironmentSettings:
    access = [{"from": f"group:a{number}", **entry} for number, entry in enumerate(entries or ({"role": "view"},))]
    given = {"customer": "acme", "environment": "prod", "access": access, **keys}
    flat = {f"support-access:{key}": each if isinstance(each, str) else json.dumps(each) for key, each in given.items()}
    settings = load("acme-prod", flat, today=TODAY)
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refusals(*entries: dict[str, Any], **keys: Any) -> dict[str, str]:
    """Key to all that is said about it."""
    with pytest.raises(SettingsError) as caught:
        loaded(*entries, **keys)
    return {problem.key.removeprefix("support-access:"): str(problem) for problem in caught.value.problems}


@pytest.mark.parametrize(
    ("entry", "bound"),
    [
        ({"role": "read-only"}, Role.READ_ONLY),
        ({"role": "view"}, Role.VIEW),
        ({"role": "namespaces", "namespaces": ["shop"]}, Role.READ_ONLY),
        ({"role": "namespaces", "namespaces": ["shop"], "namespaceRole": "view"}, Role.VIEW),
        ({"role": "namespaces", "namespaces": ["shop"], "namespaceRole": "custom", "rules": [RULE]}, Role.CUSTOM),
        ({"role": "custom", "rules": [RULE]}, Role.CUSTOM),
        ({"role": "cluster-admin", "reason": REASON}, Role.CLUSTER_ADMIN),
        ({"role": "cluster-admin", "reason": REASON, "until": "2026-11-21"}, Role.CLUSTER_ADMIN),
    ],
)
def test_every_role_loads_and_says_its_bounds(entry: dict[str, Any], bound: Role) -> None:
    (found,) = loaded(entry).access
    assert (found.role, found.bound) == (entry["role"], bound)
    assert found.bounds == {key: value for key, value in entry.items() if key != "role"}


@pytest.mark.parametrize(
    ("entry", "key", "what"),
    [
        ({"role": "namespaces"}, "namespaces", "It is missing, and role is namespaces"),
        ({"role": "namespaces", "namespaces": []}, "namespaces", "empty"),
        ({"role": "namespaces", "namespaces": ["*"]}, "namespaces[0]", "not a namespace"),
        ({"role": "namespaces", "namespaces": ["Shop"]}, "namespaces[0]", "not a namespace"),
        ({"role": "namespaces", "namespaces": ["a", "a"]}, "namespaces", "twice"),
        ({"role": "namespaces", "namespaces": ["a"], "namespaceRole": "cluster-admin"}, "namespaceRole", "not known"),
        ({"role": "namespaces", "namespaces": ["a"], "namespaceRole": "custom"}, "rules", "It is missing"),
        ({"role": "namespaces", "namespaces": ["a"], "rules": [RULE]}, "rules", "It is set, and role is namespaces"),
        ({"role": "view", "namespaces": ["a"]}, "namespaces", "It is set, and role is view"),
        ({"role": "read-only", "namespaceRole": "view"}, "namespaceRole", "It is set, and role is read-only"),
        ({"role": "view", "rules": [RULE]}, "rules", "It is set, and role is view"),
        ({"role": "view", "reason": REASON}, "reason", "It is set, and role is view"),
        ({"role": "view", "until": "2027-01-31"}, "until", "It is set, and role is view"),
        ({"role": "custom"}, "rules", "It is missing, and role is custom"),
        ({"role": "custom", "rules": []}, "rules", "empty"),
        ({"role": "custom", "rules": [{**RULE, "verbs": ["fetch"]}]}, "rules[0].verbs[0]", "not a verb"),
        ({"role": "custom", "rules": [{**RULE, "verbs": []}]}, "rules[0].verbs", "empty"),
        ({"role": "custom", "rules": [{**RULE, "resources": ["pods/*"]}]}, "rules[0].resources[0]", "matches nothing"),
        ({"role": "custom", "rules": [{**RULE, "resources": ["Pods"]}]}, "rules[0].resources[0]", "not a resource"),
        ({"role": "custom", "rules": [{**RULE, "apiGroups": ["*.k8s.io"]}]}, "rules[0].apiGroups[0]", "API group"),
        ({"role": "custom", "rules": [{**RULE, "resourceNames": []}]}, "rules[0].resourceNames", "empty"),
        ({"role": "custom", "rules": [{**RULE, "nonResourceURLs": ["*"]}]}, "rules[0].nonResourceURLs", "no setting"),
        ({"role": "cluster-admin"}, "reason", "It is missing, and role is cluster-admin"),
        ({"role": "cluster-admin", "reason": "because"}, "reason", "at least 3 words"),
        ({"role": "cluster-admin", "reason": REASON, "until": "soon"}, "until", "not a day"),
        ({"role": "cluster-admin", "reason": REASON, "until": "2027-02-30"}, "until", "not a day"),
        ({"role": "cluster-admin", "reason": REASON, "until": 2027}, "until", "not a day"),
        ({"role": "admin"}, "role", "not known"),
        ({"role": "edit"}, "role", "not known"),
    ],
)
def test_a_setting_that_the_role_lacks_or_does_not_use_is_named(entry: dict[str, Any], key: str, what: str) -> None:
    assert what in refusals(entry)[f"access[0].{key}"]


def test_what_a_rule_takes_in_is_said_with_lines_to_copy() -> None:
    found = refusals({"role": "custom", "rules": [{**RULE, "apiGroups": [""], "resources": ["pods/exec"]}]})
    said = found["access[0].exceptions"]
    assert 'exec of "get,patch pods/exec"' in said
    assert "runs commands in the customer's containers" in said
    assert "subject: get,patch pods/exec" in said


@pytest.mark.parametrize("text", ["2027-01-31", "2027-01-31 00:00:00 +0000 UTC"])
def test_a_day_without_quotes_is_that_day(text: str) -> None:
    """The second is what the engine (3.250.0) hands on for `until: 2027-01-31`: to YAML that is a time."""
    (found,) = loaded({"role": "cluster-admin", "reason": REASON, "until": text}).access
    assert found.until == date(2027, 1, 31)


def test_access_stands_through_its_last_day_and_no_longer() -> None:
    settings = loaded(
        *({"role": "cluster-admin", "reason": REASON, "until": f"2026-11-{day}"} for day in (20, 21, 22)),
        {"role": "view"},
    )
    assert [entry.source for entry in settings.access] == ["group:a1", "group:a2", "group:a3"]
    assert [entry.source for entry in settings.lapsed] == ["group:a0"]


def test_when_all_of_it_is_over_nobody_is_left() -> None:
    settings = loaded({"role": "cluster-admin", "reason": REASON, "until": "2026-01-01"})
    assert settings.access == ()


def test_one_group_has_one_role_with_one_set_of_bounds() -> None:
    shop, billing = ({"role": "namespaces", "namespaces": [name], "impersonate": "x"} for name in ("shop", "billing"))
    assert "with other settings" in refusals(shop, billing)["access[1].impersonate"]
    assert len(loaded(shop, shop).access) == 2


@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("secrets", "not the name of a custom resource"),
        ("*.example.com", "not the name of a custom resource"),
        ("widgets.*", "not the name of a custom resource"),
        ("widgets/exec.example.com", "not the name of a custom resource"),
        ("widgets", "not the name of a custom resource"),
        ("deployments.apps", "of Kubernetes itself"),
        ("rolebindings.rbac.authorization.k8s.io", "of Kubernetes itself"),
        ("certificatesigningrequests.certificates.k8s.io", "of Kubernetes itself"),
        ("vaultsecrets.example.com", "nothing that role read-only may read"),
        ("apitokens.example.com", "nothing that role read-only may read"),
        ("dbcredentials.example.com", "nothing that role read-only may read"),
        (7, "must be text"),
    ],
)
def test_read_only_reads_no_kind_that_opens_more(name: Any, what: str) -> None:
    assert what in refusals(readOnly={"resources": [name]})["readOnly.resources[0]"]


def test_read_only_reads_the_customers_kinds_by_name() -> None:
    settings = loaded(
        readOnly={"resources": ["widgets.example.com", "gears.example.com", "gateways.gateway.networking.k8s.io"]}
    )
    assert settings.read_only.by_group == {
        "example.com": ("widgets", "gears"),
        "gateway.networking.k8s.io": ("gateways",),
    }


ANY_USER = {"reason": "the identity provider fills the group"}


@pytest.mark.parametrize("roster", ["any", ["any"]])
def test_any_is_no_roster_but_an_exception_with_a_reason(roster: Any) -> None:
    assert "anyUser" in refusals(roster=roster)["roster"]
    assert "at least 3 words" in refusals(anyUser={"reason": "any"})["anyUser.reason"]
    assert "missing" in refusals(anyUser={})["anyUser.reason"]
    assert loaded(anyUser=ANY_USER).any_user is not None
    assert loaded().any_user is None


def test_a_roster_does_not_stand_beside_the_exception() -> None:
    assert "roster is too" in refusals(anyUser=ANY_USER, roster=["ada@example.com"])["anyUser"]


@pytest.mark.parametrize(
    ("policy", "key", "what"),
    [
        ({"form": "strict"}, "form", "not known"),
        ({"apiServer": {"networks": ["10.0.0.0/28"]}}, "apiServer", "It is set, and form is off"),
        ({"form": "cilium-sni", "apiServer": {"networks": ["10.0.0.0/28"]}}, "apiServer", "Cilium knows"),
        ({"form": "portable", "apiServer": {"networks": []}}, "apiServer.networks", "empty"),
        ({"form": "portable", "apiServer": {"networks": ["0.0.0.0/0"]}}, "apiServer.networks[0]", "not ranges"),
        ({"form": "portable", "apiServer": {"networks": ["10.0.0.1/8"]}}, "apiServer.networks[0]", "not ranges"),
        ({"form": "portable", "also": [{"network": "::/0", "port": 443}]}, "also[0].network", "not ranges"),
        ({"form": "portable", "also": [{"network": "10.0.0.5/32", "port": 0}]}, "also[0].port", "greater than"),
        ({"form": "portable", "also": [{"network": "10.0.0.5/32"}]}, "also[0].port", "missing"),
    ],
)
def test_a_network_policy_names_ends_and_never_everything(policy: dict[str, Any], key: str, what: str) -> None:
    assert what in refusals(networkPolicy=policy)[f"networkPolicy.{key}"]


def test_where_the_customer_installs_the_policy_is_told_what_no_cluster_can_be_asked() -> None:
    portable = {"form": "portable"}
    assert "no cluster can be asked" in refusals(networkPolicy=portable)["networkPolicy.apiServer"]
    assert "no cluster can" in refusals(networkPolicy={**portable, "apiServer": None})["networkPolicy.apiServer"]
    assert loaded(networkPolicy={**portable, "apiServer": {"networks": ["10.0.0.0/28"]}})
    web = {"kind": "ingress", "name": "web", "namespace": "shop", "service": "web", "port": 80, "from": "group:a0"}
    assert "pods behind a Service" in refusals(networkPolicy={"form": "cilium-sni"}, expose=[web])["networkPolicy.form"]


API_SERVER = {"apiServer": {"networks": ["10.0.0.0/28"]}}


@pytest.mark.parametrize(
    ("url", "policy", "reached"),
    [
        ("http://proxy.acme.example:3128", {"form": "cilium-sni"}, False),
        ("https://proxy.acme.example:3128", {"form": "cilium-sni"}, True),
        ("https://1.1.1.1:3128", {"form": "cilium-sni"}, False),
        ("http://10.0.0.5:3128", {"form": "portable", **API_SERVER}, False),
        ("http://198.18.0.5:3128", {"form": "portable", **API_SERVER}, False),
        ("http://1.1.1.1:3128", {"form": "portable", **API_SERVER}, True),
        ("http://proxy.acme.example:3128", {"form": "portable", **API_SERVER}, True),
        ("http://10.0.0.5:3128", {"form": "off"}, True),
    ],
)
def test_a_policy_that_would_cut_off_the_http_proxy_names_it(url: str, policy: dict[str, Any], reached: bool) -> None:
    operator = {"httpProxy": {"url": url}}
    if not reached:
        assert "Nothing would come online" in refusals(networkPolicy=policy, operator=operator)["networkPolicy.also"]
        other = [{"network": "10.0.0.5/32", "port": 3129}]
        assert refusals(networkPolicy={**policy, "also": other}, operator=operator).keys() == {"networkPolicy.also"}
        also = [{"network": "0.0.0.0/1", "port": 3128}, {"network": "128.0.0.0/1", "port": 3128}]
        policy = {**policy, "also": also}
    assert loaded(networkPolicy=policy, operator=operator)


def test_off_is_the_default_and_what_yaml_makes_of_it() -> None:
    assert loaded().network_policy == loaded(networkPolicy={"form": False}).network_policy
