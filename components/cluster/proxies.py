"""The proxies that the operator starts in the cluster: their class, and the highly available ones of the API.

Does not own what they say (components/manifests/proxy_class.py, api_proxies.py), nor the proxies of exposures.
Teardown: with their owner (holder.py), while the operator still runs and its credential is good, which is what takes
the devices, the Tailscale Service and the finalizers away. Their ServiceAccount is deleted with its namespace.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi

from components import PACKAGE
from components.cluster.holder import Holder
from components.cluster.objects import register_all
from components.cluster.owner import Owner
from components.cluster.timeouts import SHORT_DELETE
from components.manifests import Manifest
from components.manifests.api_proxies import proxy_group, service_account
from components.manifests.proxy_class import proxy_class
from components.naming import Names
from components.settings.environment import EnvironmentSettings

TO_THE_PLUGIN = {"pulumi.com/waitFor": "jsonpath={.status.url}"}
"""A note to the engine's own plugin, for which a customer who installs alone has no use. The operator writes the URL
when a proxy has its certificate and offers the Service: then, and not before, the API is there."""


@dataclass(frozen=True, kw_only=True, slots=True)
class ProxiesArgs:
    """names, settings: of the environment. holder: of what the operator puts a finalizer on. namespace: the operator's.
    after: what must be there first. unless_there: what is asked before an object outside of a namespace is made."""

    names: Names
    settings: EnvironmentSettings
    holder: Holder
    namespace: Owner
    after: list[pulumi.Resource]
    unless_there: pulumi.ResourceHookBinding


class ProxyGroup(pulumi.CustomResource):
    """A ProxyGroup with its status, which the SDK's class for custom resources does not tell."""

    status: pulumi.Output[Any]

    def __init__(self, name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> None:
        kind = f"kubernetes:{manifest['apiVersion']}:{manifest['kind']}"
        super().__init__(kind, name, {**manifest, "status": None}, opts)


class Proxies(pulumi.ComponentResource):
    """ProxyClass, ServiceAccount and ProxyGroup, as far as the settings ask for them."""

    api_url: pulumi.Output[str] | None
    """Where the highly available API is served; None where it is not."""

    def __init__(self, name: str, args: ProxiesArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:cluster:Proxies", name, None, opts)
        settings, labels = args.settings, args.names.labels
        options = pulumi.ResourceOptions(parent=self, depends_on=args.after, custom_timeouts=SHORT_DELETE)
        own_class = register_all(
            name,
            {part: args.holder.owned(manifest) for part, manifest in proxy_class(settings, labels).items()},
            pulumi.ResourceOptions.merge(
                options, pulumi.ResourceOptions(hooks=args.unless_there, deleted_with=args.holder.drain)
            ),
        )
        account = register_all(
            name,
            service_account(settings, labels),
            pulumi.ResourceOptions.merge(options, pulumi.ResourceOptions(deleted_with=args.namespace.resource)),
        )
        self.api_url = None
        for part, manifest in proxy_group(settings, labels).items():
            seconds = f"{settings.enrolment.timeout_seconds}s"
            owned = args.holder.owned(manifest)
            notes = {**owned["metadata"]["annotations"], **TO_THE_PLUGIN}
            group = ProxyGroup(
                f"{name}-{part}",
                {**owned, "metadata": {**owned["metadata"], "annotations": notes}},
                pulumi.ResourceOptions(
                    parent=self,
                    # The operator looks for both once, when it sees the group.
                    depends_on=[*args.after, *own_class.values(), *account.values()],
                    deleted_with=args.holder.drain,
                    custom_timeouts=pulumi.CustomTimeouts(create=seconds, update=seconds, delete=SHORT_DELETE.delete),
                    hooks=args.unless_there,
                ),
            )
            # After an update that gave up waiting there is a status and no URL in it.
            self.api_url = group.status.apply(lambda status: str((status or {}).get("url") or ""))
        self.register_outputs({"apiUrl": self.api_url})


def api_url(
    settings: EnvironmentSettings, operator: pulumi.Output[str | None], proxies: Proxies | None
) -> pulumi.Output[str | None]:
    """Where the API is served; None while it is not. operator: the full name of its device, once that is online.

    The highly available API's comes from the status that the operator writes. A customer who installs alone shows none,
    so there it is the name that the Service has in the operator's tailnet.
    """
    api = settings.operator.api_server_proxy
    if not (api.in_process or api.highly_available):
        return pulumi.Output.from_input(None)
    if api.in_process:
        return operator.apply(lambda fqdn: f"https://{fqdn}" if fqdn else None)
    if proxies is not None and proxies.api_url is not None:
        return proxies.api_url.apply(lambda url: _renamed(url, settings.api_hostname) if url else None)
    return operator.apply(lambda fqdn: f"https://{settings.api_hostname}.{fqdn.partition('.')[2]}" if fqdn else None)


def _renamed(url: str, hostname: str) -> str:
    """The URL of a status under the name that is declared: after a change the status has the former one for a while,
    and the engine, which waits for any, would keep that until a refresh."""
    return f"https://{hostname}.{url.partition('.')[2]}"
