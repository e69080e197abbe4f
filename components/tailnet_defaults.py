"""What the policy document sets for the whole tailnet, asked once in every run.

Owns the question and its notices: relays of the tailnet's own, and the posture of rules that have none. What of the
relays may be opened is decided in endpoints/relays.py; where the posture falls, in tailnet/machine_posture.py.
"""

from __future__ import annotations

from dataclasses import dataclass

import pulumi

from components.egress.destinations import required
from components.egress.needs import needs
from components.endpoints.relays import PUBLISHED, Relays, of_document
from components.manifests.network_policy import unnamed_relays
from components.settings.environment import EnvironmentSettings
from components.settings.network_policy import Form
from providers.tailnet.resources import Provider, get_tailnet_defaults


@dataclass(frozen=True, kw_only=True, slots=True)
class TailnetDefaults:
    """relays: those that the tailnet uses. posture: names of the postures for grants without their own."""

    relays: Relays = PUBLISHED
    posture: tuple[str, ...] = ()


def ask_tailnet_defaults(tailnet: Provider) -> TailnetDefaults:
    """What the document says; the published relays and no posture, with a notice, where it cannot be read."""
    try:
        found = get_tailnet_defaults(pulumi.InvokeOptions(provider=tailnet))
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        pulumi.log.warn(
            f"The policy document's derpMap and defaultSrcPosture are not known: {error}. The required egress names the"
            " published relays."
        )
        return TailnetDefaults()
    return TailnetDefaults(relays=of_document(found["derpMap"]), posture=tuple(found["srcPosture"]))


def relay_notices(settings: EnvironmentSettings, relays: Relays) -> list[str]:
    """What of the tailnet's own relays nothing here opens."""
    notices = list(relays.left_out)
    if settings.network_policy.form is not Form.OFF:
        closed = [row for row in unnamed_relays(settings, required(needs(settings, relays))) if not row.ranges]
        notices += [
            f"The network policy does not open {row.host}:{row.port}/{row.protocol}, a relay of the policy document: it"
            " knows addresses, and the relay has none there. Fix: write IPv4 and IPv6 of the relay into derpMap, or add"
            " its network to support-access:networkPolicy.also."
            for row in closed
        ]
    return notices
