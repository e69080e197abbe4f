"""What a person does in the admin console before any program comes: people, a policy, the first credentials.

Owns these acts, done as the tailnet's owner and judged as the API would judge them. Each is in the state's file when it
returns.
"""

from __future__ import annotations

from collections.abc import Mapping

from sandbox.tailscale import credentials, keys, policy_file
from sandbox.tailscale.state import DEFAULT_USERS, State, owner


def seed(state: State, policy_text: str, users: Mapping[str, str] | None = None) -> None:
    """Begin with this policy and these people (login name -> role, exactly one owner), instead of the defaults.

    Raises policy.refusal.Refusal when the API would not accept the document.
    """
    state.data["users"] = dict(users or DEFAULT_USERS)
    policy_file.replace(state, policy_text)
    state.save()


def new_admin_key(state: State) -> str:
    """An API access token of the owner, valid for 90 days."""
    secret = keys.create_api_key(state, owner(state))
    state.save()
    return secret


def new_oauth_client(state: State, scopes: list[str], tags: list[str], description: str = "") -> tuple[str, str]:
    """An OAuth client of the owner's: its id and its secret. Raises errors.ApiError where the API would refuse it."""
    request = {"keyType": "client", "scopes": scopes, "tags": tags, "description": description}
    made = keys.create(state, credentials.owner_of(state), request)
    state.save()
    return made["id"], made["key"]
