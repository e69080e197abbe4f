"""Settings of the HTTP proxy through which the operator dials out: `support-access:operator.httpProxy`.

Owns its address and what does not go through it. The API server and the cluster's own names never do: they are not
behind the proxy, and a call that went there would be lost. Holds no credential. Nothing here lives, so nothing dies.
"""

from __future__ import annotations

from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from components.settings import operator_forms as forms
from components.settings.forms import Settings

ALWAYS_DIRECT = ("$(KUBERNETES_SERVICE_HOST)", "kubernetes.default", ".svc", "localhost", "127.0.0.1")
"""The API server by the address that every pod is told (the kubelet puts it in), and what never leaves the cluster."""


class HttpProxy(Settings):
    """A proxy that takes CONNECT, in a network with no other way out."""

    url: Annotated[str, AfterValidator(forms.proxy_url)] = Field(
        description="The operator and its proxies dial everything outside the cluster through it.",
        examples=["http://proxy.acme.example:3128"],
    )
    no_proxy: tuple[Annotated[str, AfterValidator(forms.no_proxy)], ...] = Field(
        default=(),
        description="Hosts, domains and ranges that are dialled directly, besides the API server and the cluster's own"
        " names.",
        examples=[["10.0.0.0/8"]],
    )
    cluster_domain: Annotated[str, AfterValidator(forms.object_name)] = Field(
        default="cluster.local",
        description="Names that end so are the cluster's own and never go through the proxy.",
        examples=["cluster.local"],
    )

    @property
    def variables(self) -> dict[str, str]:
        """Environment variables, as Go's HTTP client reads them."""
        direct = [*ALWAYS_DIRECT, f".{self.cluster_domain}", *self.no_proxy]
        return {"HTTPS_PROXY": self.url, "NO_PROXY": ",".join(dict.fromkeys(direct))}

    @property
    def end(self) -> str:
        """`host:port` that pods dial."""
        parts = urlsplit(self.url)
        return f"{parts.hostname}:{parts.port}"
