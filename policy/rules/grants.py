"""The grants of one environment reach that environment, from named sources, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from policy.seen import Limits, Seen

KUBERNETES = "tailscale.com/cap/kubernetes"
SLICE = "tailnet:index:PolicySlice"
WIDE_SOURCES = ("*", "autogroup:member", "autogroup:tagged", "autogroup:danger-all", "autogroup:shared")


def narrow(seen: Seen, limits: Limits) -> Iterator[str]:
    """A grant to or from more than this environment. limits: nothing."""
    del limits
    if seen.type != SLICE or seen.props.get("part") == "shared":
        return
    own = _own_tags(seen.props)
    for number, grant in enumerate(_grants(seen.props)):
        where = f"grant {number + 1}"
        for target in grant.get("dst") or ():
            host = str(target)
            if host == "*" or host.startswith("autogroup:"):
                yield f"{where} has destination {host}: it reaches every customer."
        for source in grant.get("src") or ():
            if str(source) in WIDE_SOURCES:
                yield f"{where} has source {source}: that is not a named group, person or machine."
        if KUBERNETES in (grant.get("app") or {}):
            foreign = [str(target) for target in grant.get("dst") or () if str(target) not in own]
            if foreign:
                yield f"{where} gives the Kubernetes capability on {', '.join(foreign)}: not this environment's."
        if not grant.get("ip") and not grant.get("app"):
            yield f"{where} has neither ports nor a capability."


def impersonation(seen: Seen, limits: Limits) -> Iterator[str]:
    """A capability that makes somebody more than a group of the vendor's own."""
    del limits
    if seen.type != SLICE:
        return
    for number, grant in enumerate(_grants(seen.props)):
        for rule in (grant.get("app") or {}).get(KUBERNETES) or ():
            for group in (rule.get("impersonate") or {}).get("groups") or ():
                if str(group).startswith("system:"):
                    yield f"grant {number + 1} impersonates {group}, a group of the cluster's own."


def _grants(props: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    return [
        grant
        for part in ("sections", "declared")
        for grant in (props.get(part) or {}).get("grants") or ()
        if isinstance(grant, Mapping)
    ]


def _own_tags(props: Mapping[str, Any]) -> set[str]:
    name = f"{props.get('customer')}-{props.get('environment')}"
    return {f"tag:{kind}-{name}" for kind in ("kube", "api")}
