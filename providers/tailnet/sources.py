"""Which users an operator must be allowed to impersonate for the sources of access: the function getSourceUsers.

The operator's API proxy names a person by their login and a tagged node by its full name (k8s-operator/api-proxy at
v1.96.5), so a group stands for its members, a person for themselves and a tag for the nodes that carry it today. Reads
the policy document once, and the devices once for each tag; writes nothing. What comes out becomes part of a bound in a
customer's cluster, so whatever is not plainly a login or a node's name is refused.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from .client import Client
from .logins import is_login, lowered
from .ownership import section_of
from .problems import ApiError, PolicyError, TailnetError
from .slice import read
from .tags import is_scheme_tag
from .values import is_known

_EVERYBODY = frozenset({"autogroup:member", "autogroup:members", "autogroup:shared"})
"""Owners of a tag that nobody has named."""
_NODE = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)+")


def source_users(client: Client, asked: Mapping[str, Any]) -> dict[str, dict[str, list[str]]]:
    """`users`: each of `asked["sources"]` to its users, sorted, spelled as the service does. `respelled`: each group to
    those of its members that the policy document spells otherwise.

    `asked["postures"]`, if any, must be defined in the policy document. Raises PolicyError with every source and
    posture that cannot be answered for, each with how to mend it. A tag that no device carries has no users: allowed.
    """
    sources, postures = asked.get("sources") or [], asked.get("postures") or []
    if not is_known([sources, postures]):
        raise TailnetError("getSourceUsers needs names that are known before anything is made")
    document = read(client.policy().text)
    problems = [*_undefined(document, "postures", postures)]
    users: dict[str, list[str]] = {}
    respelled: dict[str, list[str]] = {}
    for source in sources:
        try:
            named = _users(client, document, source)
            users[source] = sorted({lowered(user) for user in named})
            if source.startswith("group:") and (otherwise := sorted({user for user in named if user != lowered(user)})):
                respelled[source] = otherwise
        except PolicyError as error:
            problems.append(str(error))
    if problems:
        raise PolicyError("; ".join(problems))
    return {"users": users, "respelled": respelled}


def _users(client: Client, document: Mapping[str, Any], source: str) -> set[str]:
    if source.startswith("group:"):
        return _members(document, source)
    if source.startswith("tag:"):
        return _nodes(client, document, source)
    if not is_login(source):
        raise PolicyError(f"{source!r} is neither a group, a tag nor a person's login: correct the access entry")
    return {source}


def _members(document: Mapping[str, Any], group: str) -> set[str]:
    for problem in _undefined(document, "groups", [group]):
        raise PolicyError(problem)
    members = _list(document, "groups", group)
    strange = [member for member in members if not isinstance(member, str) or not is_login(member)]
    if strange:
        raise PolicyError(
            f"{group} has members that are no logins ({', '.join(map(repr, strange))}): the operator could then "
            "impersonate users of the cluster itself. Take them out of the group"
        )
    return set(members)


def _nodes(client: Client, document: Mapping[str, Any], tag: str) -> set[str]:
    for problem in _undefined(document, "tagOwners", [tag]):
        raise PolicyError(problem)
    owners = sorted(owner for owner in _all_owners(document, tag) if is_scheme_tag(owner))
    if owners:
        raise PolicyError(
            f"{tag} is owned by {', '.join(owners)}: whoever holds that customer's credential could make a machine "
            f"with {tag} and be let in. Take the owner out of tagOwners, or give the machines another tag"
        )
    everybody = sorted(_all_owners(document, tag) & _EVERYBODY)
    if everybody:
        raise PolicyError(
            f"{tag} is owned by {', '.join(everybody)}: whoever joins the tailnet could tag a machine of their own and "
            "be let in. Let a group own it, or give the machines another tag"
        )
    try:
        devices = client.devices(tag)
    except ApiError as error:
        raise PolicyError(f"the devices that carry {tag} cannot be listed: {error}") from None
    return {_node_name(device, tag) for device in devices}


def _node_name(device: Mapping[str, Any], tag: str) -> str:
    name = str(device.get("name") or "").removesuffix(".")
    of_customers = sorted(other for other in device.get("tags") or [] if is_scheme_tag(other))
    if of_customers:
        raise PolicyError(
            f"the device {name} carries {tag} and {', '.join(of_customers)}: one customer's node would be let in to "
            f"another. Take {tag} off that device"
        )
    if not _NODE.fullmatch(name):
        raise PolicyError(f"a device that carries {tag} has no usable name ({name!r}): rename it in the admin console")
    return name


def _all_owners(document: Mapping[str, Any], tag: str) -> set[str]:
    """Who may give a machine this tag: its owners, their owners, and so on."""
    found: set[str] = set()
    waiting = [tag]
    while waiting:
        owners = {owner for owner in _list(document, "tagOwners", waiting.pop()) if isinstance(owner, str)} - found
        found |= owners
        waiting += owners
    return found


def _list(document: Mapping[str, Any], section: str, name: str) -> list[Any]:
    """What stands under a name of a section; nothing where the name is not there. Raises PolicyError for a text."""
    value = (section_of(document, section) or {}).get(name) or []
    if isinstance(value, str):
        raise PolicyError(
            f"the policy document's {section} has {name} as {json.dumps(value)}, which is a text and must be a list: "
            f"what it names would be read letter by letter. Fix: write [{json.dumps(value)}] in its place"
        )
    return list(value)


_MEND = {
    "groups": "add it to the tailnet stack's groups and run `pulumi up -s tailnet`, correct the name, or, for a group "
    "that an identity provider brings, list its people in the setting roster",
    "tagOwners": "declare it there, owned by whoever may tag those machines, or correct the name",
    "postures": "define it there, or write its conditions into the access entry",
}


def _undefined(document: Mapping[str, Any], section: str, names: list[str]) -> Iterator[str]:
    defined = section_of(document, section) or {}
    for name in names:
        if name not in defined:
            yield f"the policy document's {section} has no {name}: {_MEND[section]}"
