"""Rules between the settings of the stack `tailnet`.

Like environment_checks.py, which owns those of an environment's stack: they read the raw values, so that they speak
even while another value is wrong. Die by: nothing; any JSON value may stand anywhere.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.problems import Problem, config_key, remove_command, set_command, shown


def check_tailnet(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    tailnet = raw.get("tailnet")
    if stack != "tailnet":
        yield Problem(
            config_key(("tailnet",)),
            f"It is set in stack {shown(stack)}; its stack is called tailnet.",
            "What the tailnet shares has one owner: two stacks would remove each other's groups.",
            f"pulumi stack rename --stack {shlex.quote(stack)} tailnet\nor {remove_command(stack, ('tailnet',))}",
        )
    if isinstance(tailnet, dict):
        yield from _switches(stack, tailnet)
        yield from _groups(stack, tailnet)


def _switches(stack: str, tailnet: Mapping[str, Any]) -> Iterator[Problem]:
    if tailnet.get("magicDns") is False and tailnet.get("https", True) is True:
        yield Problem(
            config_key(("tailnet", "magicDns")),
            "It is false, and https is true.",
            "Certificates are for MagicDNS names: without it there are none.",
            set_command(stack, ("tailnet", "magicDns"), True),
        )
    logs = tailnet.get("logs")
    if isinstance(logs, dict) and logs.get("network") is not None and tailnet.get("networkFlowLogs") is not True:
        yield Problem(
            config_key(("tailnet", "networkFlowLogs")),
            "It is not true, and logs.network says where these logs go.",
            "A tailnet that keeps no flow logs streams none: the stream would look as if it were in force.",
            set_command(stack, ("tailnet", "networkFlowLogs"), True),
        )


def _groups(stack: str, tailnet: Mapping[str, Any]) -> Iterator[Problem]:
    groups, rotas = tailnet.get("groups"), tailnet.get("rotas")
    if isinstance(groups, dict) and isinstance(rotas, dict):
        for group in groups.keys() & rotas.keys():
            yield Problem(
                config_key(("tailnet", "rotas", group)),
                f"{shown(group)} is in groups too.",
                "A group has one list of members: who is out of turn would stay in.",
                "name those who are in it all the time in the rota's always: "
                f"{remove_command(stack, ('tailnet', 'groups', group))}",
            )
