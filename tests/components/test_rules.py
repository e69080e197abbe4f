"""The read-only role reads, and reads no secret."""

from __future__ import annotations

from components.manifests.read_only import read_only_rules

NEVER = {
    "secrets",
    "pods/exec",
    "pods/attach",
    "pods/portforward",
    "pods/proxy",
    "pods/ephemeralcontainers",
    "services/proxy",
    "nodes/proxy",
    "serviceaccounts/token",
    "users",
    "groups",
}


def test_every_verb_only_reads() -> None:
    assert {verb for rule in read_only_rules() for verb in rule["verbs"]} == {"get", "list", "watch"}


def test_nothing_that_holds_a_credential_or_acts_is_named() -> None:
    named = {resource for rule in read_only_rules() for resource in rule["resources"]}
    assert not named & NEVER
    assert not [resource for resource in named if resource.endswith(("/proxy", "/token", "/exec"))]


def test_no_wildcard_takes_in_what_is_not_named() -> None:
    for rule in read_only_rules():
        assert "*" not in [*rule["apiGroups"], *rule["resources"], *rule["verbs"]]


def test_rbac_objects_stay_the_customers() -> None:
    assert "rbac.authorization.k8s.io" not in {group for rule in read_only_rules() for group in rule["apiGroups"]}
