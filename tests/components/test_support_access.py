"""What one environment registers: its edges, its providers, its bounds."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.exposing import ALL, LOCAL
from tests.components.registered import ROSTER, SECRET, Registered, Registration, registered

Build = Callable[..., EnvironmentSettings]
EGRESS = {
    "target": "aws-security-group",
    "region": "eu-central-1",
    "securityGroup": "sg-0a0a0a0a0a0a0a0a0",
    "derp": "any443",
}


RULE = "egress-sg-0a0a0a0a0a0a0a0a0-tcp-0.0.0.0/0"


def register(settings: EnvironmentSettings) -> Registered:
    return registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings))


@pytest.fixture
def managed(environment: Build) -> Registered:
    return register(environment(egress=[EGRESS]))


@pytest.fixture
def handoff(environment: Build) -> Registered:
    return register(environment(delivery="handoff", cluster=None))


def is_object(row: Registration) -> bool:
    return row.custom and not row.type.startswith("pulumi:providers:")


def edges(seen: Registered, name: str) -> set[str]:
    """What a resource depends on, without providers, and without components, which only stand for their children."""
    named = seen.names(seen.rows[f"acme-prod-{name}"].depends_on)
    return {other.removeprefix("acme-prod-") for other in named if is_object(seen.rows[other])}


def test_the_edges_are_those_of_the_design_and_no_others(managed: Registered) -> None:
    bounds = {"ceiling-role", "ceiling-binding", "roles-read-only", "roles-highflame-sre"}
    assert edges(managed, "identity") == set()
    assert edges(managed, RULE) == {"identity"}
    assert edges(managed, "cluster") == {"identity"}
    assert edges(managed, "repair") == {"cluster", "identity"}
    assert edges(managed, "operator-namespace") == {"repair"}
    assert edges(managed, "operator-release") == {"operator-namespace", RULE}
    assert edges(managed, "cleanup") == {"operator-release", "cluster"}
    assert edges(managed, "client-1") == {"cleanup", "identity"}
    assert edges(managed, "credential-proof") == {"client-1"}
    assert edges(managed, "credential-1") == {"client-1", "credential-proof"}
    # Their owner's uid makes the namespace a dependency.
    assert all(edges(managed, bound) == {"credential-1", "operator-namespace"} for bound in bounds)
    assert edges(managed, "record") == {*bounds}
    everything = {"identity", "cleanup", "client-1", "credential-proof", "credential-1", RULE, "record", *bounds}
    assert edges(managed, "enrolment") == everything
    assert edges(managed, "access") == {"enrolment"}


def test_in_handoff_nothing_touches_a_cluster(handoff: Registered) -> None:
    assert not [row.type for row in handoff.rows.values() if "kubernetes" in row.type or row.type.startswith("aws")]
    assert edges(handoff, "cleanup") == {"identity"}
    assert edges(handoff, "enrolment") == {"identity", "cleanup", "client-1", "credential-proof"}
    assert edges(handoff, "access") == {"enrolment"}
    assert handoff.rows["acme-prod-enrolment"].inputs["wait"] is False


def test_components_register_their_outputs_and_children_have_parents(managed: Registered) -> None:
    components = {name: row for name, row in managed.rows.items() if not row.custom and row.parent}
    assert {name for name, row in components.items() if row.outputs is None} == set()
    assert {name for name, row in managed.rows.items() if not row.parent} == {"support-access-acme-prod"}
    tokens = [row.type for row in components.values()]
    assert len(set(tokens)) == len(tokens)
    assert [token for token in tokens if not re.fullmatch(r"support-access:[a-z]+:[A-Z]\w+", token)] == []


def test_every_object_in_the_cluster_goes_through_the_declared_provider(managed: Registered) -> None:
    provider = "::acme-prod-kubernetes::"
    in_cluster = [row for row in managed.rows.values() if row.type.startswith("kubernetes:")]
    assert len(in_cluster) == 8
    assert all(provider in row.provider for row in in_cluster)


def test_an_installation_is_agreed_first_and_an_interrupted_one_is_cleared_after_that(managed: Registered) -> None:
    assert managed.rows["acme-prod-operator-release"].asked == ["acme-prod-reinstall", "acme-prod-interrupted"]


def test_no_provider_argument_is_a_credential(managed: Registered) -> None:
    assert managed.rows["acme-prod-tailscale"].inputs.keys() <= {"userAgent"}
    kubernetes = managed.rows["acme-prod-kubernetes"].inputs
    assert kubernetes["context"] == "acme-prod"
    assert kubernetes["clusterIdentifier"] == "acme-prod"
    assert kubernetes["kubeconfig"] == ""


def test_a_secret_that_changes_is_not_replaced(managed: Registered) -> None:
    """A replacement is refused at preview: there the Secret still stands that it is to take the place of."""
    assert managed.rows["acme-prod-kubernetes"].inputs["enableSecretMutable"] == "true"


def test_nothing_is_protected_or_left_behind(managed: Registered) -> None:
    assert not [name for name, row in managed.rows.items() if row.protected or row.retained]


def test_the_engine_calls_the_cluster_for_nothing_between_grant_and_credential(environment: Build) -> None:
    """Whatever is created after the credential is deleted before it, so its deletion must be another resource's."""
    everything = {
        "expose": ALL,
        "recorder": {"storage": LOCAL},
        "operator": {"apiServerProxy": {"replicas": 2}},
        "credential": {"acknowledge": ["devices:core", "services"]},
        "networkPolicy": {"form": "portable"},
    }
    for bent in ({}, everything):
        seen = register(environment(**bent))
        urns = {name: urn for urn, name in seen.urns.items()}
        by_ours = {
            urns[name] for name in ("acme-prod-operator-namespace", "acme-prod-holder-withdrawal") if name in urns
        }
        called = {
            name
            for name, row in seen.rows.items()
            if row.type.startswith("kubernetes:") and row.deleted_with not in by_ours
        }
        assert called == {"acme-prod-operator-namespace", "acme-prod-operator-release"}
    assert seen.rows["acme-prod-kubernetes"].inputs.keys().isdisjoint({"deleteUnreachable"})


