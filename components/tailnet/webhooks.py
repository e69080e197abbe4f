"""Endpoints that are told of events in the tailnet: a changed policy, a new device, a new person.

Owns the webhooks at Tailscale. Does not own the endpoints, nor checks what they do with an event. Dies with the stack.
A webhook's signing secret is told once, when it is made, and lies encrypted in the state; a changed URL makes a new
webhook with a new secret.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pulumi
import pulumi_tailscale as tailscale

from components import PACKAGE
from components.settings.logs import Webhook
from components.tailnet.secrets import given


@dataclass(frozen=True, kw_only=True, slots=True)
class WebhooksArgs:
    """webhooks: by name; after: what must be done before a webhook is touched."""

    webhooks: Mapping[str, Webhook]
    after: pulumi.Resource


class Webhooks(pulumi.ComponentResource):
    """All endpoints of the tailnet that this stack declares."""

    secrets: pulumi.Output[Any]
    """The signing secret of each webhook, by name; secret."""

    def __init__(self, name: str, args: WebhooksArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__(f"{PACKAGE}:tailnet:Webhooks", name, None, opts)
        made = {key: self._webhook(f"{name}-{key}", key, hook, args) for key, hook in args.webhooks.items()}
        self.secrets = pulumi.Output.secret(pulumi.Output.all(**{key: made[key].secret for key in made}))
        self.register_outputs({"secrets": self.secrets})

    def _webhook(self, name: str, key: str, hook: Webhook, args: WebhooksArgs) -> tailscale.Webhook:
        url: pulumi.Input[str] | None = hook.url
        if hook.url_variable is not None:
            url = given(hook.url_variable, f"the webhook {key}")
        return tailscale.Webhook(
            name,
            endpoint_url=url if url is not None else "",
            provider_type=hook.provider,
            subscriptions=list(hook.events),
            opts=pulumi.ResourceOptions(
                parent=self,
                ignore_changes=[] if url is not None else ["endpointUrl"],
                # An engineer who is taken out of a group is out even when a webhook then fails.
                depends_on=[args.after],
            ),
        )
