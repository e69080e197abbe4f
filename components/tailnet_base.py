"""What the whole tailnet shares: groups of engineers, rotations, postures, tests, the sentinel tag, the tailnet's
switches, log streams and webhooks.

Owns its own entries in the policy document and nothing else of it: what people wrote stays theirs. Removing an
engineer's address from a group here revokes that engineer in every environment, before anything else of an update.
Dies only when no environment is left: first of all goes the guard, which refuses while the policy still declares an
environment's tag; then log streams and webhooks; the entries of the policy last. The switches stay as they are, and a
policy document that this stack closed stays closed.

Edges, as a destroy goes along them:

    guard | log streams, webhooks, switches | entries of the policy
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.naming import SENTINEL_TAG
from components.settings.logs import Destination
from components.settings.tailnet import TailnetSettings
from components.tailnet import shared
from components.tailnet.conditions import POLICY_OWNER, report_conditions
from components.tailnet.logs import Log, LogStream, LogStreamArgs
from components.tailnet.webhooks import Webhooks, WebhooksArgs
from providers.tailnet.resources import PolicySlice, Provider


@dataclass(frozen=True, kw_only=True, slots=True)
class TailnetBaseArgs:
    """settings: the stack's, validated; now: the moment for which rotations are worked out."""

    settings: TailnetSettings
    now: datetime = field(default_factory=lambda: datetime.now(UTC))


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
        report_conditions(tailnet, only=POLICY_OWNER)
        policy = PolicySlice(
            f"{name}-policy",
            part="shared",
            sections=shared.sections(settings, args.now),
            open_policy=settings.open_policy,
            opts=pulumi.ResourceOptions(parent=self, provider=tailnet),
        )
        switches = self._switches(name, settings, provider, policy)
        streams = self._streams(name, settings, provider, policy)
        webhooks = self._webhooks(name, settings, provider, policy)
        PolicySlice(
            f"{name}-guard",
            part="shared",
            sections={},
            # It declares nothing. Deleted first, it refuses while an environment stands: then nothing of this goes.
            opts=pulumi.ResourceOptions(
                parent=self, provider=tailnet, depends_on=[policy, *switches, *streams.values(), *webhooks]
            ),
        )
        on_call = shared.on_call(settings, args.now)
        _warn_of_nobody(on_call)
        self.outputs = {
            "groups": shared.groups(settings, args.now),
            "sentinelTag": SENTINEL_TAG,
            "onCall": on_call,
            "nextHandover": shared.next_handover(settings, args.now),
            "logs": {log: stream.outputs for log, stream in streams.items()},
        }
        if webhooks:
            self.outputs["webhookSecrets"] = webhooks[0].secrets
        self.register_outputs(self.outputs)

    def _switches(
        self, name: str, settings: TailnetSettings, provider: tailscale.Provider, policy: pulumi.Resource
    ) -> list[pulumi.Resource]:
        # Switches of the tailnet, not of this stack: turning them off would end every certificate in use. They come
        # after the policy: an engineer who is taken out of a group is out even when a switch then fails.
        switch = pulumi.ResourceOptions(parent=self, provider=provider, retain_on_delete=True, depends_on=[policy])
        return [
            tailscale.DnsPreferences(f"{name}-dns", magic_dns=settings.magic_dns, opts=switch),
            tailscale.TailnetSettings(
                f"{name}-settings",
                https_enabled=settings.https,
                # What is not declared is None, is not sent, and stays as it is.
                devices_approval_on=settings.device_approval,
                users_approval_on=settings.user_approval,
                devices_key_duration_days=settings.key_expiry_days,
                network_flow_logging_on=settings.network_flow_logs,
                opts=switch,
            ),
        ]

    def _streams(
        self, name: str, settings: TailnetSettings, provider: tailscale.Provider, policy: pulumi.Resource
    ) -> dict[Log, LogStream]:
        declared: dict[Log, Destination | None] = {
            "configuration": settings.logs.configuration,
            "network": settings.logs.network,
        }
        return {
            log: LogStream(
                f"{name}-logs-{log}",
                LogStreamArgs(log=log, destination=destination, after=policy),
                opts=pulumi.ResourceOptions(parent=self, providers=[provider]),
            )
            for log, destination in declared.items()
            if destination is not None
        }

    def _webhooks(
        self, name: str, settings: TailnetSettings, provider: tailscale.Provider, policy: pulumi.Resource
    ) -> list[Webhooks]:
        if not settings.webhooks:
            return []
        return [
            Webhooks(
                f"{name}-webhooks",
                WebhooksArgs(webhooks=settings.webhooks, after=policy),
                opts=pulumi.ResourceOptions(parent=self, providers=[provider]),
            )
        ]


def _warn_of_nobody(on_call: dict[str, dict[str, Any]]) -> None:
    for group, shift in on_call.items():
        if not shift["now"]:
            pulumi.log.warn(f"Nobody of the rota is on call in {group} until {shift['handover']}.")
