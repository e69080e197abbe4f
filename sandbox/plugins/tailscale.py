"""Stand-in for the tailscale plugin: which resources it has, and that their API comes from the provider's arguments
and environment.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.plugins.install import sdk_version
from sandbox.plugins.kind import Kind
from sandbox.plugins.provider import StandIn
from sandbox.plugins.server import main
from sandbox.plugins.tailscale_api import Api
from sandbox.plugins.tailscale_keys import FederatedIdentity, OauthClient, TailnetKey
from sandbox.plugins.tailscale_logs import AwsExternalId, LogstreamConfiguration, Webhook
from sandbox.plugins.tailscale_tailnet import Acl, DnsPreferences, TailnetSettings
from sandbox.plugins.values import Properties


class Tailscale(StandIn):
    package = "tailscale"
    framework = True

    def configured(self, options: Properties) -> Iterable[Kind]:
        api = Api.of(options)
        keys = (OauthClient, FederatedIdentity, TailnetKey)
        logs = (LogstreamConfiguration, AwsExternalId, Webhook)
        return [kind(api) for kind in (*keys, *logs, TailnetSettings, DnsPreferences, Acl)]


if __name__ == "__main__":
    main(Tailscale(), sdk_version(Tailscale.package) or "")
