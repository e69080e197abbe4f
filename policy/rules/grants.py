"""The grants of one environment reach that environment, from named sources, and nothing else; nobody else makes its
machines or speaks for them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any

from policy.seen import TAILNET, Limits, Seen, environment_tag, listed, texts

KUBERNETES = ("tailscale.com/cap/kubernetes", "https://tailscale.com/cap/kubernetes")
"""The capability, and its old name: the API proxy takes that one where it finds none of the new."""
SLICE = "tailnet:index:PolicySlice"
OLDER = ("acls", "ssh")
"""Sections that let in as grants do, and know neither capabilities nor `via`."""
INTERNET = "autogroup:internet"
_MACHINE = re.compile(r"tag:(?!(k8s|cust|kube|api|rec|svc)-)[a-z0-9-]+", re.IGNORECASE)
"""A tag of the vendor's own machines: of no environment."""
ADMINISTRATORS = "autogroup:admin"


def narrow(seen: Seen, limits: Limits) -> Iterator[str]:
    """A grant to or from more than this environment, or a tag that somebody else may give. limits: nothing."""
    del limits
    if seen.type != SLICE:
        return
    shared = seen.props.get("part") == "shared"
    if shared and seen.stack != TAILNET:
        yield f"its part is shared, which is the whole tailnet's: only the stack `{TAILNET}` may own it."
    environment = f"{seen.props.get('customer')}-{seen.props.get('environment')}"
    if not shared and environment != seen.stack:
        yield f"it is of {environment}, and the stack is {seen.stack}: each environment has its own."
    for section in OLDER:
        if any(_sections(seen.props, section)):
            yield f"it has {section}: what lets somebody in is a grant."
    for number, grant in enumerate(_sections(seen.props, "grants")):
        where = f"grant {number + 1}"
        for source in listed(grant.get("src")):
            if not _named(str(source)):
                yield f"{where} has source {source}: that is not a named group, person or machine."
            elif not shared and not _may_enter(seen.stack, str(source)):
                yield f"{where} has source {source}: it is on machines of another environment."
        for target in map(str, listed(grant.get("dst"))):
            if target == "*" or (target.startswith("autogroup:") and target != INTERNET):
                yield f"{where} has destination {target}: it reaches every customer."
            elif not shared and not _reaches_own(seen.stack, grant, target):
                yield f"{where} has destination {target}: it is not of {seen.stack}, nor behind its machines (via)."
        if any(name in (grant.get("app") or {}) for name in KUBERNETES):
            foreign = [tag for tag in map(str, listed(grant.get("dst"))) if tag not in _api_tags(seen.stack)]
            if foreign:
                yield f"{where} gives the Kubernetes capability on {', '.join(foreign)}: not this environment's."
        if not grant.get("ip") and not grant.get("app"):
            yield f"{where} has neither ports nor a capability."
    if not shared:
        yield from _owners(seen)
        yield from _approvers(seen)


def impersonation(seen: Seen, limits: Limits) -> Iterator[str]:
    """A capability that makes somebody more than a group of the vendor's own."""
    del limits
    if seen.type != SLICE:
        return
    for number, grant in enumerate(_sections(seen.props, "grants")):
        for name in KUBERNETES:
            for rule in (grant.get("app") or {}).get(name) or ():
                for group in listed((rule.get("impersonate") or {}).get("groups")):
                    if str(group).startswith("system:"):
                        yield f"grant {number + 1} impersonates {group}, a group of the cluster's own."


def _named(source: str) -> bool:
    """A group, a tag, or a person: no network, no host, and no pattern that takes in whoever comes later."""
    if "*" in source or source.startswith(("autogroup:", "user:")):
        return False
    return source.startswith(("group:", "tag:")) or "@" in source


def _reaches_own(stack: str, grant: Mapping[str, Any], target: str) -> bool:
    """Whether what is reached is the environment's: its machines, or what lies behind them; or whether they are the
    ones who reach one kind of machine of the vendor's."""
    via, sources = ([str(each) for each in listed(grant.get(key))] for key in ("via", "src"))
    if environment_tag(stack, target):
        return True
    if via and all(environment_tag(stack, tag) for tag in via):
        return True
    from_here = bool(sources) and all(environment_tag(stack, tag) for tag in sources)
    return from_here and (_of_sibling(stack, target) or _MACHINE.fullmatch(target) is not None)


def _may_enter(stack: str, source: str) -> bool:
    """Whether a source, if it is a tag, is on machines of the vendor's or of this environment, or on an exposure of
    another environment of the same customer."""
    own = environment_tag(stack, source) or _of_sibling(stack, source)
    return own or not source.startswith("tag:") or _MACHINE.fullmatch(source) is not None


def _of_sibling(stack: str, tag: str) -> bool:
    """An exposure of any environment of the stack's customer. A customer's name may begin as another's does."""
    customer = re.escape(stack.rpartition("-")[0])
    return re.fullmatch(rf"tag:svc-{customer}-[a-z0-9]+-[a-z0-9]+", tag) is not None


def _owners(seen: Seen) -> Iterator[str]:
    """Who may put a tag of this environment on a machine: who deploys, and for its proxies its own operator."""
    customer = seen.stack.rpartition("-")[0]
    operators = (f"tag:k8s-operator-{customer}", f"tag:kube-{seen.stack}")
    own = (*operators, f"tag:k8s-{customer}", f"tag:cust-{customer}")
    for tag, owners in _mapping(seen.props, "tagOwners").items():
        if tag not in own and not environment_tag(seen.stack, tag):
            yield f"it declares {tag}, which is not of {seen.stack}."
        for owner in map(str, listed(owners)):
            deploys = owner == ADMINISTRATORS or _MACHINE.fullmatch(owner)
            if not deploys and (tag in operators or owner not in operators):
                yield f"{owner} owns {tag}: whoever that is could make a machine that passes for one of {seen.stack}."


def _approvers(seen: Seen) -> Iterator[str]:
    """Whose routes, exit nodes and services need nobody's approval: the environment's own machines'."""
    for kind, approved in _mapping(seen.props, "autoApprovers").items():
        named = [*texts(approved), *(approved if kind == "services" else ())]
        if foreign := sorted({tag for tag in named if not environment_tag(seen.stack, tag)}):
            yield f"it approves {kind} of {', '.join(foreign)}, which is not of {seen.stack}."


def _mapping(props: Mapping[str, Any], section: str) -> Mapping[str, Any]:
    found = (props.get("sections") or {}).get(section)
    return found if isinstance(found, Mapping) else {}


def _sections(props: Mapping[str, Any], section: str) -> list[Mapping[str, Any]]:
    return [
        entry
        for part in ("sections", "declared")
        for entry in (props.get(part) or {}).get(section) or ()
        if isinstance(entry, Mapping)
    ]


def _api_tags(stack: str) -> tuple[str, ...]:
    return (f"tag:kube-{stack}", f"tag:api-{stack}")
