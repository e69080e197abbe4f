"""Helm values pin every image, hold no secret, and never switch on the chart's unbounded role."""

from __future__ import annotations

from collections.abc import Callable

from components.manifests.chart_values import chart_values
from components.settings.environment import EnvironmentSettings

Build = Callable[..., EnvironmentSettings]
DIGEST = "sha256:" + "a" * 64


def test_the_api_proxy_is_on_without_the_charts_impersonation_role(environment: Build) -> None:
    settings = environment()
    values = chart_values(settings.names, settings)
    assert values["apiServerProxyConfig"] == {"mode": "", "allowImpersonation": "false"}
    assert {"name": "AUTH_PROXY", "value": "true"} in values["operatorConfig"]["extraEnv"]


def test_every_image_is_pinned_to_the_operators_version(environment: Build) -> None:
    settings = environment(operator={"version": "v1.96.5"})
    values = chart_values(settings.names, settings)
    env = {entry["name"]: entry["value"] for entry in values["operatorConfig"]["extraEnv"]}
    assert values["operatorConfig"]["image"]["tag"] == values["proxyConfig"]["image"]["tag"] == "v1.96.5"
    assert env["K8S_PROXY_IMAGE"] == "tailscale/k8s-proxy:v1.96.5"


def test_the_operator_writes_its_files_where_every_user_may_write(environment: Build) -> None:
    """OpenShift gives each pod a user of its own, who cannot make `/.config`."""
    settings = environment()
    env = chart_values(settings.names, settings)["operatorConfig"]["extraEnv"]
    assert {"name": "XDG_CONFIG_HOME", "value": "/tmp"} in env


def test_a_digest_wins_over_the_tag(environment: Build) -> None:
    images = {"k8sProxy": {"repository": "mirror.example.com/k8s-proxy", "digest": DIGEST}}
    settings = environment(operator={"version": "v1.96.5", "images": images})
    env = chart_values(settings.names, settings)["operatorConfig"]["extraEnv"]
    assert {"name": "K8S_PROXY_IMAGE", "value": f"mirror.example.com/k8s-proxy@{DIGEST}"} in env


def test_the_operator_carries_exactly_its_credentials_tags(environment: Build) -> None:
    settings = environment()
    values = chart_values(settings.names, settings)
    assert values["operatorConfig"]["defaultTags"] == ["tag:k8s-operator-acme", "tag:kube-acme-prod"]


def test_the_proxies_tags_are_a_string(environment: Build) -> None:
    """A list there renders `value: [tag:a tag:b]`, a broken manifest."""
    settings = environment()
    assert chart_values(settings.names, settings)["proxyConfig"]["defaultTags"] == "tag:k8s-acme"


def test_what_the_settings_say_of_the_operator_reaches_the_chart(environment: Build) -> None:
    said = {
        "hostname": "mole",
        "logging": "debug",
        "udpPort": 41641,
        "pullSecrets": ["mirror-pull"],
        "chart": {"crds": False},
        "pod": {"nodeSelector": {"pool": "support"}},
        "images": {"proxy": {"digest": DIGEST}},
    }
    settings = environment(operator=said)
    values = chart_values(settings.names, settings)
    own = values["operatorConfig"]
    assert (own["hostname"], own["logging"], own["nodeSelector"]) == ("mole", "debug", {"pool": "support"})
    assert {"name": "TS_PORT", "value": "41641"} in own["extraEnv"]
    assert {"name": "TS_NO_LOGS_NO_SUPPORT", "value": "true"} in own["extraEnv"]
    assert (values["imagePullSecrets"], values["installCRDs"]) == ([{"name": "mirror-pull"}], False)
    assert values["proxyConfig"]["image"]["digest"] == DIGEST


def test_the_credential_is_named_and_not_held(environment: Build) -> None:
    settings = environment(credential={"generation": 3})
    values = chart_values(settings.names, settings)
    assert values["oauthSecretVolume"] == {"secret": {"secretName": "operator-oauth-3"}}
    assert "oauth" not in values, "the chart's own place for a credential, which would lie in the release as well"
