"""What a stack asks and tells of its exposures, beside what it makes.

Owns the question whether their groups exist, and the output that names them. Does not own the grants
(components/tailnet/exposures.py) nor any object.
"""

from __future__ import annotations

from typing import Any

import pulumi

from components.manifests.exposures import patches
from components.settings.environment import Delivery, EnvironmentSettings
from components.tailnet import exposures
from providers.tailnet.resources import Provider, get_source_users


def groups_exist(settings: EnvironmentSettings, tailnet: Provider) -> bool:
    """Whether the policy has every group that an exposure or the recorder names; what it lacks is told at once."""
    named = exposures.groups(settings)
    try:
        if named:
            get_source_users(named, (), pulumi.InvokeOptions(provider=tailnet))
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        pulumi.log.error(str(error))
        return False
    return True


def published_names(settings: EnvironmentSettings) -> list[str]:
    """Host names that say whose they are, and that a certificate writes into public logs: worth a word, no more."""
    hostnames = [settings.exposure_hostname(exposure) for exposure in settings.expose if exposure.certificate]
    return [
        f"The host name {hostname} names the customer, and its certificate publishes it. hostname takes a code name."
        for hostname in hostnames
        if settings.customer in hostname
    ]


def exposed(settings: EnvironmentSettings) -> list[dict[str, Any]]:
    """Every exposure in plain data: its `name`, `kind`, `tag` and `hostname`, and the grants that lead there.

    `run`: where the customer installs, the command that exposes a Service of theirs.
    """
    names = settings.names
    by_hand = patches(settings) if settings.delivery is Delivery.HANDOFF else {}
    return [
        {
            "name": exposure.name,
            "kind": exposure.kind,
            "tag": names.tags.svc_tag(exposure.name),
            "hostname": settings.exposure_hostname(exposure),
            "grants": exposures.of_exposure(names, exposure),
            **({"run": by_hand[exposure.name].command} if exposure.name in by_hand else {}),
        }
        for exposure in settings.expose
    ]
