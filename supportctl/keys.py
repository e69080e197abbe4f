"""Credentials as the Tailscale API lists them: whose they are by their tags, and which kinds the list leaves out.

Owns both readings. Changes nothing.
"""

from __future__ import annotations

from typing import Any

from providers.tailnet.client import Client

KEY_SCOPES = ("oauth_keys", "federated_keys", "auth_keys")
"""Without each of these (or its `:read`) the list of credentials leaves some out, and says nothing of it."""


KINDS = {"auth": "auth key", "client": "client", "federated": "federated"}


def key_name(key: dict[str, Any]) -> str:
    """Kind and id, by which it can be looked up. The admin console does not show an auth key that a client minted."""
    kind = str(key.get("keyType", "key"))
    return f"{KINDS.get(kind, kind)} {key['id']}"


def key_tags(key: dict[str, Any]) -> list[str]:
    """Tags of a credential: a client and a federated identity carry them, an auth key gives them to its devices."""
    create = ((key.get("capabilities") or {}).get("devices") or {}).get("create") or {}
    return [*(key.get("tags") or []), *(create.get("tags") or [])]


def unlisted(client: Client) -> list[str]:
    """Scopes that the credential in use lacks for seeing every kind; none where the API does not say what it has.

    Raises TailnetError when no token can be had.
    """
    held = client.scopes()
    if held is None or held & {"all", "all:read"}:
        return []
    return [scope for scope in KEY_SCOPES if not held & {scope, f"{scope}:read"}]
