"""Which people and machines the operator may impersonate, asked of the tailnet's policy.

Owns the question and what is said of its answer. Does not own the ceiling that is made of it
(components/manifests/ceiling.py). Asked at every run; nothing here lives, so nothing dies.
"""

from __future__ import annotations

import pulumi

from components.settings.access import is_person, is_tag
from components.settings.environment import EnvironmentSettings
from providers.tailnet.resources import Provider, get_source_users


def ask_roster(settings: EnvironmentSettings, tailnet: Provider) -> list[str] | None:
    """The roster; None when it cannot be known, which is told at once: the server's own refusal says less."""
    try:
        return roster(settings, tailnet)
    except Exception as error:  # the SDK raises nothing narrower for a function that fails
        pulumi.log.error(str(error))
        return None


def roster(settings: EnvironmentSettings, tailnet: Provider) -> list[str]:
    """Users whom the operator may impersonate, as the API proxy names them.

    People: the stack's own list, or whoever is in access today. Tagged nodes: their full names, always asked for.
    """
    people = None if settings.roster is None else set(settings.roster)
    asked = sorted({entry.source for entry in settings.access if people is None or is_tag(entry.source)})
    shared = sorted({entry.shared_posture for entry in settings.access if entry.shared_posture})
    if shared or not all(map(is_person, asked)):
        users, respelled = get_source_users(asked, shared, pulumi.InvokeOptions(provider=tailnet))
        for group, members in respelled.items():
            pulumi.log.warn(
                f"The policy document spells members of {group} otherwise than the tailnet and the cluster do:"
                f" {', '.join(members)}. In lower case they count. Fix: write them so in the document; the stack"
                " tailnet does, for a group of its own."
            )
    else:
        users = {person: [person] for person in asked}
    for source in (source for source, found in users.items() if not found):
        pulumi.log.warn(
            f"No device carries {source} today: one that comes later is refused by the cluster until the next"
            " `pulumi up`."
            if is_tag(source)
            else f"Nobody is in {source}: the grant lets nobody in until the tailnet stack adds somebody."
        )
    return sorted((people or set()).union(*users.values()))
