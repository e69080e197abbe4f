"""What a Service asks of the operator.

Pure functions of the Service object, after svc.go of v1.96.5; nothing here talks to anybody.
"""

from __future__ import annotations

import re

from sandbox.operator.kube import Object
from sandbox.operator.proxy_set import PREFIX, Wanted

_HOSTNAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.IGNORECASE)
_TAG = re.compile(r"tag:[a-zA-Z][a-zA-Z0-9-]*")
_MAGIC_DNS = re.compile(r"[a-zA-Z0-9-]+\.[a-zA-Z0-9-]+\.ts\.net\.?")


def concerns_operator(service: Object) -> bool:
    """Whether the operator looks at this Service at all: not at those it made itself, nor at a
    ProxyGroup's.
    """
    labels = service["metadata"].get("labels") or {}
    return labels.get(f"{PREFIX}managed") != "true" and _annotation(service, "proxy-group") is None


def is_leaving(service: Object) -> bool:
    """Whether the Service is being deleted or is neither exposed nor an egress (any more)."""
    return "deletionTimestamp" in service["metadata"] or not (_is_exposed(service) or is_egress(service))


def is_egress(service: Object) -> bool:
    """Whether it stands for a node of the tailnet. What is exposed as well is only exposed."""
    return not _is_exposed(service) and bool(_annotation(service, "tailnet-fqdn") or _annotation(service, "tailnet-ip"))


def is_load_balancer(service: Object) -> bool:
    """Whether the Service wants its tailnet addresses in its status."""
    spec = service["spec"]
    return spec.get("type") == "LoadBalancer" and spec.get("loadBalancerClass") == "tailscale"


def hostname(service: Object) -> str:
    """The proxy's hostname."""
    meta = service["metadata"]
    return _annotation(service, "hostname") or f"{meta['namespace']}-{meta['name']}"


def tags(service: Object, default: list[str]) -> list[str]:
    """The proxy's tags: those that the Service names, or the default."""
    named = _annotation(service, "tags")
    return named.split(",") if named else default


def wanted(service: Object, default_tags: list[str], default_class: str = "") -> Wanted:
    """The proxy that it asks for."""
    return Wanted(
        parent=service,
        type="svc",
        namespace=service["metadata"]["namespace"],
        hostname=hostname(service),
        tags=tags(service, default_tags),
        proxy_class=default_class,
    )


def violations(service: Object) -> list[str]:
    """Why the Service cannot be served as it is; empty when it can."""
    found = []
    if service["spec"].get("clusterIP") == "None":
        found.append("headless Services are not supported.")
    fqdn, address = _annotation(service, "tailnet-fqdn"), _annotation(service, "tailnet-ip")
    if fqdn and address:
        found.append(f"only one of annotations {PREFIX}tailnet-ip and {PREFIX}tailnet-fqdn can be set")
    if fqdn and not _MAGIC_DNS.fullmatch(fqdn):
        found.append(
            f'invalid value of annotation {PREFIX}tailnet-fqdn: "{fqdn}" does not appear to be a valid MagicDNS name'
        )
    if not _HOSTNAME.fullmatch(hostname(service)):
        found.append(f'invalid Tailscale hostname "{hostname(service)}"')
    found += [f'invalid tag "{tag}"' for tag in tags(service, []) if not _TAG.fullmatch(tag)]
    return found


def _is_exposed(service: Object) -> bool:
    spec, annotated = service["spec"], _annotation(service, "expose") == "true"
    if spec.get("type") == "ExternalName":
        return annotated and bool(spec.get("externalName"))
    return bool(spec.get("clusterIP")) and (annotated or is_load_balancer(service))


def _annotation(service: Object, name: str) -> str | None:
    return (service["metadata"].get("annotations") or {}).get(PREFIX + name)
