"""OAuth scopes: which there are, and which call each of them covers.

Owns the list (the documented one, without the scopes that were retired) and the rule that write covers read.
"""

from __future__ import annotations

from collections.abc import Collection

_WRITABLE = (
    "all",
    "account_settings",
    "auth_keys",
    "device_invites",
    "devices:core",
    "devices:posture_attributes",
    "devices:routes",
    "dns",
    "feature_settings",
    "federated_keys",
    "log_streaming",
    "networking_settings",
    "oauth_keys",
    "policy_file",
    "services",
    "user_invites",
    "users",
    "webhooks",
    "logs:network",
)
SCOPES = frozenset([*_WRITABLE, *(f"{name}:read" for name in _WRITABLE), "logs:configuration:read"])

# A credential with one of these must carry tags.
NEED_TAGS = frozenset({"devices:core", "auth_keys"})
# The policy names devices and their attributes, so its scope comes with these on the same credential.
POLICY_NEEDS = ("devices:core:read", "devices:posture_attributes")


def covers(held: Collection[str], needed: str) -> bool:
    """Does a credential with the scopes `held` cover `needed`?"""
    if "all" in held or needed in held:
        return True
    if needed.endswith(":read"):
        return "all:read" in held or needed.removesuffix(":read") in held
    return False
