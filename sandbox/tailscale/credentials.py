"""Who is calling: API keys and OAuth tokens, as Bearer or as Basic user name.

Owns recognising a credential, its scopes and its tags. Making and revoking credentials is in keys.py and oauth.py.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass

from sandbox.tailscale import scopes
from sandbox.tailscale.errors import forbidden, tags_not_permitted, unauthorized
from sandbox.tailscale.policy import document as documents
from sandbox.tailscale.state import State, fingerprint, owner

TAG_ADMINS = ("owner", "admin", "network-admin")


@dataclass(frozen=True)
class Actor:
    """`id`: the key or client behind the call. `user`: its person, empty for an OAuth client."""

    id: str
    scopes: frozenset[str]
    tags: tuple[str, ...] = ()
    user: str = ""

    def require(self, scope: str) -> None:
        """Raises 403 unless the credential covers `scope`."""
        if not self.may(scope):
            raise forbidden()

    def may(self, scope: str) -> bool:
        return scopes.covers(self.scopes, scope)


def owner_of(state: State) -> Actor:
    """The tailnet's owner, as in the admin console."""
    return Actor(id="console", scopes=frozenset({"all"}), user=owner(state))


def actor(state: State, authorization: str) -> Actor:
    """The caller behind an Authorization header. Raises 401 for none, an unknown, an expired or a revoked one."""
    secret = _secret(authorization)
    if not secret:
        raise unauthorized()
    mark, now = fingerprint(secret), state.clock.now()
    token = state.data["tokens"].get(mark)
    if token is not None:
        if now >= token["expires"] or state.data["keys"][token["client"]]["revoked"]:
            raise unauthorized()
        return Actor(token["client"], frozenset(token["scopes"]), tuple(token["tags"]))
    for key_id, key in state.data["keys"].items():
        if key["secretHash"] == mark and not key["revoked"]:
            if key["type"] == "client":
                raise forbidden()  # a client's secret is not a token
            if key["type"] == "api" and now < key["expires"]:
                return Actor(key_id, frozenset({"all"}), user=key["user"])
    raise unauthorized()


def check_tags(state: State, caller: Actor, tags: list[str]) -> None:
    """The tag rule for everything that a credential tags. Raises 400.

    Every tag must be declared in the policy. A person may assign what they own, an administrator any tag. An OAuth
    client may assign exactly its full set of tags, or tags that all are owned by one of its tags.
    """
    owners = documents.parse(state.data["policy"]).lists("tagOwners")
    if any(tag not in owners for tag in tags):
        raise tags_not_permitted(tags)
    if caller.user:
        permitted = state.data["users"].get(caller.user) in TAG_ADMINS or all(
            caller.user in _people(state, owners[tag]) for tag in tags
        )
    else:
        owned = all(set(owners[tag]) & set(caller.tags) for tag in tags)
        permitted = bool(tags) and (set(tags) == set(caller.tags) or owned)
    if not permitted:
        raise tags_not_permitted(tags)


def _people(state: State, names: list[str]) -> set[str]:
    groups = documents.parse(state.data["policy"]).lists("groups")
    return {user for name in names for user in groups.get(name, [name])}


def _secret(authorization: str) -> str:
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip()
    if kind.lower() == "basic":
        return basic(value)[0]
    return ""


def basic(value: str) -> tuple[str, str]:
    """User name and password of a Basic credential; two empty strings when it is not one."""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode().partition(":")
    except (binascii.Error, UnicodeDecodeError):
        return "", ""
    return user, password
