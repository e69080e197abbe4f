"""Nothing that escalates is among a custom role's rules unless an exception names it."""

from __future__ import annotations

import json
from random import Random
from typing import Any

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from components.manifests.read_only import read_only_rules
from components.settings.environment import EnvironmentSettings
from components.settings.escalation import KINDS, Finding, findings
from components.settings.load import load
from components.settings.problems import SettingsError
from components.settings.rule import Rule

RBAC, AUTHENTICATION = "rbac.authorization.k8s.io", "authentication.k8s.io"
ESCALATES: dict[str, list[tuple[str, str, str]]] = {
    "secrets": [(verb, "", "secrets") for verb in ("get", "list", "watch", "create", "update", "patch", "delete")],
    "token": [("create", "", "serviceaccounts/token")],
    "certificate": [
        ("create", "certificates.k8s.io", "certificatesigningrequests"),
        ("update", "certificates.k8s.io", "certificatesigningrequests/approval"),
        ("approve", "certificates.k8s.io", "signers"),
        ("sign", "certificates.k8s.io", "signers"),
        ("attest", "certificates.k8s.io", "signers"),
    ],
    "impersonate": [
        ("impersonate", "", "users"),
        ("impersonate", "", "groups"),
        ("impersonate", "", "serviceaccounts"),
        ("impersonate", AUTHENTICATION, "userextras/scopes"),
        ("impersonate:user-info", AUTHENTICATION, "users"),
        ("impersonate:user-info", AUTHENTICATION, "groups"),
        ("impersonate:serviceaccount", AUTHENTICATION, "serviceaccounts"),
        ("impersonate:arbitrary-node", AUTHENTICATION, "nodes"),
        ("impersonate:associated-node", AUTHENTICATION, "nodes"),
    ],
    "escalate": [("escalate", RBAC, "roles"), ("escalate", RBAC, "clusterroles")],
    "bind": [("bind", RBAC, "roles"), ("bind", RBAC, "clusterroles")],
    "rbac": [("create", RBAC, "rolebindings"), ("patch", RBAC, "clusterrolebindings"), ("update", RBAC, "roles")],
    "exec": [
        ("get", "", "pods/exec"),  # a WebSocket begins with a GET
        ("create", "", "pods/exec"),
        ("create", "", "pods/attach"),
        ("patch", "", "pods/ephemeralcontainers"),
    ],
    "proxy": [
        ("get", "", "nodes/proxy"),
        ("create", "", "pods/portforward"),
        ("get", "", "pods/proxy"),
        ("get", "", "services/proxy"),
        ("get", "", "nodes/log"),  # the kubelet's, of every pod there, and not a pod's own
    ],
    "workload": [
        ("create", "", "pods"),
        ("patch", "apps", "deployments"),
        ("update", "apps", "daemonsets"),
        ("create", "batch", "jobs"),
        ("patch", "batch", "cronjobs"),
        ("create", "apps", "statefulsets"),
        ("update", "apps", "replicasets"),
        ("create", "", "replicationcontrollers"),
        ("update", "", "podtemplates"),
        ("create", "apps", "controllerrevisions"),  # the pods of a StatefulSet's older ordinals are made from one
    ],
    "exposure": [
        ("patch", "", "services"),
        ("patch", "", "services/status"),  # an address of a load balancer that is not there takes traffic along
        ("create", "networking.k8s.io", "ingresses"),
        ("delete", "networking.k8s.io", "networkpolicies"),
        ("create", "tailscale.com", "connectors"),
        ("create", "gateway.networking.k8s.io", "gateways"),
    ],
    "control": [
        ("update", "", "configmaps"),
        ("patch", "", "namespaces"),
        ("patch", "", "serviceaccounts"),
        ("update", "", "endpoints"),
        ("create", "discovery.k8s.io", "endpointslices"),
        ("patch", "", "pods/status"),  # a Service's traffic goes to the address that it says
        ("patch", "", "nodes"),
        ("patch", "", "nodes/status"),
        ("update", "storage.k8s.io", "storageclasses"),
        ("create", "flowcontrol.apiserver.k8s.io", "flowschemas"),
        ("create", "", "persistentvolumes"),
        ("create", "admissionregistration.k8s.io", "mutatingwebhookconfigurations"),
        ("update", "apiregistration.k8s.io", "apiservices"),
        ("create", "apiextensions.k8s.io", "customresourcedefinitions"),
    ],
    "subresource": [("get", "subresources.kubevirt.io", "virtualmachineinstances/console"), ("create", "", "pods/new")],
}
"""Requests, each of which leads to more than it says, by what an exception for it is called."""

REQUESTS = [(kind, request) for kind, requests in ESCALATES.items() for request in requests]
EVERYDAY = [
    ("patch", "apps", "deployments/scale"),
    ("delete", "", "pods"),
    ("create", "", "pods/eviction"),
    ("get", "", "pods/log"),
    ("list", "example.com", "widgets"),
    ("patch", "example.com", "widgets/status"),
    ("get", RBAC, "clusterroles"),
]

WORDS = st.sampled_from([request for _, request in REQUESTS] + EVERYDAY)


def part(place: int, *wildcards: str) -> st.SearchStrategy[list[str]]:
    return st.lists(
        WORDS.map(lambda word: word[place]) | st.sampled_from(wildcards), min_size=1, max_size=3, unique=True
    )


RULES = st.lists(
    st.fixed_dictionaries(
        {
            "verbs": part(0, "*", "get"),
            "apiGroups": part(1, "*", ""),
            "resources": part(2, "*", "*/exec", "*/proxy", "*/token", "pods"),
        },
        optional={"resourceNames": st.just(["web"])},
    ),
    min_size=1,
    max_size=3,
)


