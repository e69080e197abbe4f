"""The highly available API proxies: a ProxyGroup that the operator turns into pods, devices and a Tailscale Service.

Owns the ProxyGroup and, in mode auth, the ServiceAccount that its pods run as. The chart makes that account only
together with a role that may impersonate anybody; whom this one may impersonate is said in ceiling.py. Does not own the
pods' form (proxy_class.py). Dies while the operator still runs: it takes the devices and the Service away and then
its finalizers; with a refused credential they stay, and the object with them.
"""

from __future__ import annotations

from collections.abc import Mapping

from components.manifests import Manifest
from components.manifests.proxy_class import API_VERSION
from components.naming import API_PROXIES, API_PROXY_SERVICE_ACCOUNT, NAMESPACE, PROXY_CLASS
from components.settings.environment import EnvironmentSettings


def service_account(settings: EnvironmentSettings, labels: Mapping[str, str]) -> dict[str, Manifest]:
    """By what it is called in the stack; nothing where the proxies impersonate nobody, or there are none."""
    api = settings.operator.api_server_proxy
    if not (api.highly_available and api.impersonates):
        return {}
    return {
        "account": {
            "apiVersion": "v1",
            "kind": "ServiceAccount",
            "metadata": {"name": API_PROXY_SERVICE_ACCOUNT, "namespace": NAMESPACE, "labels": dict(labels)},
        }
    }


def proxy_group(settings: EnvironmentSettings, labels: Mapping[str, str]) -> dict[str, Manifest]:
    """By what it is called in the stack; nothing where the operator serves the API itself, or nobody does."""
    api, tags = settings.operator.api_server_proxy, settings.names.tags
    if not api.highly_available:
        return {}
    return {
        "group": {
            "apiVersion": API_VERSION,
            "kind": "ProxyGroup",
            "metadata": {"name": API_PROXIES, "labels": dict(labels)},
            "spec": {
                "type": "kube-apiserver",
                "replicas": api.replicas,
                "tags": [tags.api_tag, tags.proxy_tag, tags.customer_tag],
                "hostnamePrefix": f"{settings.api_hostname}-proxy",
                "proxyClass": PROXY_CLASS,
                "kubeAPIServer": {"mode": api.mode.value, "hostname": settings.api_hostname},
            },
        }
    }
