"""Documents at random, made of the few words that matter to one environment, and what may be taken out of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from hypothesis import strategies as st

from tests.providers.analysis.documents import ACME, ACME_DEV, GLOBEX, KUBERNETES, VENDOR

Path = tuple[str | int, ...]

OWN = [ACME.kube_tag, ACME.api_tag, ACME.svc_tag("ui"), *ACME.chain_tags]
TAGS = [*OWN, ACME_DEV.kube_tag, GLOBEX.kube_tag, GLOBEX.svc_tag("net"), *GLOBEX.chain_tags, "tag:ci"]
PEOPLE = ["ada@example.com", "edsger@example.com", "group:sre", "group:net", "group:none", "autogroup:member"]
ADDRESSES = [
    "100.64.0.0/10",
    "100.64.0.0/24",
    "100.64.0.1",
    "fd7a:115c:a1e0::/48",
    "everything",
    "ipset:all",
    "10.0.0.0/9",
]
SOURCES = [*TAGS, *PEOPLE, *ADDRESSES, "*", "autogroup:tagged", "autogroup:danger-all", "user:*@example.com"]
DESTINATIONS = [*TAGS, *PEOPLE, *ADDRESSES, "*", "autogroup:tagged", "autogroup:self", "autogroup:internet"]
IP = ["*", "443", "tcp:443", "80-443", "udp:53", "tcp:22", "icmp:*"]
GROUPS = ["sre", "view", "system:masters"]


def some(values: list[Any], *, least: int = 1, most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(st.sampled_from(values), min_size=least, max_size=most, unique=True)


CAPABILITY = st.builds(lambda groups: {KUBERNETES: [{"impersonate": {"groups": groups}}]}, some(GROUPS, least=0))
GRANT = st.fixed_dictionaries(
    {"src": some(SOURCES), "dst": some(DESTINATIONS), "ip": some(IP)},
    optional={
        "app": CAPABILITY,
        "srcPosture": some(["posture:mac", "posture:new"], most=2),
        "via": some([ACME.svc_tag("net"), GLOBEX.svc_tag("net"), "tag:ci"], most=2),
    },
)
ACL = st.fixed_dictionaries(
    {
        "action": st.just("accept"),
        "src": some(SOURCES),
        "dst": st.lists(
            st.builds(
                lambda host, ports: f"{f'[{host}]' if host.count(':') > 1 else host}:{ports}",
                st.sampled_from(DESTINATIONS),
                st.sampled_from(["*", "443", "22,80-90"]),
            ),
            min_size=1,
            max_size=2,
        ),
    },
    optional={"proto": st.sampled_from(["tcp", "udp", "6"])},
)
ROUTES = ["10.0.0.0/8", "10.1.0.0/16", "fd00::/16", "0.0.0.0/0"]
SERVERS = some([ACME.svc_tag("net"), GLOBEX.svc_tag("net"), "tag:ci", ACME.chain_tags[1]])
DOCUMENT = st.fixed_dictionaries(
    {
        "groups": st.fixed_dictionaries(
            {"group:none": st.just([])},
            optional={
                "group:sre": some(["ada@example.com", "grace@example.com"], least=0),
                "group:net": some(["edsger@example.com", "ada@example.com"], least=0),
            },
        ),
        "hosts": st.just({"everything": "100.64.0.0/10"}),
        "ipsets": st.just({"ipset:all": ["add everything", "fd7a:115c:a1e0::/48"]}),
        "postures": st.just({"posture:mac": ["node:os == 'macos'"], "posture:new": ["node:tsVersion > '1.90'"]}),
        "tagOwners": st.dictionaries(st.sampled_from(TAGS), some([*TAGS, "autogroup:admin", "group:sre"], least=0)),
        "grants": st.lists(GRANT, max_size=4),
        "acls": st.lists(ACL, max_size=2),
        "nodeAttrs": st.lists(
            st.fixed_dictionaries({"target": some(SOURCES), "attr": some(["funnel", "drive:share"])}), max_size=2
        ),
        "autoApprovers": st.fixed_dictionaries(
            {
                "routes": st.dictionaries(st.sampled_from(ROUTES), SERVERS, max_size=3),
                "exitNode": st.one_of(st.just([]), SERVERS),
                "services": st.dictionaries(st.sampled_from(["svc:acme-prod-api", "svc:x"]), SERVERS, max_size=2),
            }
        ),
    }
)

_CONDITIONS = ("srcPosture", "via")
"""Lists that narrow an entry: without their last element it is wider."""


def removable(value: Any, path: Path = ()) -> Iterator[Path]:
    """The place of every entry, name and element that may go without anybody's gaining by it."""
    if isinstance(value, dict):
        for key, inner in value.items():
            if key in ("proto", "action", "postures"):
                continue
            if len(path) >= 1 and key not in _CONDITIONS:
                yield (*path, key)
            yield from removable(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            if path[-1] not in _CONDITIONS or len(value) > 1:
                yield (*path, index)
            yield from removable(inner, (*path, index))


def without(document: dict[str, Any], path: Path) -> dict[str, Any]:
    result = copy.deepcopy(document)
    inner: Any = result
    for step in path[:-1]:
        inner = inner[step]
    del inner[path[-1]]
    return result


def known_environments(document: dict[str, Any]) -> dict[str, Any]:
    """The document as it is once all the environments stand in it."""
    owners = {tag: [] for environment in (ACME, ACME_DEV, GLOBEX) for tag in (environment.kube_tag,)}
    return {**document, "tagOwners": {**document["tagOwners"], **owners}, "groups": {**VENDOR["groups"]}}