def test_the_namespace_owns_everything_outside_of_it_that_has_no_operators_finalizer(environment: Build) -> None:
    seen = register(
        environment(
            expose=ALL,
            recorder={"storage": LOCAL},
            credential={"acknowledge": ["devices:core"]},
            access=[{"from": "group:sre", "role": "namespaces", "namespaces": ["shop"]}],
        )
    )
    owners = {
        name: [(one["kind"], one["name"]) for one in row.inputs["metadata"].get("ownerReferences") or ()]
        for name, row in seen.rows.items()
        if row.type.startswith("kubernetes:")
        and (row.inputs.get("metadata") or {}).get("namespace") != "tailscale"
        and not row.type.endswith((":Namespace", ":Release", "Patch"))
    }
    by_proxies = {"proxies-proxy-class", *(f"exposures-{part}" for part in ("studio", "artifacts", "net", "recorder"))}
    for name, found in owners.items():
        part = name.removeprefix("acme-prod-")
        if part == "holder-owner":
            assert found == []
        elif part in by_proxies:
            assert found == [("ClusterRole", "support-access-proxies")]
        else:
            assert found == [("Namespace", "tailscale")], name
    assert {"acme-prod-ceiling-binding", "acme-prod-sidecar-worker-secret"} <= owners.keys()
    assert any("in:shop" in name for name in owners)


def test_an_object_that_is_taken_out_alone_is_not_waited_for_long(managed: Registered) -> None:
    waiting = ("ceiling-role", "ceiling-binding", "roles-read-only", "roles-highflame-sre", "credential-1")
    assert {managed.rows[f"acme-prod-{name}"].delete_timeout for name in waiting} == {"30s"}
    # A namespace that hangs on somebody's finalizer would else hold the engine for ten minutes.
    assert managed.rows["acme-prod-operator-namespace"].delete_timeout == "2m"


def test_the_credential_in_the_cluster_has_one_scope_and_the_operators_tags(managed: Registered) -> None:
    client = managed.rows["acme-prod-client-1"].inputs
    assert client["scopes"] == ["auth_keys"]
    assert client["tags"] == ["tag:k8s-operator-acme", "tag:kube-acme-prod"]


