"""The ProxyClass of every proxy that the operator starts: pull secrets, placement, environment.

Owns what the chart has no value for where proxies are concerned: it gives pull secrets and an environment to the
operator's own pod only. The operator takes this class for every proxy that names none (`defaultProxyClass`), but for
Connectors, which must name it. Names no image: one class serves proxies of two kinds, and each kind's image is the
operator's own setting. Dies after the proxies that use it.
"""

from __future__ import annotations

from collections.abc import Mapping

from components.features import runs_proxies
from components.manifests import Manifest
from components.manifests.variables import outbound_variables
from components.naming import PROXY_CLASS
from components.settings.environment import EnvironmentSettings

API_VERSION = "tailscale.com/v1alpha1"


def proxy_class(settings: EnvironmentSettings, labels: Mapping[str, str]) -> dict[str, Manifest]:
    """The class, by what it is called in the stack; nothing where no proxy runs."""
    if not runs_proxies(settings):
        return {}
    operator = settings.operator
    pod = operator.proxy_pods.fields()
    container = {"env": outbound_variables(operator)}
    if resources := pod.pop("resources", None):
        container["resources"] = resources
    if operator.pull_secrets:
        pod["imagePullSecrets"] = [{"name": name} for name in operator.pull_secrets]
    return {
        "proxy-class": {
            "apiVersion": API_VERSION,
            "kind": "ProxyClass",
            "metadata": {"name": PROXY_CLASS, "labels": dict(labels)},
            "spec": {"statefulSet": {"pod": {**pod, "tailscaleContainer": container}}},
        }
    }
