"""Helm values of the operator's chart for one environment, as plain data.

Owns the pins (images, tags, hostname) and the one deviation from the chart's own way: the API proxy of mode auth is
switched on by AUTH_PROXY, not by `apiServerProxyConfig.mode`, because the chart answers `mode: "true"`, and
`allowImpersonation: "true"` alike, with a role that may impersonate anybody, `system:masters` included. The bounded
role is ours (ceiling.py). Holds no secret: the credential lies in a Secret of its own, mounted by a name that comes
from settings, or there is none (federation). What the chart has no value for is an environment variable here, or in
the ProxyClass (proxy_class.py).
"""

from __future__ import annotations

from typing import Any

from components.features import federated_audience, runs_proxies
from components.manifests.variables import outbound_variables
from components.naming import PROXY_CLASS, Names, credential_secret
from components.settings.api_proxy import Mode
from components.settings.environment import EnvironmentSettings
from components.settings.images import Pin
from components.settings.operator import Operator


def chart_values(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """Values for chart tailscale-operator, as its values.yaml describes them (read at 1.96.5 and 1.98.3).

    `proxyConfig.defaultTags` is a comma string on purpose: this chart renders a list there as a broken manifest.
    """
    operator = settings.operator
    noauth = operator.api_server_proxy.in_process and operator.api_server_proxy.mode is Mode.NOAUTH
    values = {
        "installCRDs": operator.chart.crds,
        **credential_values(settings),
        "operatorConfig": {
            "defaultTags": names.operator_tags,
            "hostname": settings.hostname,
            "image": image_values(operator.pin("operator")),
            "logging": operator.logging,
            "extraEnv": variables(operator),
            **operator.pod.fields(),
        },
        "proxyConfig": {"defaultTags": names.tags.proxy_tag, "image": image_values(operator.pin("proxy"))},
        "apiServerProxyConfig": {"mode": "noauth" if noauth else "", "allowImpersonation": "false"},
    }
    if runs_proxies(settings):
        values["proxyConfig"]["defaultProxyClass"] = PROXY_CLASS
    if operator.pull_secrets:
        values["imagePullSecrets"] = [{"name": name} for name in operator.pull_secrets]
    return values


def credential_values(settings: EnvironmentSettings) -> dict[str, Any]:
    """Where the operator finds its credential: a mounted Secret, or the token that the cluster makes for its pod.

    Raises ValueError for an identity whose id is not declared: the chart would mount a token for nobody.
    """
    federation = settings.credential.federation
    if federation is None:
        return {"oauthSecretVolume": {"secret": {"secretName": credential_secret(settings.credential.generation)}}}
    if federation.client_id is None:
        raise ValueError("the federated identity has no id in the settings yet")
    return {"oauth": {"clientId": federation.client_id, "audience": federated_audience(settings)}}


def variables(operator: Operator) -> list[dict[str, str]]:
    """Environment of the operator's container, beside what the chart itself puts there."""
    api = operator.api_server_proxy
    found = [{"name": "AUTH_PROXY", "value": "true"}] if api.in_process and api.impersonates else []
    # The chart has no value for this image, and its default is the moving tag `latest`.
    found.append({"name": "K8S_PROXY_IMAGE", "value": operator.pin("k8s_proxy").reference})
    # tsnet makes its folder below the user's configuration, `/.config` where there is no home: OpenShift runs the pod
    # as a user who cannot write there. The node's state is in a Secret, so nothing there is kept.
    found.append({"name": "XDG_CONFIG_HOME", "value": "/tmp"})  # noqa: S108 (in the container)
    if operator.udp_port is not None:
        found.append({"name": "TS_PORT", "value": str(operator.udp_port)})
    return [*found, *outbound_variables(operator)]


def image_values(pin: Pin) -> dict[str, str]:
    """The chart's way to name an image: a digest, when there is one, wins over the tag."""
    return {"repository": pin.repository, "tag": pin.tag, "digest": pin.digest or ""}
