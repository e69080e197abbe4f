"""What of an environment is left at Tailscale: in the policy document, among credentials, devices and Services.

Owns the questions. Everything is found by the environment's name alone, so neither a state nor a stack's file is
needed. What the customer's environments share counts as left only when no environment of the customer is left.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from providers.tailnet.client import Client
from providers.tailnet.ownership import section_of, strings
from providers.tailnet.slice import read
from providers.tailnet.tags import TAG_IN_TEXT, Environment, environment_of
from supportctl.keys import key_name, key_tags, unlisted
from supportctl.verify.absence import Line, UnseenError, looked


def tailnet_lines(client: Client, environment: Environment) -> Iterator[Line]:
    """Each answer as soon as it is there."""
    document: dict[str, Any] = {}

    def policy() -> list[str]:
        document.update(read(client.policy().text))
        return mentions(document, environment)

    yield looked("policy", "GET /tailnet/-/acl: every section, every name and tag in it", policy)
    shared = () if has_siblings(document, environment) else environment.chain_tags
    if not document:  # it was not read: whether somebody shares them is not known
        shared = ()

    def is_left(tags: Sequence[str]) -> bool:
        return any(environment.owns(tag) for tag in tags) or bool(tags and set(tags) <= set(shared))

    def keys() -> list[str]:
        listed = client.keys()
        found = [(key, key_tags(key)) for key in listed if is_left(key_tags(key))]
        if not found:
            _require_key_scopes(client)
        return [f"{key_name(key)} ({', '.join(tags)})" for key, tags in found]

    def devices() -> list[str]:
        found = [device for device in client.devices() if is_left(device.get("tags") or [])]
        return [f"{device.get('name')} ({device.get('nodeId')}), {_seen(device)}" for device in found]

    def services() -> list[str]:
        return [str(service["name"]) for service in client.services() if is_left(service.get("tags") or [])]

    yield looked("credentials", "GET /tailnet/-/keys?all=true: OAuth clients, identities, auth keys, by tag", keys)
    yield looked("devices", "GET /tailnet/-/devices: by tag", devices)
    yield looked("services", "GET /tailnet/-/vip-services: by tag", services)


def mentions(document: Mapping[str, Any], environment: Environment) -> list[str]:
    """What in a policy document still speaks of the environment, a line for each section and name.

    The mark that a kill leaves is none of it: it grants nothing and keeps the environment from coming back.
    """
    chain = set() if has_siblings(document, environment) else set(environment.chain_tags)
    found: dict[str, None] = {}
    for section, value in document.items():
        for text in strings(value):
            for name in (*TAG_IN_TEXT.findall(text), *text.split()):
                if environment.owns(name) or environment.owns_name(name) or name in chain:
                    found[f"{section} names {name}"] = None
    return list(found)


def has_siblings(document: Mapping[str, Any], environment: Environment) -> bool:
    """Whether another environment of the customer stands in the document: they share the customer's chain tags."""
    owners = section_of(document, "tagOwners")
    others = [environment_of(tag) for tag in owners] if isinstance(owners, Mapping) else []
    return any(other and other.customer == environment.customer and other != environment for other in others)


def _require_key_scopes(client: Client) -> None:
    missing = unlisted(client)
    if missing:
        raise UnseenError(
            f"the credential in use cannot list all kinds: it lacks {', '.join(missing)} (:read suffices)"
        )


def _seen(device: Mapping[str, Any]) -> str:
    return "online" if device.get("connectedToControl") else f"last seen {device.get('lastSeen') or 'never'}"
