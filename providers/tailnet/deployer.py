"""Does the credential in use fit the setting `deployer`, who owns the environments' tags in the policy?

Owns that judgement and its words, for a warning at preview. It never holds anything up: what cannot be known is no
problem, each question is asked once, and the API itself refuses at `up` what does not fit. A credential that can only
read is never wrong: it only previews, and another one deploys.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, TypeGuard

from .client import Client
from .ownership import section_of
from .problems import TailnetError
from .slice import read

ADMIN = "autogroup:admin"

_PREVIEW = "If another credential deploys and this one only previews, there is nothing to do."


def deployer_problem(client: Client, deployer: str) -> str | None:
    """Why `up` with the credential in use may be refused the environments' tags, and how to mend it; None if it fits.

    `deployer`: `autogroup:admin`, or a tag. None also where it cannot be known, for instance when no answer comes.
    """
    try:
        if client.credentials.api_key:
            return _of_api_key(client, deployer)
        scopes = client.scopes()
        if scopes is not None and _reads_only(scopes):
            return None
        if deployer == ADMIN:
            return _of_client_as_admin(client)
        return _of_client(client, deployer) if deployer.startswith("tag:") else None
    except TailnetError:
        return None


def _of_api_key(client: Client, deployer: str) -> str | None:
    if not deployer.startswith("tag:"):
        return None
    return (
        f"deployer is {deployer}, but {client.credentials.variables} is a person's key, which carries no tag: it may "
        f"assign the environments' tags only while that person is an administrator. Run `up` with an OAuth client or a "
        f"federated identity that carries {deployer}, or set deployer to {ADMIN}. {_PREVIEW}"
    )


def _of_client_as_admin(client: Client) -> str:
    used = client.credentials
    return (
        f"deployer is {ADMIN}, but {used.variables} belong to {_kind(client)} {used.client_id}, which is no person: it "
        "may assign only tags that its own tags own, and `up` would be refused the environments' tags. Set deployer to "
        f"a tag that it carries, or run `up` with an administrator's API key. {_PREVIEW}"
    )


def _of_client(client: Client, deployer: str) -> str | None:
    tags = _tags(client.key(client.credentials.client_id))
    if tags is None or deployer in tags:
        return None
    owners = section_of(read(client.policy().text), "tagOwners")
    declared = owners.get(deployer) if isinstance(owners, dict) else None
    if _is_texts(declared) and tags.intersection(declared):
        return None
    carried = ", ".join(sorted(tags)) or "no tag"
    return (
        f"deployer is {deployer}, but {_kind(client)} {client.credentials.client_id} carries {carried}, which neither "
        f"is nor owns it: `up` would be refused the environments' tags. Give it {deployer} (Settings, Trust "
        f"credentials), or set deployer to a tag that it carries. {_PREVIEW}"
    )


def _tags(key: dict[str, Any]) -> set[str] | None:
    """The tags of a client or an identity; None where the answer does not say, or where it can only read."""
    tags, scopes = key.get("tags") or [], key.get("scopes")
    if not _is_texts(tags) or not _is_texts(scopes) or _reads_only(scopes):
        return None
    return set(tags)


def _is_texts(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _reads_only(scopes: Iterable[str]) -> bool:
    return all(scope.endswith(":read") for scope in scopes)


def _kind(client: Client) -> str:
    return "the federated identity" if client.credentials.identity is not None else "the OAuth client"
