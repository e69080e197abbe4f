"""Which ways to serve the cluster's API are possible, and what each asks of the other settings.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own the
combinations of mode, replicas, access, exposures and the credential's scopes. Do not own the form of one value.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.credential import REACH, needed_scopes
from components.settings.environment_checks import declared_names
from components.settings.operator_checks import exposes_by_operator, exposures, section
from components.settings.problems import Problem, config_key, remove_command, set_command, shown
from components.settings.role import Role

PROXY = ("operator", "apiServerProxy")
ACCESS_EXAMPLE = [{"from": "group:highflame-sre", "role": "read-only"}]


def check_mode(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """The mode fits who is let in, and as what."""
    mode, access = section(raw, *PROXY).get("mode", "auth"), raw.get("access")
    entries = access if isinstance(access, list) else None
    if mode == "none":
        yield from _nothing_served(stack, raw, entries)
    elif entries == []:
        yield Problem(
            config_key(("access",)),
            "It is empty.",
            "With nobody in it there is nothing to grant. To cut the access off, destroy the stack; to serve exposures"
            " alone, say so in operator.apiServerProxy.mode.",
            f"{set_command(stack, ('access',), ACCESS_EXAMPLE)}\nor {set_command(stack, (*PROXY, 'mode'), 'none')}",
        )
    own = Role.OWN_CREDENTIAL.value
    for index, entry in enumerate(entries or []):
        role = entry.get("role") if isinstance(entry, dict) else None
        key = ("access", index, "role")
        if mode == "noauth" and isinstance(role, str) and role != own:
            yield Problem(
                config_key(key),
                f"It is {shown(role)}, and operator.apiServerProxy.mode is noauth.",
                "The proxy then impersonates nobody: what somebody may do follows from the customer's own credential"
                " that they bring, and no role of this stack would apply.",
                f"{set_command(stack, key, own)}\nor {set_command(stack, (*PROXY, 'mode'), 'auth')}",
            )
        if mode == "auth" and role == own:
            yield Problem(
                config_key(key),
                f"It is {own}, and operator.apiServerProxy.mode is auth.",
                "The proxy then drops every credential that a request brings and impersonates its sender.",
                f"{set_command(stack, key, 'read-only')}\nor {set_command(stack, (*PROXY, 'mode'), 'noauth')}",
            )


def check_replicas(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What belongs to highly available proxies alone is not set without them, and names do not meet."""
    api = section(raw, *PROXY)
    hostname, replicas = api.get("hostname"), api.get("replicas")
    if hostname is not None and replicas is None:
        yield Problem(
            config_key((*PROXY, "hostname")),
            "It is set, and replicas is not.",
            "The operator itself serves the API then, under the name operator.hostname.",
            f"{remove_command(stack, (*PROXY, 'hostname'))}\nor {set_command(stack, (*PROXY, 'replicas'), 2)}",
        )
    names = declared_names(raw)
    if names is None or replicas is None:
        return
    operator = section(raw, "operator").get("hostname") or names.hostname
    served = hostname or names.api_hostname
    if served == operator:
        yield Problem(
            config_key((*PROXY, "hostname")),
            f"It is {shown(served)}, the operator's own host name.",
            "A device and a Service of one name cannot both be reached by it.",
            set_command(stack, (*PROXY, "hostname"), names.api_hostname),
        )
    for exposure in exposures(raw):
        if (exposure.get("hostname") or f"{names.name}-{exposure.get('name')}") == served:
            yield Problem(
                config_key((*PROXY, "hostname")),
                f"Exposure {shown(exposure.get('name'))} has the host name {shown(served)} too.",
                "Whichever comes second silently becomes -1, and its address with it.",
                set_command(stack, (*PROXY, "hostname"), f"{names.name}-kubeapi"),
            )


def check_recorder_is_read(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A recorder records sessions that the API proxy sees as somebody's."""
    mode = section(raw, *PROXY).get("mode", "auth")
    if raw.get("recorder") is not None and mode in ("noauth", "none"):
        yield Problem(
            config_key(("recorder",)),
            f"It is set, and operator.apiServerProxy.mode is {mode}.",
            "Only the proxy of mode auth looks at who calls and has their sessions recorded."
            if mode == "noauth"
            else "Without the API no session passes that could be recorded.",
            f"{remove_command(stack, ('recorder',))}\nor {set_command(stack, (*PROXY, 'mode'), 'auth')}",
        )


def check_scopes(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Scopes that reach beyond the environment are acknowledged."""
    available = section(raw, *PROXY).get("replicas") is not None
    proxies = exposes_by_operator(raw) or raw.get("recorder") is not None
    needed = [scope for scope in needed_scopes(proxies=proxies, services=available) if scope in REACH]
    acknowledged = section(raw, "credential").get("acknowledge", [])
    if not isinstance(acknowledged, list):
        return
    key = ("credential", "acknowledge")
    missing = [scope for scope in needed if scope not in acknowledged]
    if missing:
        could = "; ".join(f"{scope}: {reach}" for scope, reach in REACH.items() if scope in missing)
        yield Problem(
            config_key(key),
            f"It does not name {' and '.join(missing)}, which the operator's credential needs"
            f" ({', '.join(_causes(raw, available=available))}).",
            f"Tailscale does not limit these scopes by tag: whoever reads the Secret in this cluster could ({could}).",
            f"{set_command(stack, key, needed)}\nor do without: the API served by the operator alone needs neither",
        )


def _nothing_served(stack: str, raw: Mapping[str, Any], entries: list[Any] | None) -> Iterator[Problem]:
    mode = (*PROXY, "mode")
    if not exposures(raw):
        yield Problem(
            config_key(mode),
            "It is none, and nothing is exposed.",
            "Then the stack would install an operator that nobody reaches.",
            f"{set_command(stack, mode, 'auth')}\nor declare an exposure in expose, or destroy the stack",
        )
    if entries:
        yield Problem(
            config_key(("access",)),
            "It lets people in, and operator.apiServerProxy.mode is none.",
            "Nothing serves them the API: the entries would look as if they were in force. Exposures name who reaches"
            " them themselves.",
            f"{set_command(stack, ('access',), [])}\nor {set_command(stack, mode, 'auth')}",
        )
    if section(raw, *PROXY).get("replicas") is not None:
        yield Problem(
            config_key((*PROXY, "replicas")),
            "It is set, and mode is none.",
            "Replicas serve the API, and mode none serves none.",
            f"{remove_command(stack, (*PROXY, 'replicas'))}\nor {set_command(stack, mode, 'auth')}",
        )


def _causes(raw: Mapping[str, Any], *, available: bool) -> Iterator[str]:
    if available:
        yield "operator.apiServerProxy.replicas"
    if exposes_by_operator(raw):
        yield "expose"
    if raw.get("recorder") is not None:
        yield "recorder"