def allows(rule: dict[str, Any], request: tuple[str, str, str]) -> bool:
    """RBAC's own judgement, as its documentation tells it."""
    verb, group, resource = request
    _, slash, subresource = resource.partition("/")
    return (
        bool({verb, "*"} & {*rule["verbs"]})
        and bool({group, "*"} & {*rule["apiGroups"]})
        and bool({resource, "*", f"*/{subresource}" if slash else "*"} & {*rule["resources"]})
    )


def read(rules: list[dict[str, Any]]) -> list[Rule]:
    return [Rule.model_validate(rule) for rule in rules]


def loaded(rules: list[dict[str, Any]], exceptions: list[dict[str, str]], **more: Any) -> EnvironmentSettings | None:
    """The settings, or None where they are refused."""
    entry = {"from": "group:a", "role": "custom", "rules": rules, "exceptions": exceptions, **more}
    config = {"customer": "acme", "environment": "prod", "access": json.dumps([entry])}
    try:
        found = load("acme-prod", {f"support-access:{key}": value for key, value in config.items()})
    except SettingsError:
        return None
    assert isinstance(found, EnvironmentSettings)
    return found


def accepted(found: list[Finding]) -> list[dict[str, str]]:
    return [{"finding": each.kind, "subject": each.subject, "reason": "the customer asked for it"} for each in found]


@given(RULES)
def test_whatever_escalates_is_a_finding(rules: list[dict[str, Any]]) -> None:
    kinds = {each.kind for each in findings(read(rules))}
    for kind, request in REQUESTS:
        if any(allows(rule, request) for rule in rules):
            # Under a wildcard the subresource that nobody knows has no name of its own.
            assert kind in kinds or ("wildcard" in kinds and kind == "subresource"), request


@settings(max_examples=50)
@given(RULES, st.randoms(use_true_random=False))
def test_no_rule_with_a_finding_loads_without_its_exception(rules: list[dict[str, Any]], chance: Random) -> None:
    whole = accepted(findings(read(rules)))
    assume(whole)
    assert loaded(rules, []) is None
    left_out = chance.randrange(len(whole))
    assert loaded(rules, whole[:left_out] + whole[left_out + 1 :]) is None


@settings(max_examples=50)
@given(RULES)
def test_with_every_exception_the_rules_load_as_they_are(rules: list[dict[str, Any]]) -> None:
    assume(not any({"*"} == {*r["verbs"]} & {*r["apiGroups"]} & {*r["resources"]} for r in rules))
    found = loaded(rules, accepted(findings(read(rules))))
    assert found is not None
    assert [rule.policy_rule for rule in found.access[0].rules or ()] == rules


@given(RULES)
def test_a_wildcard_is_always_a_finding(rules: list[dict[str, Any]]) -> None:
    starred = any("*" in word for rule in rules for key in ("verbs", "apiGroups", "resources") for word in rule[key])
    assert ("wildcard" in {each.kind for each in findings(read(rules))}) == starred


@pytest.mark.parametrize(("kind", "request_"), REQUESTS)
def test_each_by_itself_is_a_finding_of_its_kind(kind: str, request_: tuple[str, str, str]) -> None:
    verb, group, resource = request_
    found = findings(read([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}]))
    assert kind in {each.kind for each in found}


@pytest.mark.parametrize("request_", EVERYDAY)
def test_everyday_repair_needs_no_exception(request_: tuple[str, str, str]) -> None:
    verb, group, resource = request_
    assert findings(read([{"verbs": [verb], "apiGroups": [group], "resources": [resource]}])) == []


def test_the_read_only_role_itself_has_no_finding() -> None:
    assert findings(read(read_only_rules())) == []


def test_every_finding_of_the_list_is_shown_above() -> None:
    assert {*ESCALATES, "wildcard"} == set(KINDS)


def test_an_exception_holds_for_these_verbs_and_these_names_only() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["secrets"], "resourceNames": ["tls"]}
    named = accepted(findings(read([rule])))
    assert [each["subject"] for each in named] == ["get secrets named tls"]
    assert loaded([rule], named)
    for wider in ({"verbs": ["get", "delete"]}, {"resourceNames": ["tls", "root"]}):
        assert loaded([{**rule, **wider}], named) is None
    assert loaded([{key: value for key, value in rule.items() if key != "resourceNames"}], named) is None


def test_an_exception_that_accepts_nothing_does_not_lie_in_wait() -> None:
    rule = {"verbs": ["get"], "apiGroups": [""], "resources": ["pods"]}
    idle = {"finding": "secrets", "subject": "get secrets", "reason": "the customer asked for it"}
    assert loaded([rule], [])
    assert loaded([rule], [idle]) is None


def test_acting_on_behalf_of_somebody_is_a_finding_wherever_it_stands() -> None:
    rule = {"verbs": ["impersonate-on:user-info:list"], "apiGroups": [""], "resources": ["pods"]}
    assert [each.kind for each in findings(read([rule]))] == ["impersonate"]


def test_everything_is_a_role_of_its_own() -> None:
    rule = {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"]}
    assert loaded([rule], accepted(findings(read([rule])))) is None


@pytest.mark.parametrize("more", [{"role": "namespaces", "namespaces": ["shop"], "namespaceRole": "custom"}])
def test_a_custom_role_in_namespaces_is_judged_alike(more: dict[str, Any]) -> None:
    rule = {"verbs": ["create"], "apiGroups": [""], "resources": ["pods/exec"]}
    assert loaded([rule], [], **more) is None
    assert loaded([rule], accepted(findings(read([rule]))), **more)
