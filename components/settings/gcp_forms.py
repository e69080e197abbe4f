"""The form that each single value in GCP must have: functions that give the value back or say what is wrong with it.

Owns paths of the customer's objects, accounts and tags. Does not own why a setting matters (egress_gcp.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable

from components.settings.egress_target import udp
from components.settings.problems import refuse, shown

PROJECT = r"projects/(?P<project>([a-z0-9.-]+:)?[a-z][a-z0-9-]{4,28}[a-z0-9])"
NAME = r"[a-z]([a-z0-9-]{0,61}[a-z0-9])?"
NETWORK = re.compile(rf"{PROJECT}/global/networks/(?P<name>{NAME})")
POLICY = re.compile(rf"{PROJECT}/(global|regions/(?P<region>[a-z]+-[a-z]+[0-9]+))/firewallPolicies/(?P<name>{NAME})")
GATEWAY = re.compile(
    rf"{PROJECT}/locations/(?P<location>[a-z]+-[a-z]+[0-9]+)/gatewaySecurityPolicies/(?P<name>[A-Za-z0-9_-]{{1,63}})"
)


def path_of(form: re.Pattern[str], noun: str, example: str) -> Callable[[str], str]:
    """Takes the whole path of one of the customer's objects; `noun` says what that is."""

    def check(path: str) -> str:
        if form.fullmatch(path):
            return path
        within = form.search(path)
        if path.startswith("https://") and within and path.endswith(within[0]):
            raise refuse(f"{shown(path)} is a URL; its path is wanted.", example=within[0])
        if re.fullmatch(r"(organizations/.*|folders/.*|locations/global/firewallPolicies/.*|[0-9]+)", path):
            raise refuse(
                f"{shown(path)} names a hierarchical policy, and {noun} is wanted.",
                why="A hierarchical policy belongs to an organization or folder and is asked before all others: what it"
                " denies, no rule of a project opens.",
                example=example,
            )
        what = "a name" if "/" not in path else "not such a path"
        raise refuse(f"{shown(path)} is {what}, and the whole path of {noun} is wanted.", example=example)

    return check


def service_account(email: str) -> str:
    if not re.fullmatch(r"[a-z0-9-]{1,63}@[a-z0-9.-]+\.gserviceaccount\.com", email):
        raise refuse(f"{shown(email)} is not the address of a service account.")
    return email


def network_tag(tag: str) -> str:
    if tag.startswith("tagValues/"):
        raise refuse(f"{shown(tag)} is a secure tag, which firewall policies compare; a network tag is wanted.")
    if not re.fullmatch(NAME, tag):
        raise refuse(f"{shown(tag)} is not a network tag: lower-case letters, digits and hyphens, a letter first.")
    return tag


def secure_tag(tag: str) -> str:
    if not re.fullmatch(r"tagValues/[0-9]+", tag):
        raise refuse(f"{shown(tag)} is not a secure tag: tagValues/ and its number.")
    return tag


def only_stun(value: object) -> object:
    if value == "any":
        raise refuse(
            "It is any, and the rule is for names.",
            why="Direct paths need every host, which no name stands for: gcp-vpc-firewall opens that.",
            example="stun",
        )
    return udp(value)


def version_4(values: tuple[str, ...]) -> tuple[str, ...]:
    if any(":" in cidr for cidr in values):
        raise refuse("It has IPv6 ranges.", why="Secure Web Proxy knows IPv4 only.")
    return values
