"""The operator's settings: nothing floats, nothing is left out in silence, and what makes no sense says why."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.problems import SettingsError

LEAST: dict[str, Any] = {
    "customer": "acme",
    "environment": "prod",
    "access": [{"from": "group:highflame-sre", "role": "read-only"}],
}
OWN = [{"from": "group:highflame-sre", "role": "own-credential"}]
INGRESS = {
    "kind": "ingress",
    "name": "studio",
    "namespace": "studio",
    "service": "studio-ui",
    "port": 8080,
    "from": "group:highflame-sre",
}
DIGEST = "sha256:" + "a" * 64
RECORDER = {"storage": {"kind": "local", "viewers": "group:highflame-audit"}}


MANAGED = {"cluster": {"context": "acme-prod"}}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory) -> None:
    """One with a cluster and without a chart repository of its own."""
    kubeconfig = tmp_path_factory.mktemp("machine") / "kubeconfig"
    kubeconfig.write_text(json.dumps({"contexts": [{"name": "acme-prod", "context": {"cluster": "acme-prod"}}]}))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("SUPPORT_ACCESS_CHART_REPOSITORY", raising=False)


def flat(keys: dict[str, Any]) -> dict[str, str]:
    return {f"support-access:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in keys.items()}


def loaded(**keys: Any) -> EnvironmentSettings:
    settings = load("acme-prod", flat({**LEAST, **keys}))
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refusals(**keys: Any) -> dict[str, str]:
    """Key to what is wrong with it, why, and how it is mended."""
    with pytest.raises(SettingsError) as caught:
        load("acme-prod", flat({**LEAST, **keys}))
    found: dict[str, str] = {}
    for problem in caught.value.problems:
        key = problem.key.removeprefix("support-access:")
        found[key] = "\n".join((found.get(key, ""), problem.what, problem.why, problem.mend))
    return found


@pytest.mark.parametrize(
    ("operator", "key", "told"),
    [
        ({"images": {"proxy": {"tag": "latest"}}}, "images.proxy.tag", "moving tag"),
        ({"images": {"proxy": {"tag": "stable"}}}, "images.proxy.tag", "moving tag"),
        ({"images": {"proxy": {"tag": "v1.96"}}}, "images.proxy.tag", "does not name one version"),
        ({"images": {"proxy": {"tag": ""}}}, "images.proxy.tag", "does not name one version"),
        ({"images": {"proxy": {"tag": "v1.096.5"}}}, "images.proxy.tag", "does not name one version"),
        ({"version": "v1.096.5"}, "version", "is not one pinned version"),
        ({"chart": {"version": "1.000106.0"}}, "chart.version", "is not one version"),
        ({"chart": {"version": "1.10600.0"}}, "chart.version", "is not one version"),
        ({"images": {"recorder": {"repository": "r.example.com/rec:latest"}}}, "images.recorder.repository", "tag"),
        ({"images": {"nameserver": {"digest": "sha256:1"}}}, "images.nameserver.digest", "sha256"),
        ({"images": {"operator": {"tag": "v1.96.4"}}}, "images.operator.tag", "operator.version is v1.96.5"),
        ({"images": {"proxy": {"tag": "v1.96.6"}}}, "images.proxy.tag", "newer than the operator"),
        ({"images": {"k8sProxy": {"tag": "v1.98.0"}}}, "images.k8sProxy.tag", "newer than the operator"),
        ({"images": {"proxy": {"tag": "v1.91.9"}}}, "images.proxy.tag", "more than 4 minor versions older"),
        ({"registry": "https://registry.example.com"}, "registry", "scheme"),
        ({"registry": "mirror"}, "registry", "not a registry"),
        ({"registry": "registry.example.com/"}, "registry", "not a registry"),
        ({"registry": "registry.example.com/Mirror"}, "registry", "not a registry"),
        ({"pullSecrets": ["Mirror"]}, "pullSecrets[0]", "name of a Kubernetes object"),
        ({"pullSecrets": ["a", "a"]}, "pullSecrets", "twice"),
        ({"chart": {"repository": "oci://registry.example.com"}}, "chart.repository", "folder of the chart"),
        ({"chart": {"repository": "oci://u:p@registry.example.com/charts"}}, "chart.repository", "password"),
        ({"chart": {"path": "charts/x.tgz"}}, "chart.path", "./charts/x.tgz"),
        ({"chart": {"path": "~/x.tgz"}}, "chart.path", "home folder"),
        ({"chart": {"path": "./nowhere.tgz"}}, "chart.path", "cannot be read as a chart"),
        ({"chart": {"crds": "no"}}, "chart.crds", "true or false"),
        ({"hostname": "null"}, "hostname", "word of YAML"),
        ({"hostname": "on"}, "hostname", "word of YAML"),
        ({"pod": {"resources": {"requests": {"cpu": "much"}}}}, "pod.resources.requests.cpu", "not an amount"),
        ({"pod": {"nodeSelector": {"support": True}}}, "pod.nodeSelector.support", "text"),
        ({"pod": {"tolerations": [{"effect": "Never"}]}}, "pod.tolerations[0].effect", "NoSchedule"),
        ({"pod": {"priorityClassName": "high"}}, "version", "the least for operator.pod.priorityClassName"),
        ({"images": {"recorder": {"tag": "v1.97.1"}}}, "images.recorder.tag", "Odd minor versions"),
        ({"proxyPods": {"nodeSelector": {"a": "b"}}}, "proxyPods", "no proxy runs"),
        ({"udpPort": 0}, "udpPort", "greater"),
        ({"udpPort": 41641, "httpProxy": {"url": "http://p.example:3128"}}, "udpPort", "carries no UDP"),
        ({"httpProxy": {"url": "http://u:p@p.example:3128"}}, "httpProxy.url", "password"),
        ({"httpProxy": {"url": "http://p.example"}}, "httpProxy.url", "with its port"),
        ({"httpProxy": {"url": "socks5://p.example:1080"}}, "httpProxy.url", "HTTP proxy"),
        ({"httpProxy": {"url": "http://p.example:1", "noProxy": ["a,b"]}}, "httpProxy.noProxy[0]", "not a host"),
        ({"apiServerProxy": {"mode": "true"}}, "apiServerProxy.mode", "'auth', 'noauth' or 'none'"),
        ({"apiServerProxy": {"replicas": 1}}, "apiServerProxy.replicas", "greater than or equal to 2"),
        ({"apiServerProxy": {"replicas": 10}}, "apiServerProxy.replicas", "less than or equal to 9"),
        ({"apiServerProxy": {"hostname": "x"}}, "apiServerProxy.hostname", "replicas is not"),
        ({"apiServerProxy": {"mode": "none"}}, "apiServerProxy.mode", "nothing is exposed"),
        (
            {"apiServerProxy": {"replicas": 2, "hostname": "acme-prod-kube"}},
            "apiServerProxy.hostname",
            "operator's own host name",
        ),
    ],
)
def test_a_wrong_value_is_named_by_its_key(operator: dict[str, Any], key: str, told: str) -> None:
    assert told in refusals(operator=operator)[f"operator.{key}"]


def test_no_credential_of_a_proxy_or_a_repository_is_shown_again() -> None:
    found = refusals(
        operator={"httpProxy": {"url": "http://u:hush@p.example:1"}, "chart": {"repository": "oci://u:hush@r/c"}}
    )
    assert "hush" not in str(found)


def test_a_proxy_may_be_four_minors_older_and_a_mirrors_tag_may_say_more() -> None:
    images = {"proxy": {"tag": "v1.92.0"}, "k8sProxy": {"tag": "v1.96.5-acme.1"}}
    operator = loaded(operator={"images": images}).operator
    assert operator.pin("proxy").reference == "tailscale/tailscale:v1.92.0"
    assert operator.pin("k8s_proxy").reference == "tailscale/k8s-proxy:v1.96.5-acme.1"


def test_every_image_is_pinned_by_default_and_the_mirror_moves_all_of_them() -> None:
    here = {name: pin.reference for name, pin in loaded().operator.pins.items()}
    assert here == {
        "operator": "tailscale/k8s-operator:v1.96.5",
        "proxy": "tailscale/tailscale:v1.96.5",
        "k8sProxy": "tailscale/k8s-proxy:v1.96.5",
        "recorder": "tailscale/tsrecorder:v1.96.5",
        "nameserver": "tailscale/k8s-nameserver:v1.96.5",
    }
    images = {"proxy": {"repository": "team/ts"}, "recorder": {"repository": "ghcr.io/tailscale/tsrecorder"}}
    mirrored = loaded(operator={"registry": "registry.example.com:5000/mirror", "images": images}).operator.pins
    mirror = "registry.example.com:5000/mirror"
    assert mirrored["operator"].reference == f"{mirror}/tailscale/k8s-operator:v1.96.5"
    assert mirrored["proxy"].repository == f"{mirror}/team/ts", "a repository without a host is in the mirror"
    assert mirrored["recorder"].repository == "ghcr.io/tailscale/tsrecorder", "one that names a host stays there"


def test_a_digest_wins_over_the_tag() -> None:
    operator = loaded(operator={"images": {"operator": {"digest": DIGEST}}}).operator
    assert operator.pin("operator").reference == f"tailscale/k8s-operator@{DIGEST}"


def packed(folder: Path, version: str, name: str = "tailscale-operator") -> Path:
    chart = folder / name
    chart.mkdir()
    (chart / "Chart.yaml").write_text(f"apiVersion: v2\nname: {name}\nversion: {version}\n")
    file = folder / f"{name}.tgz"
    with tarfile.open(file, "w:gz") as archive:
        archive.add(chart, arcname=name)
    return file


@pytest.mark.parametrize("form", ["folder", "packed"])
def test_a_chart_at_a_path_is_the_one_that_is_pinned(tmp_path: Path, form: str) -> None:
    file = packed(tmp_path, "1.96.5")
    path = str(file if form == "packed" else file.with_suffix(""))
    chart = loaded(operator={"chart": {"path": path}}, **MANAGED).operator.chart
    assert (chart.name, chart.repository_url, chart.helm_arguments) == (path, None, [path])
    assert "is none on theirs" in refusals(operator={"chart": {"path": path}})["operator.chart.path"]
    told = refusals(operator={"chart": {"path": path, "version": "1.96.6"}})["operator.chart.path"]
    assert "holds tailscale-operator 1.96.5, and tailscale-operator 1.96.6 is pinned" in told


def test_what_is_no_chart_is_not_taken_for_one(tmp_path: Path) -> None:
    file = packed(tmp_path, "1.96.5", name="other")
    assert "no packed chart" in refusals(operator={"chart": {"path": str(file)}})["operator.chart.path"]
    file.write_text("no archive")
    assert "no packed chart" in refusals(operator={"chart": {"path": str(file)}})["operator.chart.path"]
    both = {"path": str(file.with_suffix("")), "repository": "oci://registry.example.com/charts"}
    assert "repository is too" in refusals(operator={"chart": both})["operator.chart.path"]


def test_an_oci_mirror_is_addressed_as_helm_wants_it() -> None:
    chart = loaded(operator={"chart": {"repository": "oci://registry.example.com/charts/"}}).operator.chart
    assert (chart.name, chart.repository_url) == ("oci://registry.example.com/charts/tailscale-operator", None)


def test_the_api_server_is_never_behind_the_http_proxy() -> None:
    proxy = {"url": "http://p.acme.example:3128", "noProxy": ["10.0.0.0/8"], "clusterDomain": "acme.local"}
    found = loaded(operator={"httpProxy": proxy}).operator.http_proxy
    assert found is not None
    direct = found.variables["NO_PROXY"].split(",")
    assert {"$(KUBERNETES_SERVICE_HOST)", "kubernetes.default", ".svc", ".acme.local", "10.0.0.0/8"} <= set(direct)
    assert found.variables["HTTPS_PROXY"] == "http://p.acme.example:3128"


@pytest.mark.parametrize(
    ("keys", "key", "told"),
    [
        ({"access": []}, "access", "It is empty"),
        ({"operator": {"apiServerProxy": {"mode": "noauth"}}}, "access[0].role", "impersonates nobody"),
        ({"access": OWN}, "access[0].role", "drops every credential that a request brings"),
        (
            {"operator": {"apiServerProxy": {"mode": "none"}}, "expose": [INGRESS]},
            "access",
            "Nothing serves them the API",
        ),
        (
            {"operator": {"apiServerProxy": {"mode": "none", "replicas": 2}}, "expose": [INGRESS]},
            "operator.apiServerProxy.replicas",
            "mode is none",
        ),
        (
            {"operator": {"apiServerProxy": {"replicas": 2}, "udpPort": 41641}},
            "operator.udpPort",
            "operator itself serves nothing",
        ),
        (
            {"operator": {"apiServerProxy": {"replicas": 2}}, "expose": [{**INGRESS, "name": "api"}]},
            "operator.apiServerProxy.hostname",
            'Exposure "api" has the host name "acme-prod-api" too',
        ),
        (
            {"operator": {"proxyPods": {"priorityClassName": "high"}}, "recorder": RECORDER},
            "operator.proxyPods.priorityClassName",
            "of all proxies only the session recorder runs",
        ),
        ({"credential": {"acknowledge": ["all"]}}, "credential.acknowledge[0]", "'devices:core' or 'services'"),
        ({"credential": {"acknowledge": ["services", "services"]}}, "credential.acknowledge", "twice"),
    ],
)
def test_an_impossible_combination_says_why(keys: dict[str, Any], key: str, told: str) -> None:
    assert told in refusals(**keys)[key]


@pytest.mark.parametrize(
    ("keys", "scopes"),
    [
        ({"expose": [INGRESS]}, ["devices:core"]),
        ({"operator": {"apiServerProxy": {"replicas": 2}}}, ["devices:core", "services"]),
    ],
)
def test_a_scope_that_reaches_beyond_the_environment_is_acknowledged(keys: dict[str, Any], scopes: list[str]) -> None:
    told = refusals(**keys)["credential.acknowledge"]
    assert f"does not name {' and '.join(scopes)}" in told
    assert "does not limit these scopes by tag" in told
    assert "delete every device of the tailnet" in told
    assert loaded(**keys, credential={"acknowledge": scopes}).credential.acknowledge == tuple(scopes)
    if len(scopes) > 1:
        assert (
            "does not name services,"
            in refusals(**keys, credential={"acknowledge": scopes[:1]})["credential.acknowledge"]
        )


def test_a_recorders_pod_is_placed_as_proxies_are() -> None:
    placed = {"operator": {"proxyPods": {"nodeSelector": {"pool": "support"}}}, "recorder": RECORDER}
    settings = loaded(**placed, credential={"acknowledge": ["devices:core"]})
    assert settings.operator.proxy_pods.node_selector == {"pool": "support"}


def test_exposures_alone_need_nobody_in_access() -> None:
    settings = loaded(
        access=[],
        expose=[INGRESS],
        operator={"apiServerProxy": {"mode": "none"}},
        credential={"acknowledge": ["devices:core"]},
    )
    assert settings.access == ()


def test_two_stacks_do_not_share_the_highly_available_apis_name(tmp_path: Path) -> None:
    other = "config:\n  support-access:customer: acme\n  support-access:environment: dev\n  support-access:operator:\n"
    (tmp_path / "Pulumi.acme-dev.yaml").write_text(f"{other}    hostname: acme-prod-api\n")
    available = {
        "operator": {"apiServerProxy": {"replicas": 2}},
        "credential": {"acknowledge": ["devices:core", "services"]},
    }
    with pytest.raises(
        SettingsError, match=r"operator\.apiServerProxy\.hostname\n  Stack .acme-dev. has the host name"
    ):
        load("acme-prod", flat({**LEAST, **available}), stacks_dir=tmp_path)
