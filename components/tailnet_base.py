"""What the whole tailnet shares: the groups of engineers, the sentinel tag, MagicDNS and HTTPS certificates.

Owns its own entries in the policy document and nothing else of it: groups and tags that people wrote stay theirs.
Removing an engineer's address from a group here revokes that engineer in every environment at once. Dies only when no
environment is left: the shared slice refuses while the policy still declares an environment's tag, and it goes first.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.naming import SENTINEL_TAG
from components.settings import TailnetSettings
from providers.tailnet.resources import PolicySlice, Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class TailnetBaseArgs:
    """settings: the stack's, validated."""

    settings: TailnetSettings


class TailnetBase(pulumi.ComponentResource):
    """Groups, sentinel and tailnet-wide switches that every environment stands on."""

    outputs: dict[str, Any]
    """What the stack exports, by name."""

    def __init__(self, name: str, args: TailnetBaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:components:TailnetBase", name, None, opts)
        settings = args.settings
        # Neither takes an argument: credentials come from the environment at every run, none lies stale in the state.
        tailnet = Provider(f"{name}-tailnet", opts=pulumi.ResourceOptions(parent=self))
        provider = tailscale.Provider(f"{name}-tailscale", opts=pulumi.ResourceOptions(parent=self))
        # Switches of the tailnet, not of this stack: turning them off would end every certificate in use.
        switch = pulumi.ResourceOptions(parent=self, provider=provider, retain_on_delete=True)
        dns = tailscale.DnsPreferences(f"{name}-dns", magic_dns=settings.magic_dns, opts=switch)
        https = tailscale.TailnetSettings(f"{name}-settings", https_enabled=settings.https, opts=switch)
        groups = {group: list(members) for group, members in settings.groups.items()}
        PolicySlice(
            f"{name}-policy",
            part="shared",
            sections={"groups": groups, "tagOwners": {SENTINEL_TAG: []}},
            # Deleted first, and it refuses while an environment stands: then nothing of this stack goes.
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet, depends_on=[dns, https]),
        )
        self.outputs = {"groups": groups, "sentinelTag": SENTINEL_TAG}
        self.register_outputs(self.outputs)
