"""`supportctl verify STACK --reachable`: whether engineers can reach the environment's operator through the tailnet.

Owns the list of checks at Tailscale, their form on the screen and the exit code. Does not own what makes a device
usable (providers/tailnet/usability.py) nor what the tailnet's settings mean (providers/tailnet/conditions.py). Queries
neither the cluster nor the policy's grants. Changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from components.settings.environment import EnvironmentSettings
from providers.tailnet.client import Client
from providers.tailnet.conditions import Condition, conditions
from providers.tailnet.enrollment import seen_in
from providers.tailnet.problems import TailnetError
from supportctl.connection import tailscale
from supportctl.screen import console
from supportctl.stack import StackError, settings_of
from supportctl.verify.exits import FAILS, HOLDS, NOT_ASKED

_COLORS = {"ok": "green", "failed": "bold red", "warning": "yellow", "unknown": "yellow"}
_TITLES = {"magicDns": "MagicDNS", "https": "HTTPS certificates", "policyOwner": "one owner of the policy"}

Check = tuple[str, str, str]
"""Title, state as of a Condition, and what is wrong with the fix."""


def verify_reachable(stack: str, *, project: Path) -> int:
    """Prints every check. Returns 0 when none failed, 1 when one did, 2 when one could not be made and none failed."""
    out, errors = console(), console(stderr=True)
    states: set[str] = set()
    try:
        settings = settings_of(stack, project.resolve())
        with tailscale() as client:
            for title, state, message in checks(client, settings):
                states.add(state)
                out.print(f"[{_COLORS[state]}]{state:8}[/]{title}")
                if message:
                    out.print(f"        {message}", markup=False)
    except (StackError, TailnetError) as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_ASKED
    if "failed" in states:
        out.print(f"Engineers cannot reach {stack}: see the failed checks.")
        return FAILS
    if "unknown" in states:
        out.print("No check failed, and not every check could be made.")
        return NOT_ASKED
    out.print(f"Nothing at Tailscale keeps engineers from {stack}.")
    return HOLDS


def checks(client: Client, settings: EnvironmentSettings) -> Iterator[Check]:
    """The operator first, then the tailnet's settings."""
    yield from _operator(client, settings)
    yield from map(_check, conditions(client))


def _operator(client: Client, settings: EnvironmentSettings) -> Iterator[Check]:
    tags, title = settings.names.tags, f"operator {settings.hostname}"
    api_tag = tags.api_tag if settings.operator.api_server_proxy.highly_available else None
    try:
        seen = seen_in(client, tags.kube_tag, settings.hostname, api_tag)
    except TailnetError as error:
        yield title, "unknown", str(error)
        return
    if seen.status == "online":
        yield title, "ok", ""
        yield from ((title, "warning", remark) for remark in seen.remarks)
    else:
        causes = [seen.reason] if seen.reason else seen.remarks or [f"no device with {tags.kube_tag} has registered"]
        yield title, "failed", "; ".join(causes)


def _check(condition: Condition) -> Check:
    return _TITLES[condition.name], condition.state, condition.message
