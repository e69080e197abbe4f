"""Every role in one stack, as the API server answers the operator; and a cluster that would allow more is refused."""

from __future__ import annotations

import json
import subprocess
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from sandbox.demo.access_review import operator
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Finished, Pulumi
from tests.engine.conftest import OURS, Example
from tests.engine.customer import supportctl

pytestmark = pytest.mark.engine

STACK, KUBE = "globex-prod", "tag:kube-globex-prod"
ADA, LIN = "ada@highflame.example", "lin@highflame.example"
TAILNET = f"""config:
  support-access:tailnet:
    groups:
      group:highflame-sre: [{ADA}, {LIN}]
      group:highflame-oncall: [{ADA}]
      group:highflame-shop: [{ADA}]
      group:highflame-scale: [{ADA}]
"""
HEAD = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:readOnly:
    resources: [widgets.example.com]
  support-access:networkPolicy:
    form: portable
  support-access:access:
"""
EVERYBODY = """    - from: group:highflame-sre
      role: read-only
"""
LIN_HERSELF = f"""    - from: {LIN}
      role: view
"""
ON_CALL = """    - from: group:highflame-oncall
      role: cluster-admin
      reason: on-call engineers repair what the customer cannot
      until: "2199-12-31"
"""
SHOP = """    - from: group:highflame-shop
      role: namespaces
      namespaces: [shop]
      namespaceRole: view
"""
SCALE = """    - from: group:highflame-scale
      role: custom
      rules:
        - {apiGroups: [apps], resources: [deployments], verbs: [get, list]}
        - {apiGroups: [apps], resources: [deployments/scale], verbs: [get, patch]}
        - {apiGroups: [""], resources: [pods/exec], verbs: [create]}
      exceptions:
        - {finding: exec, subject: create pods/exec, reason: the customer asked for repairs inside its pods}
"""
ALL = EVERYBODY + LIN_HERSELF + ON_CALL + SHOP + SCALE
CHARTS_OWN = {  # as the chart renders it for apiServerProxyConfig.mode "true"
    "role": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": "tailscale-auth-proxy"},
        "rules": [{"apiGroups": [""], "resources": ["users", "groups"], "verbs": ["impersonate"]}],
    },
    "binding": {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRoleBinding",
        "metadata": {"name": "tailscale-auth-proxy"},
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "ClusterRole", "name": "tailscale-auth-proxy"},
        "subjects": [{"kind": "ServiceAccount", "name": "operator", "namespace": "tailscale"}],
    },
}


def by_hand(cluster: Cluster, verb: str, *objects: dict[str, Any]) -> None:
    """`kubectl create` or `delete` of the objects, as the customer's administrator."""
    listed = {"apiVersion": "v1", "kind": "List", "items": list(objects)}
    subprocess.run(
        ["kubectl", "--context", cluster.context, verb, "-f", "-"],
        env=cluster.env,
        input=json.dumps(listed),
        text=True,
        check=True,
        capture_output=True,
    )


@pytest.fixture(scope="module")
def cluster(clusters: dict[str, Cluster]) -> Cluster:
    return clusters[STACK]


@pytest.fixture(scope="module")
def shop(cluster: Cluster) -> Iterator[None]:
    """A namespace of the customer's. Made before any stack, so taken away after the last one."""
    cluster.kubectl("create", "namespace", "shop")
    yield
    cluster.kubectl("delete", "namespace", "shop")


AUTHENTICATION = "authentication.k8s.io"


class Stack:
    """The stack in the engine. Keeps what was applied last, so that a test that changes nothing costs no update."""

    def __init__(self, pulumi: Pulumi, example: Example) -> None:
        self._pulumi, self._example = pulumi, example
        self._applied: str | None = None

    def write(self, access: str) -> None:
        """Changes the stack's file alone."""
        self._example.write(STACK, HEAD + access)

    def up(self, access: str, *, check: bool = True) -> Finished:
        self.write(access)
        self._applied = None
        done = self._pulumi.up(STACK, check=check)
        self._applied = access if done.code == 0 else None
        return done

    def stands_with(self, access: str) -> None:
        self.write(access)
        if self._applied != access:
            self.up(access)


@pytest.fixture(scope="module")
def stack(shop: None, pulumi: Pulumi, example: Example) -> Stack:
    example.write("tailnet", TAILNET)
    pulumi.up("tailnet")
    return Stack(pulumi, example)


@pytest.fixture
def standing(stack: Stack) -> Stack:
    """All roles, whatever the test before left."""
    stack.stands_with(ALL)
    return stack


@pytest.fixture
def unbounded(standing: Stack, cluster: Cluster) -> Iterator[Stack]:
    """The chart's own impersonation role, put there by hand behind this program's back."""
    by_hand(cluster, "create", *CHARTS_OWN.values())
    yield standing
    by_hand(cluster, "delete", *CHARTS_OWN.values())


def sources(tailnet: Tailnet) -> list[str]:
    return sorted(grant["src"][0] for grant in tailnet.grants_to(KUBE))