def test_the_release_is_of_one_chart_in_one_version_from_one_place(managed: Registered, environment: Build) -> None:
    """Without a version Helm takes the newest. And who waits for the pod waits for a Secret that comes after it."""
    release = managed.rows["acme-prod-operator-release"].inputs
    pinned = {
        "name": "tailscale-operator",
        "namespace": "tailscale",
        "chart": "tailscale-operator",
        "version": "1.96.5",
    }
    assert release.items() >= {**pinned, "skipAwait": True}.items()
    assert release["repositoryOpts"] == {"repo": "https://pkgs.tailscale.com/helmcharts"}
    mirrored = {"repository": "oci://registry.example.com/charts", "version": "1.96.4"}
    other = register(environment(operator={"chart": mirrored})).rows["acme-prod-operator-release"].inputs
    assert (other["chart"], other["version"]) == ("oci://registry.example.com/charts/tailscale-operator", "1.96.4")
    assert "repositoryOpts" not in other


def test_the_secret_never_leaves_the_secret(managed: Registered) -> None:
    held = [name for name, row in managed.rows.items() if SECRET in str(row.inputs)]
    assert sorted(held) == ["acme-prod-credential-1", "acme-prod-credential-proof"]
    assert managed.rows["acme-prod-credential-1"].secrets >= {"stringData", "data"}
    assert "clientSecret" in managed.rows["acme-prod-credential-proof"].secrets
    assert managed.rows["acme-prod"].secret_outputs == set()


def test_what_is_handed_over_is_the_one_secret_output(environment: Build) -> None:
    found = register(environment(delivery="handoff", cluster=None))
    assert found.rows["acme-prod"].secret_outputs == {"operatorCredential"}


def test_a_handoff_tells_by_which_settings_its_credential_was_made(managed: Registered, environment: Build) -> None:
    handed = register(environment(delivery="handoff", cluster=None)).rows["acme-prod"].outputs or []
    assert set(handed) - set(managed.rows["acme-prod"].outputs or []) == {"declared", "operatorCredential"}


def test_the_ceiling_is_the_declared_groups_and_the_roster(managed: Registered) -> None:
    rules = managed.rows["acme-prod-ceiling-role"].inputs["rules"]
    assert {rule["resources"][0]: rule["resourceNames"] for rule in rules} == {
        "groups": ["highflame-sre"],
        "users": ROSTER,
    }


def test_a_roster_in_the_settings_is_taken_as_it_is(environment: Build) -> None:
    found = register(environment(roster=["ada@highflame.example"]))
    rules = found.rows["acme-prod-ceiling-role"].inputs["rules"]
    assert rules[1]["resourceNames"] == ["ada@highflame.example"]


def test_two_groups_with_one_role_share_it_and_view_is_only_bound(environment: Build) -> None:
    found = register(
        environment(
            access=[
                {"from": "group:sre", "role": "read-only"},
                {"from": "group:lead", "role": "read-only"},
                {"from": "group:guest", "role": "view"},
            ]
        )
    )
    roles = [n for n, row in found.rows.items() if row.type.endswith(":ClusterRole") and "roles" in n]
    assert roles == ["acme-prod-roles-read-only"]
    bound = {
        row.inputs["subjects"][0]["name"]: row.inputs["roleRef"]["name"]
        for name, row in found.rows.items()
        if row.type.endswith(":ClusterRoleBinding") and "roles" in name
    }
    read_only = found.rows["acme-prod-roles-read-only"].inputs["metadata"]["name"]
    assert bound == {"sre": read_only, "lead": read_only, "guest": "view"}


def test_a_higher_generation_is_another_client_and_secret(environment: Build) -> None:
    found = register(environment(credential={"generation": 2}))
    assert found.rows["acme-prod-credential-2"].inputs["metadata"]["name"] == "operator-oauth-2"
    volume: dict[str, Any] = found.rows["acme-prod-operator-release"].inputs["values"]["oauthSecretVolume"]
    assert volume == {"secret": {"secretName": "operator-oauth-2"}}
    assert "acme-prod-client-2" in found.rows


def test_egress_only_adds_and_only_outward(managed: Registered) -> None:
    aws = [row for row in managed.rows.values() if row.type.startswith("aws:")]
    assert [row.type for row in aws] == ["aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"]
    rule = aws[0].inputs
    assert (rule["ipProtocol"], rule["fromPort"], rule["toPort"]) == ("tcp", 443, 443)
    assert "acme-prod" in rule["description"]
