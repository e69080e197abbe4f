"""Helm values of the operator's chart for one environment, as plain data.

Owns the pins (images, tags, hostname) and the one deviation from the chart's own way: the API proxy is switched on
by AUTH_PROXY, not by `apiServerProxyConfig.mode`, because the chart answers `mode: "true"` with a role that may
impersonate anybody, `system:masters` included. The bounded role is ours (ceiling.py). Holds no secret: the
credential lies in a Secret of its own, mounted by a name that comes from settings.
"""

from __future__ import annotations

from typing import Any

from components.naming import Names, credential_secret
from components.settings.environment import EnvironmentSettings
from components.settings.operator import Image


def chart_values(names: Names, settings: EnvironmentSettings) -> dict[str, Any]:
    """Values for chart tailscale-operator, as its values.yaml describes them (read at 1.96.5).

    `proxyConfig.defaultTags` is a comma string on purpose: this chart renders a list there as a broken manifest.
    """
    operator = settings.operator
    return {
        "installCRDs": True,
        "oauthSecretVolume": {"secret": {"secretName": credential_secret(settings.credential.generation)}},
        "operatorConfig": {
            "defaultTags": names.operator_tags,
            "hostname": settings.hostname,
            "image": image_values(operator.images.operator, operator.version),
            "logging": operator.logging,
            "extraEnv": [
                {"name": "AUTH_PROXY", "value": "true"},
                # The chart has no value for this image, and its default is the moving tag `latest`.
                {"name": "K8S_PROXY_IMAGE", "value": reference(operator.images.k8s_proxy, operator.version)},
                # No logs to the vendor of the transport: one host less in the customer's egress list.
                {"name": "TS_NO_LOGS_NO_SUPPORT", "value": "true"},
            ],
        },
        "proxyConfig": {
            "defaultTags": names.tags.proxy_tag,
            "image": image_values(operator.images.proxy, operator.version),
        },
        "apiServerProxyConfig": {"mode": "", "allowImpersonation": "false"},
    }


def image_values(image: Image, version: str) -> dict[str, str]:
    """The chart's way to name an image: a digest, when there is one, wins over the tag."""
    return {"repository": image.repository, "tag": version, "digest": image.digest or ""}


def reference(image: Image, version: str) -> str:
    """The image as a container reference, `repository:tag` or `repository@digest`."""
    return f"{image.repository}@{image.digest}" if image.digest else f"{image.repository}:{version}"
