"""The forms of single values that only the stack `tailnet` has: times of day, postures, server tests, secrets' places.

Like `forms`, which owns what both kinds of stacks share: each function gives the value back or says what is wrong with
it. A value that may be a pasted secret is never shown. Dies by: each raises only the error of `problems.refuse`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import time
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from pydantic import BaseModel

from components.settings.posture import is_shared, posture_item
from components.settings.problems import nearest, refuse, shown
from providers.tailnet.logins import one_spelling
from providers.tailnet.tags import TAG_IN_TEXT, is_scheme_tag

EVENTS = (
    "categoryTailnetManagement",
    "nodeCreated",
    "nodeNeedsApproval",
    "nodeApproved",
    "nodeKeyExpiringInOneDay",
    "nodeKeyExpired",
    "nodeDeleted",
    "policyUpdate",
    "userCreated",
    "userNeedsApproval",
    "userSuspended",
    "userRestored",
    "userDeleted",
    "userApproved",
    "userRoleUpdated",
    "categoryDeviceMisconfigurations",
    "subnetIPForwardingNotEnabled",
    "exitNodeIPForwardingNotEnabled",
)
"""Events that the Tailscale provider takes. A category stands for all of its events, later ones too."""


def clock(value: object) -> time:
    """`09:00`, in hours and minutes."""
    found = re.fullmatch(r"([01]\d|2[0-3]):([0-5]\d)", value) if isinstance(value, str) else None
    if found is None:
        raise refuse(f'{shown(value)} is not a time of day in quotes, like "09:00".')
    return time(int(found[1]), int(found[2]))


def zone(name: str) -> str:
    try:
        if not name.isprintable():
            raise ValueError
        ZoneInfo(name)
    except (ValueError, OSError, KeyError):  # no name at all, a folder's name, an unknown name
        raise refuse(f"{shown(name)} is not a time zone, like Europe/Berlin.") from None
    return name


def posture_name(name: str) -> str:
    if not re.fullmatch(r"posture:[a-z][a-z0-9]*(-[a-z0-9]+)?", name):
        raise refuse(
            f"{shown(name)} is not posture: and one or two words of lower-case letters and digits, with a hyphen"
            " between.",
            why="Of three words the first two could be a customer and an environment: its stack would own the posture.",
        )
    return name


def posture_condition(text: str) -> str:
    """One condition of a posture; a posture's name is none, since postures do not nest."""
    if is_shared(text):
        raise refuse(f"{shown(text)} is a posture's name, and postures do not nest.", example="node:os == 'macos'")
    return posture_item(text)


def test_source(name: str) -> str:
    """Who a server test plays: a user, group, tag, host name of the policy or an address."""
    if name == "*" or name.startswith("autogroup:") or not re.fullmatch(r"[^\s/,*]+", name):
        raise refuse(f"{shown(name)} is not one user, group, tag or host.")
    return one_spelling(_nobodys(name))


def test_target(text: str) -> str:
    """`host:port`, with one port."""
    host, _, port = text.rpartition(":")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 1 <= int(port) <= 65535:
        raise refuse(f"{shown(text)} does not end in a colon and one port.", example="tag:ci:443")
    if "@" in host and not host.startswith("group:"):
        raise refuse(
            f"{shown(text)} is a person's.",
            why="Tailscale fails a test whose destination is a user, and then refuses everybody's changes.",
            example="tag:ci:443",
        )
    test_source(host)
    return text


def event(name: str) -> str:
    if name not in EVENTS:
        near = nearest(name, EVENTS)
        raise refuse(f"{shown(name)} is not known; known: {', '.join(EVENTS)}.", example=near)
    return name


def variable(value: object) -> str:
    """The name of an environment variable. Not shown when it is none: it may be the secret itself."""
    if not isinstance(value, str) or not re.fullmatch(r"[A-Z][A-Z0-9_]{1,63}", value):
        raise refuse("It is not the name of an environment variable: capital letters, digits and underscores.")
    return value


def https_url(value: object) -> str:
    """Not shown when it is wrong: an endpoint's URL may hold its password."""
    url = value if isinstance(value, str) else ""
    try:
        parts = urlsplit(url)
        right = parts.scheme == "https" and bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        raise refuse("It is not an https URL.") from None
    if parts.username or parts.password:
        raise refuse("The URL holds a user name or a password.", why="Settings are no place for a credential.")
    if not right or not url.isprintable() or " " in url:
        raise refuse("It is not an https URL.")
    return url


def hushed(value: object) -> object:
    """A group of settings. Anything else is not shown: it may be the secret that one of them names a variable for."""
    if value is not None and not isinstance(value, Mapping | BaseModel):
        raise refuse("It must be a group of settings.")
    return value


def bucket(name: str) -> str:
    if not re.fullmatch(r"[a-z0-9][a-z0-9._-]{1,220}[a-z0-9]", name):
        raise refuse(f"{shown(name)} is not a bucket's name.")
    return name


def role_arn(arn: str) -> str:
    if not re.fullmatch(r"arn:aws(-[a-z]+)*:iam::[0-9]{12}:role/[\w+=,.@/-]{1,512}", arn):
        raise refuse(f"{shown(arn)} is not the ARN of an IAM role.")
    return arn


def word(name: str) -> str:
    if not re.fullmatch(r"[a-z][a-z0-9]*(-[a-z0-9]+)*", name) or len(name) > 32:
        raise refuse(f"{shown(name)} is not a name of lower-case letters, digits and single inner hyphens, at most 32.")
    return name


def _nobodys(text: str) -> str:
    """Refuses tags of customers: a test that names one would hold its environment's stack up when it ends."""
    found = [tag for tag in TAG_IN_TEXT.findall(text) if is_scheme_tag(tag)]
    if found:
        raise refuse(
            f"{shown(text)} names {found[0]}, which has the form of a customer's tag.",
            why="What the tailnet shares outlives every environment, and the tag goes with its environment.",
        )
    return text
