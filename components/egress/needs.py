"""From the settings to what their features must reach.

Owns the translation. What each feature dials is destinations.py's, what opens it targets.py's. Knows nothing of Pulumi:
a customer who installs alone is handed the same list.
"""

from __future__ import annotations

from components.egress.destinations import Needs
from components.endpoints.published import Udp
from components.endpoints.relays import PUBLISHED, Relays
from components.features import images_in_use
from components.settings.api_proxy import Mode
from components.settings.environment import EnvironmentSettings

UDP_FROM_NARROW_TO_WIDE: tuple[Udp, ...] = ("off", "stun", "any")


def needs(settings: EnvironmentSettings, relays: Relays = PUBLISHED) -> Needs:
    """What the stack's features dial. relays: those that the tailnet uses. UDP is as wide as the widest target opens
    it."""
    operator = settings.operator
    declared: list[Udp] = ["off", *(target.opens_udp for target in settings.egress)]
    return Needs(
        images=tuple(operator.pin(name).repository for name in images_in_use(settings)),
        ingress=takes_certificates(settings),
        recordings=settings.recorder.recordings if settings.recorder else None,
        api_proxy=operator.api_server_proxy.mode is not Mode.NONE,
        chart=operator.chart.repository if operator.chart.path is None else None,
        http_proxy=operator.http_proxy.end if operator.http_proxy else None,
        udp=max(declared, key=UDP_FROM_NARROW_TO_WIDE.index),
        relays=relays,
    )


def takes_certificates(settings: EnvironmentSettings) -> bool:
    """Whether a proxy, or a recorder with a web interface, takes a certificate beside the API proxy's."""
    watched = settings.recorder is not None and settings.recorder.recordings is None
    return watched or any(exposure.certificate for exposure in settings.expose)
