"""What each mode puts into a cluster: Helm values, what the real chart makes of them, and our own objects beside it."""

from __future__ import annotations

import difflib
import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from syrupy.assertion import SnapshotAssertion

from components.egress.destinations import required
from components.egress.needs import needs
from components.features import images_in_use, impersonators, scopes
from components.manifests.chart_values import chart_values
from components.manifests.delivery import delivery
from components.manifests.namespace import pod_security
from components.naming import READ_ONLY_ROLE
from components.settings.environment import EnvironmentSettings
from sandbox import chart, tools

Build = Callable[..., EnvironmentSettings]
DIGEST = "sha256:" + "a" * 64
OWN = [{"from": "group:highflame-sre", "role": "own-credential"}]
BOTH = {"acknowledge": ["devices:core", "services"]}
INGRESS = {
    "kind": "ingress",
    "name": "studio",
    "namespace": "studio",
    "service": "studio-ui",
    "port": 8080,
    "from": "group:highflame-sre",
}
PLACED = {
    "resources": {"requests": {"cpu": "50m"}, "limits": {"memory": "256Mi"}},
    "nodeSelector": {"node-role.example.com/support": "true"},
    "tolerations": [{"key": "dedicated", "value": "support", "effect": "NoSchedule"}],
    "affinity": {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": []}},
}
MODES: dict[str, dict[str, Any]] = {
    "noauth": {"access": OWN, "operator": {"apiServerProxy": {"mode": "noauth"}}},
    "none": {
        "access": [],
        "expose": [INGRESS],
        "operator": {"apiServerProxy": {"mode": "none"}},
        "credential": {"acknowledge": ["devices:core"]},
    },
    "available": {"operator": {"apiServerProxy": {"replicas": 2}}, "credential": BOTH},
    "available noauth": {
        "access": OWN,
        "operator": {"apiServerProxy": {"replicas": 3, "mode": "noauth", "hostname": "mole"}},
        "credential": BOTH,
    },
    "everything of the customer's": {
        "operator": {
            "registry": "registry.example.com/mirror",
            "pullSecrets": ["mirror-pull"],
            "images": {"operator": {"digest": DIGEST}, "k8sProxy": {"digest": DIGEST}},
            "chart": {"repository": "oci://registry.example.com/charts", "crds": False},
            "apiServerProxy": {"replicas": 2},
            "pod": PLACED,
            "proxyPods": {**PLACED, "priorityClassName": "support"},
            "httpProxy": {"url": "http://proxy.acme.example:3128", "noProxy": ["10.0.0.0/8"]},
        },
        "credential": BOTH,
    },
    "direct paths": {"operator": {"udpPort": 41641, "logging": "debug"}},
    "federated": {"credential": {"federation": {"issuer": "https://oidc.acme.example", "clientId": "kMade1CNTRL"}}},
}
USERS = ["ada@example.com"]


def objects(settings: EnvironmentSettings) -> str:
    """Namespace, RBAC and custom resources as a customer who installs alone would be handed them. What the read-only
    role reads is no matter of the mode."""
    made = delivery(settings, USERS, required(needs(settings)))
    rbac = [{**one, "rules": "..."} if one["metadata"]["name"] == READ_ONLY_ROLE else one for one in made.rbac]
    return yaml.safe_dump_all([made.place, *rbac, *made.objects], sort_keys=False)


@pytest.fixture(scope="module")
def render() -> Callable[[EnvironmentSettings], list[dict[str, Any]]]:
    """Settings to what the real Helm renders of the chart, without its definitions."""
    helm = tools.locate()["helm"]
    packed: Path = chart.repository(helm) / f"{chart.NAME}-{chart.version()}.tgz"

    def run(settings: EnvironmentSettings) -> list[dict[str, Any]]:
        values = {**chart_values(settings.names, settings), "installCRDs": False}
        command = [helm, "template", "tailscale-operator", packed, "--namespace", "tailscale", "--values", "-"]
        done = subprocess.run(command, input=json.dumps(values), capture_output=True, text=True, check=True)
        return [document for document in yaml.safe_load_all(done.stdout) if document]

    return run


def text(documents: list[dict[str, Any]]) -> str:
    return yaml.safe_dump_all(sorted(documents, key=lambda one: (one["kind"], one["metadata"]["name"])))


def changes(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=2)
    return "\n".join(line.rstrip() for line in lines if not line.startswith(("---", "+++", "@@")))


def test_the_operator_serves_the_api_by_default(
    environment: Build, render: Callable[..., Any], snapshot: SnapshotAssertion
) -> None:
    settings = environment()
    assert chart_values(settings.names, settings) == snapshot(name="values")
    assert text(render(settings)) == snapshot(name="the chart's objects")
    assert objects(settings) == snapshot(name="our objects")


@pytest.mark.parametrize("mode", MODES)
def test_another_mode_changes_only_what_it_must(
    environment: Build, render: Callable[..., Any], snapshot: SnapshotAssertion, mode: str
) -> None:
    by_default, settings = environment(), environment(**MODES[mode])
    assert changes(text(render(by_default)), text(render(settings))) == snapshot(name="the chart's objects")
    assert changes(objects(by_default), objects(settings)) == snapshot(name="our objects")


@pytest.mark.parametrize("mode", ["auth", *MODES])
def test_the_chart_lets_nobody_impersonate_in_any_mode(
    environment: Build, render: Callable[..., Any], mode: str
) -> None:
    rendered = render(environment(**MODES.get(mode, {})))
    roles = [one for one in rendered if one["kind"] in ("ClusterRole", "Role")]
    assert roles
    assert [one["metadata"]["name"] for one in roles for rule in one["rules"] if "impersonate" in rule["verbs"]] == []


@pytest.mark.parametrize("mode", ["auth", *MODES])
def test_every_reference_to_an_image_is_pinned(environment: Build, render: Callable[..., Any], mode: str) -> None:
    (deployment,) = [one for one in render(environment(**MODES.get(mode, {}))) if one["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    env = {one["name"]: one.get("value") for one in container["env"]}
    for reference in (container["image"], env["PROXY_IMAGE"], env["K8S_PROXY_IMAGE"]):
        assert reference.endswith((":v1.96.5", f"@{DIGEST}")), reference


@pytest.mark.parametrize(
    ("mode", "needed", "used", "accounts"),
    [
        ("auth", ["auth_keys"], ("operator",), ("operator",)),
        ("noauth", ["auth_keys"], ("operator",), ()),
        ("none", ["auth_keys", "devices:core"], ("operator", "proxy"), ()),
        (
            "available",
            ["auth_keys", "devices:core", "services"],
            ("operator", "k8s_proxy"),
            ("kube-apiserver-auth-proxy",),
        ),
        ("available noauth", ["auth_keys", "devices:core", "services"], ("operator", "k8s_proxy"), ()),
    ],
)
def test_each_mode_needs_no_more_than_it_uses(
    environment: Build, mode: str, needed: list[str], used: tuple[str, ...], accounts: tuple[str, ...]
) -> None:
    settings = environment(**MODES.get(mode, {}))
    assert scopes(settings) == needed
    assert images_in_use(settings) == used
    assert impersonators(settings) == accounts


def test_what_is_acknowledged_and_idle_stays_until_it_is_taken_out(environment: Build) -> None:
    """The operator takes away the devices of a feature that went at the end of the same update."""
    assert scopes(environment(credential=BOTH)) == ["auth_keys", "devices:core", "services"]


def test_only_privileged_proxies_open_the_namespace_to_privileged_pods() -> None:
    assert pod_security(proxies=False)["pod-security.kubernetes.io/enforce"] == "baseline"
    assert pod_security(proxies=True)["pod-security.kubernetes.io/enforce"] == "privileged"