def test_an_unbounded_role_stops_the_preview_and_never_what_takes_access_away(
    unbounded: Stack, pulumi: Pulumi, tailnet: Tailnet, cluster: Cluster
) -> None:
    refused = pulumi.preview(STACK, check=False)
    assert refused.code != 0
    said = " ".join(refused.output.split())
    assert "ClusterRoleBinding tailscale-auth-proxy gives the operator ClusterRole tailscale-auth-proxy" in said
    assert "any of the users, any of the groups" in said
    assert "Traceback" not in refused.output

    before = cluster.names("clusterrolebindings")
    assert unbounded.up(EVERYBODY, check=False).code != 0
    assert sources(tailnet) == ["group:highflame-sre"]
    assert cluster.names("clusterrolebindings") == before


def test_constrained_impersonation_is_impersonation_too(standing: Stack, pulumi: Pulumi, cluster: Cluster) -> None:
    rules = [
        {"apiGroups": [AUTHENTICATION], "resources": ["users"], "verbs": ["impersonate:user-info"]},
        {
            "apiGroups": ["authorization.k8s.io"],
            "resources": ["selfsubjectaccessreviews"],
            "verbs": ["impersonate-on:user-info:create"],
        },
        {"nonResourceURLs": ["*"], "verbs": ["impersonate-on:user-info:get"]},  # kubectl looks at what there is
    ]
    role = {**CHARTS_OWN["role"], "rules": rules}
    with operator(STACK, cluster.env) as asked:
        question = {"user": "system:kube-controller-manager", "group": None}
        assert not asked.can_i("create serviceaccounts/token", **question)
        by_hand(cluster, "create", role, CHARTS_OWN["binding"])
        try:
            refused = pulumi.preview(STACK, check=False)
            assert asked.can_i("create serviceaccounts/token", **question)
        finally:
            by_hand(cluster, "delete", role, CHARTS_OWN["binding"])
    assert refused.code != 0
    assert "so it may impersonate any of the users: more than this stack declares" in " ".join(refused.output.split())


LIMIT = "support-access-impersonation"
EVE = {"kind": "User", "name": "eve@example.com", "apiGroup": "rbac.authorization.k8s.io"}


def patch(cluster: Cluster, kind: str, name: str, change: list[dict[str, Any]], *words: str) -> None:
    """As somebody with rights in the cluster, by a field manager of their own."""
    cluster.kubectl("patch", kind, name, "--type=json", "-p", json.dumps(change), "--field-manager=eve", *words)


def widen_the_limit(cluster: Cluster) -> None:
    masters = {"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"]}
    patch(cluster, "clusterrole", LIMIT, [{"op": "add", "path": "/rules/-", "value": masters}])


def test_what_somebody_adds_is_shown_is_drift_and_is_taken_away_by_the_next_update(
    standing: Stack, pulumi: Pulumi, cluster: Cluster, tmp_path: Path
) -> None:
    binding, local = "support-access:cluster-admin:highflame-oncall", "support-access:view:highflame-shop"
    widen_the_limit(cluster)
    patch(cluster, "clusterrolebinding", binding, [{"op": "add", "path": "/subjects/-", "value": EVE}])
    patch(cluster, "rolebinding", local, [{"op": "add", "path": "/subjects/-", "value": EVE}], "-n", "shop")
    verb = [{"op": "add", "path": "/rules/0/verbs/-", "value": "delete"}]
    patch(cluster, "clusterrole", "highflame-sre", verb)
    (policy,) = cluster.get("networkpolicies", "-n", "tailscale")
    egress = [{"op": "add", "path": "/spec/egress/-", "value": {}}]
    patch(cluster, "networkpolicy", policy["metadata"]["name"], egress, "-n", "tailscale")

    added = (LIMIT, "eve@example.com", f"RoleBinding {local} in namespace shop", '"delete"', "spec.egress: {}")
    shown = pulumi.preview(STACK)
    assert [part for part in added if part not in " ".join(shown.output.split())] == []
    drift = supportctl(pulumi, "ci", "drift", STACK, "--out", str(tmp_path), check=False)
    assert drift.returncode == 1, drift.stdout + drift.stderr
    issue = (tmp_path / f"{STACK}.md").read_text()
    assert [part for part in added if part not in " ".join(issue.split())] == []

    pulumi.up(STACK)
    with operator(STACK, cluster.env) as asked:
        assert not asked.may_impersonate("groups", "system:masters")
    kinds = "clusterroles,clusterrolebindings,rolebindings,networkpolicies"
    assert "eve@example.com" not in json.dumps(cluster.get(kinds, "-A", "-l", OURS))
    pulumi.up(STACK, "--refresh", "--expect-no-changes")
    standing.up(ON_CALL)  # the engine's own updates of the same objects meet no other owner of a field
    standing.up(ALL)
    assert "as it was left" in supportctl(pulumi, "ci", "drift", STACK, "--out", str(tmp_path)).stdout


