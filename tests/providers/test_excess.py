"""What an object has beyond its manifest is found, whatever form it takes; what it has less is the customer's."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.manifests.ceiling import ceiling
from components.manifests.namespace import namespace
from components.manifests.network_policy import Reach, cilium_sni, portable
from providers.tailnet.excess import excess

LABELS = {"app.kubernetes.io/managed-by": "support-access"}
LIMIT = ceiling(groups=["highflame-sre"], users=["ada@highflame.example"], labels=LABELS)
ROLE, BINDING = LIMIT["role"], LIMIT["binding"]
POLICY = portable(Reach(needs=(), api_server=[("10.96.0.1/32", 443)]), LABELS)
CILIUM = cilium_sni(Reach(needs=(), api_server=[("10.96.0.1/32", 443)]), LABELS)
INGRESS: dict[str, Any] = {
    "apiVersion": "networking.k8s.io/v1",
    "kind": "Ingress",
    "metadata": {"name": "web", "namespace": "shop", "labels": LABELS, "annotations": {"tailscale.com/tags": "tag:a"}},
    "spec": {"ingressClassName": "tailscale", "tls": [{"hosts": ["web"]}]},
}
CONNECTOR: dict[str, Any] = {
    "apiVersion": "tailscale.com/v1alpha1",
    "kind": "Connector",
    "metadata": {"name": "net", "labels": LABELS},
    "spec": {"tags": ["tag:a"], "exitNode": False, "subnetRouter": {"advertiseRoutes": ["10.1.0.0/16"]}},
}


def changed(manifest: dict[str, Any], *path: str | int, value: Any) -> dict[str, Any]:
    live = copy.deepcopy(manifest)
    *parents, last = path
    place: Any = live
    for step in parents:
        place = place[step]
    if isinstance(place, list):
        place.append(value)
    else:
        place[last] = value
    return live


PLACE = namespace(LABELS, proxies=False)
EVE = {"kind": "User", "name": "eve@example.com", "apiGroup": "rbac.authorization.k8s.io"}
PEERS = POLICY["spec"]["egress"]


@pytest.mark.parametrize(
    ("manifest", "live"),
    [
        (BINDING, changed(BINDING, "subjects", 0, value=EVE)),
        (BINDING, changed(BINDING, "subjects", 0, value={**BINDING["subjects"][0], "namespace": "shop"})),
        (ROLE, changed(ROLE, "rules", 0, "verbs", 0, value="get")),
        (ROLE, changed(ROLE, "rules", 0, "resourceNames", 0, value="system:masters")),
        (ROLE, changed(ROLE, "rules", 0, "resourceNames", value=None)),
        (ROLE, changed(ROLE, "rules", 0, "resourceNames", value=[])),
        (
            ROLE,
            changed(
                ROLE,
                "rules",
                0,
                value={"apiGroups": [""], "resources": ["secrets"], "verbs": ["get"], "resourceNames": ["x"]},
            ),
        ),
        (ROLE, changed(ROLE, "rules", 0, value={"nonResourceURLs": ["/debug/*"], "verbs": ["get"]})),
        (ROLE, changed(ROLE, "aggregationRule", value={"clusterRoleSelectors": [{"matchLabels": {"x": "y"}}]})),
        (
            ROLE,
            changed(
                ROLE,
                "metadata",
                "labels",
                value={**LABELS, "rbac.authorization.k8s.io/aggregate-to-view": "true"},
            ),
        ),
        (POLICY, changed(POLICY, "spec", "egress", 0, value={})),
        (POLICY, changed(POLICY, "spec", "egress", value=[{**PEERS[0], "ports": []}, *PEERS[1:]])),
        (POLICY, changed(POLICY, "spec", "ingress", value=[{}])),
        (POLICY, changed(POLICY, "spec", "policyTypes", 0, value="Ingress")),
        (POLICY, changed(POLICY, "spec", "podSelector", value={"matchLabels": {"none": "such"}})),
        (
            POLICY,
            changed(
                POLICY,
                "spec",
                "egress",
                value=[
                    {"to": [{"podSelector": {}, "namespaceSelector": {}}]}
                    if rule == {"to": [{"podSelector": {}}]}
                    else rule
                    for rule in PEERS
                ],
            ),
        ),
        (
            namespace(LABELS, proxies=False),
            changed(
                namespace(LABELS, proxies=False),
                "metadata",
                "labels",
                "pod-security.kubernetes.io/enforce-version",
                value="v1.0",
            ),
        ),
        (CILIUM, {key: value for key, value in CILIUM.items() if key != "spec"}),
        (CILIUM, {key: value for key, value in CILIUM.items() if key != "spec"} | {"specs": [CILIUM["spec"]]}),
        (CILIUM, changed(CILIUM, "spec", value={"endpointSelector": {}})),
        (CILIUM, changed(CILIUM, "spec", value={"egress": CILIUM["spec"]["egress"]})),
        (CILIUM, changed(CILIUM, "spec", "egress", value=[])),
        (CILIUM, changed(CILIUM, "spec", "enableDefaultDeny", value={"egress": False})),
        (INGRESS, changed(INGRESS, "metadata", "annotations", "tailscale.com/funnel", value="true")),
        (INGRESS, changed(INGRESS, "spec", "rules", value=[{"host": "else"}])),
        (CONNECTOR, changed(CONNECTOR, "spec", "exitNode", value=True)),
        (CONNECTOR, changed(CONNECTOR, "spec", "subnetRouter", "advertiseRoutes", 0, value="10.2.0.0/16")),
        (CONNECTOR, changed(CONNECTOR, "spec", "appConnector", value={"routes": ["0.0.0.0/0"]})),
        (ROLE, changed(ROLE, "metadata", "labels", value={})),
    ],
)
def test_whatever_is_more_than_declared_is_found_and_the_patch_takes_it_away(
    manifest: dict[str, Any], live: dict[str, Any]
) -> None:
    found = excess(manifest, live)
    assert found is not None
    assert found.sentences
    assert excess(manifest, merged(live, found.patch)) is None


def merged(live: Any, patch: Any) -> Any:
    """RFC 7396, as the API server does it."""
    if not isinstance(patch, dict):
        return patch
    base = dict(live) if isinstance(live, dict) else {}
    return {
        key: merged(base.get(key), patch[key]) if key in patch else value
        for key, value in {**base, **patch}.items()
        if patch.get(key, "") is not None
    }


@pytest.mark.parametrize(
    ("manifest", "live"),
    [
        (ROLE, ROLE),
        (ROLE, {**ROLE, "rules": list(reversed(ROLE["rules"]))}),
        (ROLE, {**ROLE, "rules": ROLE["rules"][:1]}),
        (ROLE, {**ROLE, "rules": None}),
        (BINDING, {**BINDING, "subjects": []}),
        (
            ROLE,
            changed(ROLE, "metadata", "labels", "inventory.acme.example/seen", value="2026-12-01"),
        ),
        (POLICY, {**POLICY, "spec": {**POLICY["spec"], "egress": PEERS[:1]}}),
        (CILIUM, {**CILIUM, "spec": {**CILIUM["spec"], "egress": CILIUM["spec"]["egress"][:1]}}),
        (POLICY, changed(POLICY, "metadata", "annotations", value={"acme.example/owner": "net"})),
        *(
            (PLACE, changed(PLACE, "metadata", "labels", f"pod-security.kubernetes.io/{key}", value=value))
            for key, value in (("audit", "baseline"), ("warn", "baseline"), ("enforce-version", "latest"))
        ),  # as OpenShift labels namespaces by itself
        (CONNECTOR, {**CONNECTOR, "status": {"conditions": []}}),
        ({"kind": "ClusterRole", "metadata": {"name": "x"}}, {"kind": "ClusterRole", "metadata": {}, "rules": None}),
    ],
)
def test_what_is_narrower_or_not_about_access_is_left_alone(manifest: dict[str, Any], live: dict[str, Any]) -> None:
    assert excess(manifest, live) is None


def test_a_narrower_rule_under_a_wildcard_is_covered() -> None:
    declared = {
        "kind": "ClusterRole",
        "metadata": {},
        "rules": [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}],
    }
    live = {**declared, "rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]}
    assert excess(declared, live) is None
    assert excess(live, declared) is not None


def test_a_binding_of_another_role_is_told_apart_because_no_patch_changes_it() -> None:
    found = excess(BINDING, {**BINDING, "roleRef": {**BINDING["roleRef"], "name": "cluster-admin"}})
    assert found is not None
    assert found.other_role
    assert "cluster-admin" in found.sentences[0]
