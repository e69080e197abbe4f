"""Conditions on the device that somebody comes from: `node:os == 'macos'`, or the name of a shared posture.

Owns the form of both, as Tailscale documents them, and the name of an environment's own posture. Does not judge any
device: Tailscale's control server does, at every change of the device. Dies by: nothing; pure text.

No recorded answer of the real policy API has a posture in it, so this follows the documentation (device posture
management, policy syntax) and no further: what it does not describe is refused here. A condition on an attribute that
no device has never holds, so the names of Tailscale's own attributes are checked too.
"""

from __future__ import annotations

import re
from hashlib import sha256

from components.naming import Names
from components.settings.problems import nearest, refuse, shown

NODE_ATTRIBUTES = (
    "node:os",
    "node:osVersion",
    "node:tsAutoUpdate",
    "node:tsReleaseTrack",
    "node:tsStateEncrypted",
    "node:tsVersion",
)
"""What every client reports of itself."""

VERSIONS = ("node:osVersion", "node:tsVersion")
"""Attributes whose quoted value is a version, so that it has an order."""

_SHARED = re.compile(r"posture:[A-Za-z][A-Za-z0-9_-]{0,62}")
_OF_AN_ENVIRONMENT = re.compile(r"posture:[a-z][a-z0-9]*(-[a-z0-9]+)*-[a-z][a-z0-9]*-[a-z][a-z0-9]*")
_TEXT = r"(?:'[^'\"\\]*'|\"[^'\"\\]*\")"
_NUMBER = r"-?[0-9]+(?:\.[0-9]+)?"
_CONDITION = re.compile(
    r"(?P<name>[A-Za-z][A-Za-z0-9]*:[A-Za-z0-9_.-]+)"
    rf"(?:\s*(?P<compare>==|!=|<=|>=|<|>)\s*(?P<value>{_TEXT}|true|false|{_NUMBER})"
    rf"|\s+(?P<choose>NOT IN|IN)\s+\[\s*{_TEXT}(?:\s*,\s*{_TEXT})*\s*\]"
    r"|\s+(?P<present>IS SET|NOT SET))"
)
_EXAMPLE = "node:os == 'macos'"


def posture_item(text: str) -> str:
    """One element of a `posture` list: a shared posture's name, or one condition."""
    if text.startswith("posture:"):
        if not _SHARED.fullmatch(text):
            raise refuse(
                f"{shown(text)} is not the name of a posture: posture: and letters, digits, hyphens and underscores.",
                example="posture:managed-mac",
            )
        if _OF_AN_ENVIRONMENT.fullmatch(text):
            raise refuse(
                f"{shown(text)} has the form of one environment's own posture.",
                why="That environment's stack changes it and takes it away. A shared posture has one or two words.",
                example="posture:managed-mac",
            )
        return text
    return _condition(text)


def one_meaning(items: tuple[str, ...]) -> tuple[str, ...]:
    """A list that can only be read in one way: conditions that all must hold, or one shared posture."""
    names = [each for each in items if is_shared(each)]
    if names and len(items) > 1:
        raise refuse(
            f"It names {names[0]} and has {len(items)} elements.",
            why="Everything in the list must hold. Tailscale takes postures that stand side by side as alternatives,"
            " so a device would get in that meets only one of them.",
            example=[names[0]],
        )
    if len(set(items)) < len(items):
        raise refuse("It says one condition twice.", why="Who removes one of them would think that it is gone.")
    return items


def is_shared(text: str) -> bool:
    """Whether an element is the name of a posture that the tailnet's policy defines."""
    return text.startswith("posture:")


def own_name(names: Names, conditions: tuple[str, ...]) -> str:
    """What an environment calls its own posture with these conditions: `posture:acme-prod-p3f2a9c1d04be`.

    The last word comes from the conditions, in whatever order: other conditions are another posture, which a grant
    never names before the access slice has written it.
    """
    digest = sha256("\n".join(sorted(conditions)).encode()).hexdigest()
    return f"posture:{names.name}-p{digest[:12]}"


def _condition(text: str) -> str:
    found = _CONDITION.fullmatch(text)
    if not found or not text.isprintable():
        raise refuse(
            f"{shown(text)} is neither a condition nor the name of a shared posture.",
            why="A condition is an attribute, an operator (==, !=, <, <=, >, >=, IN, NOT IN, IS SET, NOT SET) and a"
            " value: text in quotes, a number, true, false, or a list of texts in brackets.",
            example=_EXAMPLE,
        )
    name = found["name"]
    if name.startswith("node:") and name not in NODE_ATTRIBUTES:
        near = nearest(name, NODE_ATTRIBUTES)
        raise refuse(
            f"No client reports {shown(name)}; " + (f"did you mean {near}?" if near else "known: ") + _known(near),
            why="A condition on an attribute that a device does not have never holds: nobody would get in.",
            example=text.replace(name, near) if near else _EXAMPLE,
        )
    if found["present"] and not name.startswith("custom:"):
        raise refuse(
            f"{found['present']} is for attributes of your own (custom:...), and this one is {name}.",
            why="What a client does not report of itself would count as a condition that is met.",
            example=_EXAMPLE,
        )
    ordered = found["compare"] in ("<", "<=", ">", ">=")
    if ordered and not (found["value"][0] in "'\"" if name in VERSIONS else found["value"][0] in "-0123456789"):
        raise refuse(
            f"{found['compare']} compares versions ({', '.join(VERSIONS)}, in quotes) and numbers;"
            f" {name} {found['compare']} {found['value']} is neither.",
            example="node:tsVersion >= '1.80'",
        )
    return text


def _known(near: str | None) -> str:
    return "" if near else ", ".join(NODE_ATTRIBUTES) + "."