def test_a_widened_limit_whose_binding_was_deleted_is_never_bound_again(
    standing: Stack, pulumi: Pulumi, cluster: Cluster, example: Example
) -> None:
    """To delete the binding ends the access. What is made again, when that was agreed, is as narrow as declared."""
    widen_the_limit(cluster)
    cluster.kubectl("delete", "clusterrolebinding", LIMIT)
    refused = pulumi.up(STACK, "--refresh", check=False)
    assert refused.code != 0
    said = " ".join(refused.output.split())
    assert f"clusterrolebinding {LIMIT} is not in the cluster" in said
    assert "support-access:operator.reinstall" in said
    assert LIMIT not in cluster.names("clusterrolebindings")

    agree(example)
    pulumi.up(STACK, "--refresh")
    with operator(STACK, cluster.env) as asked:
        assert asked.may_impersonate("groups", "highflame-oncall")
        assert not asked.may_impersonate("groups", "system:masters")

    cluster.kubectl("delete", "clusterrolebinding", LIMIT)
    assert pulumi.up(STACK, "--refresh", check=False).code != 0, "what was agreed before answers for no later deletion"
    agree(example)
    pulumi.up(STACK, "--refresh")
    standing.up(ALL)


def agree(example: Example) -> None:
    """As the refusal asks for it; returns when that time has come, and no two calls have the same."""
    now = datetime.now(UTC).replace(microsecond=0) + timedelta(seconds=1)
    while datetime.now(UTC) <= now:
        time.sleep(0.1)
    setting = f"  support-access:operator:\n    reinstall: {now:%Y-%m-%dT%H:%M:%SZ}\n"
    example.write(STACK, (HEAD + ALL).replace("config:\n", f"config:\n{setting}"))


def test_each_role_is_what_it_says(standing: Stack, cluster: Cluster, snapshot: SnapshotAssertion) -> None:
    with operator(STACK, cluster.env) as asked:
        found = {
            name: {place: asked.rights(user=user, group=group, namespace=place) for place in ("shop", "default")}
            for name, user, group in (
                ("read-only", ADA, "highflame-sre"),
                ("view", LIN, None),
                ("cluster-admin", ADA, "highflame-oncall"),
                ("namespaces", ADA, "highflame-shop"),
                ("custom", ADA, "highflame-scale"),
            )
        }
    assert found == snapshot


def test_the_operator_is_nobody_but_the_declared(standing: Stack, cluster: Cluster) -> None:
    with operator(STACK, cluster.env) as asked:
        assert asked.may_impersonate("groups", "highflame-oncall")
        assert asked.may_impersonate("users", ADA)
        for kind, who in (
            ("groups", "system:masters"),
            ("groups", "cluster-admins"),
            ("users", "system:kube-controller-manager"),
            ("users", "mallory@highflame.example"),
        ):
            assert not asked.may_impersonate(kind, who), who


def test_a_second_run_changes_nothing_and_the_namespace_is_narrowed(
    standing: Stack, pulumi: Pulumi, cluster: Cluster
) -> None:
    pulumi.up(STACK, "--expect-no-changes")
    (policy,) = cluster.get("networkpolicies", "-A")
    assert (policy["metadata"]["namespace"], policy["spec"]["podSelector"]) == ("tailscale", {})
    api = cluster.get("services", "--namespace=default")[0]["spec"]["clusterIP"]
    assert f"{api}/32" in json.dumps(policy["spec"]["egress"])


def test_what_is_not_as_the_stack_needs_it_is_told_at_preview(
    standing: Stack, pulumi: Pulumi, cluster: Cluster
) -> None:
    other = {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IngressClass",
        "metadata": {"name": "theirs"},
        "spec": {"controller": "tailscale.com/ts-ingress"},
    }
    by_hand(cluster, "create", other)
    standing.write(ALL.replace("[shop]", "[shop, shoop]"))
    try:
        refused = pulumi.preview(STACK, check=False)
    finally:
        by_hand(cluster, "delete", other)
    said = " ".join(refused.output.split())
    assert refused.code != 0
    assert "names shoop, and the cluster has no such namespace" in said
    assert "IngressClass theirs, made by hand" in said


def test_access_whose_last_day_is_over_or_that_is_given_up_leaves_nothing_behind(
    standing: Stack, tailnet: Tailnet, cluster: Cluster
) -> None:
    told = standing.up(EVERYBODY + ON_CALL.replace("2199", "2020"))
    assert "group:highflame-oncall as cluster-admin was until 2020-12-31" in " ".join(told.output.split())
    assert sources(tailnet) == ["group:highflame-sre"]
    with operator(STACK, cluster.env) as asked:
        assert not asked.may_impersonate("groups", "highflame-oncall")
    label = ("-l", "app.kubernetes.io/managed-by=support-access")
    assert cluster.names("clusterroles", *label) == ["highflame-sre", "support-access-impersonation"]
    assert cluster.names("rolebindings", "-A", *label) == []
