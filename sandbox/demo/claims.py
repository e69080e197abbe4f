"""The claims of the demo, each observed.

Owns which questions are asked of an environment that stands, and of one that was cut off. Asks the services
themselves (observe.py, access_review.py); what the program said of itself is only ever the declared side.
"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass
from typing import Any

from sandbox.demo.access_review import operator
from sandbox.demo.checks import Checks
from sandbox.demo.observe import Cluster, SecurityGroup, Tailnet

GROUP = "highflame-sre"
ENGINEER = "ada@highflame.example"
VERSION = "v1.96.5"

ALLOWED = (
    "get pods",
    "list pods",
    "watch deployments.apps",
    "get pods/log",
    "list events",
    "get nodes",
    "list services",
)
REFUSED = (
    "get secrets",
    "list secrets",
    "create pods/exec",
    "create pods/attach",
    "create pods/portforward",
    "get nodes/proxy",
    "get services/proxy",
    "list rolebindings.rbac.authorization.k8s.io",
    "create clusterrolebindings.rbac.authorization.k8s.io",
    "create serviceaccounts/token",
    "delete pods",
    "patch deployments.apps",
    "impersonate groups",
)

IMPERSONATED = (
    ("groups", GROUP, "yes"),
    ("groups", "system:masters", "no"),
    ("users", ENGINEER, "yes"),
    ("users", "system:kube-controller-manager", "no"),
    ("users", "mallory@highflame.example", "no"),
)


@dataclass(frozen=True, slots=True)
class Environment:
    """One environment of the demo. name: of its stack and kubeconfig context; group: its security group, if any."""

    name: str
    cluster: Cluster
    security_group: SecurityGroup | None

    @property
    def customer(self) -> str:
        return self.name.rpartition("-")[0]

    @property
    def kube_tag(self) -> str:
        return f"tag:kube-{self.name}"

    @property
    def operator_tags(self) -> list[str]:
        return sorted([f"tag:k8s-operator-{self.customer}", self.kube_tag])


def stands(checks: Checks, env: Environment, tailnet: Tailnet) -> None:
    """Everything that a standing environment claims."""
    granted(checks, env, tailnet)
    installed(checks, env)
    bounded(checks, env)


def granted(checks: Checks, env: Environment, tailnet: Tailnet) -> None:
    grant = {
        "src": [f"group:{GROUP}"],
        "dst": [env.kube_tag],
        "ip": ["tcp:443"],
        "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": [GROUP]}}]},
    }
    checks.same(f"{env.name}: grants to its tag", declared=[grant], observed=tailnet.grants_to(env.kube_tag))
    clients = [row for row in tailnet.keys(env.kube_tag) if row["keyType"] == "client"]
    checks.same(
        f"{env.name}: OAuth clients, scopes and tags",
        declared=[{"scopes": ["auth_keys"], "tags": env.operator_tags}],
        observed=[{"scopes": row["scopes"], "tags": sorted(row["tags"])} for row in clients],
    )
    devices = tailnet.devices(env.kube_tag)
    checks.same(
        f"{env.name}: devices, online",
        declared=[[f"{env.name}-kube", env.operator_tags, True]],
        observed=[[d["hostname"], sorted(d["tags"]), d["connectedToControl"]] for d in devices],
    )


def installed(checks: Checks, env: Environment) -> None:
    checks.same(
        f"{env.name}: Helm releases",
        declared=[f"tailscale-operator {VERSION} r1"],
        observed=env.cluster.releases(),
    )
    images = sorted(pinned_images(env.cluster.get("deployments", "-n", "tailscale")))
    checks.same(
        f"{env.name}: images, pinned",
        declared=[f"tailscale/{name}:{VERSION}" for name in ("k8s-operator", "k8s-proxy", "tailscale")],
        observed=images,
    )
    services = env.cluster.get("services", "-A")
    public = [s["metadata"]["name"] for s in services if s["spec"]["type"] in ("LoadBalancer", "NodePort")]
    checks.same(f"{env.name}: Services of type LoadBalancer or NodePort", declared=[], observed=public)


def pinned_images(deployments: list[dict[str, Any]]) -> set[str]:
    """Images that the operator's deployment runs, and those that it is told to start."""
    containers = [c for d in deployments for c in d["spec"]["template"]["spec"]["containers"]]
    told = [e["value"] for c in containers for e in c["env"] if e["name"].endswith("_IMAGE")]
    return {*(c["image"] for c in containers), *told}


def bounded(checks: Checks, env: Environment) -> None:
    """What an engineer of the group may do through the operator, and whom the operator may act as."""
    with operator(env.name, env.cluster.env) as asked:
        for question in (*ALLOWED, *REFUSED):
            checks.same(
                f"{env.name}: {GROUP} can-i {question}",
                declared="yes" if question in ALLOWED else "no",
                observed="yes" if asked.can_i(question, user=ENGINEER, group=GROUP) else "no",
            )
        for kind, who, declared in IMPERSONATED:
            checks.same(
                f"{env.name}: operator can-i impersonate {kind}/{who}",
                declared=declared,
                observed="yes" if asked.may_impersonate(kind, who) else "no",
            )


def egress(checks: Checks, env: Environment, before: list[str]) -> None:
    """The rules of a security group, against what the customer had."""
    assert env.security_group  # noqa: S101 - asked only of environments that have one
    added = f"out tcp/443 0.0.0.0/0 (Tailscale operator, support access to {env.name})"
    checks.same(
        f"{env.name}: rules of its security group",
        declared=sorted([*before, added]),
        observed=env.security_group.rules(),
    )


def secrets_stay(checks: Checks, env: Environment, printed: str, outputs: dict[str, Any]) -> None:
    """The credential that lies in the cluster was never printed nor put in a plain output."""
    rows = env.cluster.get("secrets", "-n", "tailscale")
    held = [row for row in rows if row["metadata"]["name"].startswith("operator-oauth-")]
    checks.same(f"{env.name}: credential Secrets", declared=1, observed=len(held))
    values = [base64.b64decode(row["data"]["client_secret"]).decode() for row in held]
    shown = [value for value in values if value in printed or value in json.dumps(outputs)]
    checks.same(f"{env.name}: credentials in any output or log", declared=0, observed=len(shown))


def gone(checks: Checks, env: Environment, tailnet: Tailnet, rules_before: list[str]) -> None:
    """Proof of absence, each line asked of the service itself."""
    name = f"after destroy, {env.name}"
    text = tailnet.policy_text()
    checks.same(
        f"{name}: lines of the policy that name it",
        declared=[],
        observed=[line.strip() for line in text.splitlines() if env.customer in line],
    )
    for tag in env.operator_tags:
        checks.same(f"{name}: credentials with {tag}", declared=[], observed=[k["id"] for k in tailnet.keys(tag)])
        checks.same(f"{name}: devices with {tag}", declared=[], observed=[d["name"] for d in tailnet.devices(tag)])
    checks.same(f"{name}: Helm releases", declared=[], observed=env.cluster.releases())
    namespaces = [n for n in env.cluster.names("namespaces") if n == "tailscale"]
    checks.same(f"{name}: namespace tailscale", declared=[], observed=namespaces)
    roles = [
        f"{kind}/{found}"
        for kind in ("clusterroles", "clusterrolebindings")
        for found in env.cluster.names(kind)
        if "support-access" in found or "tailscale" in found or found == GROUP
    ]
    checks.same(f"{name}: cluster roles and bindings", declared=[], observed=roles)
    if env.security_group:
        checks.same(f"{name}: security group as it was", declared=rules_before, observed=env.security_group.rules())
