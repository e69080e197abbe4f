"""What the tailnet's own settings mean for every environment: the function getTailnetConditions.

Owns three conditions and their messages: MagicDNS, HTTPS certificates, and whether another owner writes the policy
document. Two calls, each made once and briefly; what the credential may not read, or what is not answered, is
`unknown` and never an error. Changes nothing: the stack `tailnet` owns the settings.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import urlsplit

from .client import Client
from .problems import TailnetError


@dataclass(frozen=True, slots=True)
class Condition:
    """failed: engineers cannot get in. warning: they can, and it may end. message: what, why and the fix; empty for
    ok."""

    name: Literal["magicDns", "https", "policyOwner"]
    state: Literal["ok", "failed", "warning", "unknown"]
    message: str = ""


def tailnet_conditions(client: Client, _asked: Mapping[str, Any]) -> list[dict[str, str]]:
    """The conditions as plain data."""
    return [asdict(condition) for condition in conditions(client)]


def conditions(client: Client) -> list[Condition]:
    """Every condition of the client's tailnet."""
    settings, why = _answer(client.tailnet_settings)
    dns, why_dns = _answer(client.dns_preferences)
    return [_magic_dns(dns.get("magicDNS"), why_dns), _https(settings.get("httpsEnabled"), why), _owner(settings, why)]


def _answer(query: Callable[[], dict[str, Any]]) -> tuple[dict[str, Any], str]:
    """The answer, or nothing and why."""
    try:
        return query(), ""
    except TailnetError as error:
        return {}, f": {error}"


def _magic_dns(enabled: object, why: str) -> Condition:
    if enabled is True:
        return Condition("magicDns", "ok")
    if enabled is not False:
        return Condition("magicDns", "unknown", f"MagicDNS is not checked (scope dns:read){why}")
    return Condition(
        "magicDns",
        "failed",
        "MagicDNS is off in the tailnet: devices have no names and get no certificates, so every kubectl fails. Fix: "
        "turn it on in the admin console (DNS), or take support-access:tailnet.magicDns out of the stack tailnet and "
        "run `pulumi up -s tailnet`",
    )


def _https(enabled: object, why: str) -> Condition:
    if enabled is True:
        return Condition("https", "ok")
    if enabled is not False:
        return Condition("https", "unknown", f"HTTPS is not checked (scope networking_settings:read){why}")
    return Condition(
        "https",
        "failed",
        "HTTPS certificates are off in the tailnet: the operator gets none, so every kubectl ends in `tls: internal "
        "error`. Fix: turn them on in the admin console (DNS, HTTPS Certificates), or take "
        "support-access:tailnet.https out of the stack tailnet and run `pulumi up -s tailnet`",
    )


def _owner(settings: Mapping[str, Any], why: str) -> Condition:
    managed = settings.get("aclsExternallyManagedOn")
    link = _link(str(settings.get("aclsExternalLink") or ""))
    if managed is False:
        return Condition("policyOwner", "ok")
    if managed is not True:
        return Condition(
            "policyOwner", "unknown", f"Whether another owner writes the policy is not checked (policy_file:read){why}"
        )
    return Condition(
        "policyOwner",
        "warning",
        "The tailnet's settings name another owner of the policy document (aclsExternallyManagedOn): "
        f"{link}. Such an owner overwrites the whole document at its "
        "next push, the entries of these stacks included, and engineers lose access until the next `pulumi up`. Fix: "
        "stop those pushes, or have them keep entries that they do not know. If the link is where these stacks are "
        "kept, there is nothing to do",
    )


def _link(url: str) -> str:
    """A link as a log may show it: without user, password, query and fragment, which may hold a credential."""
    if not url:
        return "no link is set"
    hidden = "the link that is set is no plain https URL and cannot be shown"
    try:
        parts = urlsplit("".join(filter(str.isprintable, url)))
        host = f"{parts.hostname}:{parts.port}" if parts.port else parts.hostname
    except ValueError:
        return hidden
    if host is None or parts.scheme not in ("http", "https") or "@" in parts.path:
        return hidden
    return f"{parts.scheme}://{host}{parts.path}"
