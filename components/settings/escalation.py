"""What an RBAC rule of somebody's own opens beyond reading and everyday repair, finding by finding.

Owns the list of what escalates in Kubernetes: the documented privileges that lead to more than the rule says (Role
Based Access Control Good Practices), impersonation old and constrained (KEP-5284), and what reaches into pods, nodes
and the network. Owns RBAC's own matching: `*`, and `*/subresource`. Not whether a finding is accepted (role.py).
What is not listed is no finding: a new kind of object that Kubernetes adds is one to list here. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple, Protocol

READ: Final = ("get", "list", "watch")
CHANGE: Final = ("create", "update", "patch")
REMOVE: Final = ("delete", "deletecollection")
VERBS: Final = (*READ, *CHANGE, *REMOVE)

SPECIAL_VERBS: Final = {
    "impersonate": "impersonate",
    "escalate": "escalate",
    "bind": "bind",
    "approve": "certificate",
    "sign": "certificate",
    "attest": "certificate",
    "use": "escalate",
}
"""Verbs that are no request on the resource but a permission of their own, to the finding; on whatever they stand."""

HARMLESS_SUBRESOURCES: Final = frozenset({"status", "scale", "log", "eviction"})

KINDS: Final = {
    "wildcard": "it takes in whatever a later Kubernetes release or the customer's own API adds",
    "secrets": "it opens or replaces credentials of the customer",
    "token": "it makes a credential that outlives the access",
    "certificate": "it makes a client certificate, and with it any user of the cluster",
    "impersonate": "whoever may act as somebody else has their rights",
    "escalate": "it gives a role more than its giver has",
    "bind": "it gives somebody a role that the giver does not have",
    "rbac": "it changes who may do what in the customer's cluster",
    "exec": "it runs commands in the customer's containers, with their rights and their Secrets",
    "proxy": "it goes past the API server to a pod, a service or a node, and past the audit log",
    "workload": "a pod of one's own runs as any ServiceAccount and mounts any Secret of its namespace",
    "exposure": "it opens the cluster, or a part of it, to the network",
    "control": "it governs the cluster itself: what is admitted, stored, named or routed",
    "subresource": "it acts in a way of its own that this list does not know",
}
"""Name of each finding, as exceptions name it, to why it is one."""


class RuleLike(Protocol):
    """An RBAC rule: API groups, resources and verbs, each by name or `*`; names: of objects, none for all."""

    @property
    def api_groups(self) -> tuple[str, ...]: ...
    @property
    def resources(self) -> tuple[str, ...]: ...
    @property
    def verbs(self) -> tuple[str, ...]: ...
    @property
    def resource_names(self) -> tuple[str, ...] | None: ...


class Finding(NamedTuple):
    """kind: of KINDS. subject: `VERB[,VERB] RESOURCE[.GROUP][/SUBRESOURCE][ named NAME]`, verbs in their own order."""

    kind: str
    subject: str


@dataclass(frozen=True, slots=True)
class _Danger:
    """These verbs on these resources of one API group; no resources: every one of the group."""

    kind: str
    group: str
    resources: tuple[str, ...]
    verbs: tuple[str, ...]


_ALL, _WRITE = VERBS, (*CHANGE, *REMOVE)
_RBAC = ("roles", "clusterroles", "rolebindings", "clusterrolebindings")
_DANGERS: Final = (
    _Danger("secrets", "", ("secrets",), _ALL),
    _Danger("token", "", ("serviceaccounts/token",), _ALL),
    _Danger("certificate", "certificates.k8s.io", (), _WRITE),
    _Danger("rbac", "rbac.authorization.k8s.io", _RBAC, _WRITE),
    _Danger("exec", "", ("pods/exec", "pods/attach", "pods/ephemeralcontainers"), _ALL),
    # Exec and proxy are reached by GET too: reading verbs are no less.
    _Danger("proxy", "", ("nodes/log", "nodes/proxy", "pods/proxy", "services/proxy", "pods/portforward"), _ALL),
    _Danger("workload", "", ("pods", "replicationcontrollers", "podtemplates"), CHANGE),
    _Danger(
        "workload", "apps", ("controllerrevisions", "daemonsets", "deployments", "replicasets", "statefulsets"), CHANGE
    ),
    _Danger("workload", "batch", ("cronjobs", "jobs"), CHANGE),
    _Danger("exposure", "", ("services", "services/status"), CHANGE),
    _Danger("exposure", "networking.k8s.io", (), _WRITE),
    _Danger("exposure", "gateway.networking.k8s.io", (), _WRITE),
    _Danger("exposure", "tailscale.com", (), _WRITE),
    # Config maps hold whom a cloud lets in (aws-auth) and how names resolve; a label of a namespace lifts its bounds;
    # an annotation of a ServiceAccount is a role in the cloud; a persistent volume may be a node's own disk; a Service
    # leads to the address in a pod's status.
    _Danger("control", "", ("configmaps", "endpoints", "namespaces", "nodes", "nodes/status", "pods/status"), _WRITE),
    _Danger("control", "", ("persistentvolumes", "serviceaccounts"), CHANGE),
    _Danger("control", "discovery.k8s.io", ("endpointslices",), _WRITE),
    _Danger("control", "storage.k8s.io", (), _WRITE),
    _Danger("control", "admissionregistration.k8s.io", (), _WRITE),
    _Danger("control", "apiextensions.k8s.io", (), _WRITE),
    _Danger("control", "apiregistration.k8s.io", (), _WRITE),
    _Danger("control", "flowcontrol.apiserver.k8s.io", (), _WRITE),
)
_KNOWN_SUBRESOURCES: Final = {resource for danger in _DANGERS for resource in danger.resources if "/" in resource}
_HOLDS_CREDENTIALS = re.compile(r"secret|credential|password|token|privatekey|keypair")


def findings(rules: Iterable[RuleLike]) -> list[Finding]:
    """Everything in these rules that needs an exception by name, each once, in the order of the rules."""
    return list(dict.fromkeys(finding for rule in rules for finding in _of(rule)))


def _of(rule: RuleLike) -> Iterator[Finding]:
    pairs = [(group, resource) for group in rule.api_groups for resource in rule.resources]
    for group, resource in pairs:
        if "*" in (group, *rule.verbs) or "*" in resource:
            yield from _found("wildcard", rule, rule.verbs, group, resource)
        for kind, verbs in _special(rule.verbs, group, resource).items():
            yield from _found(kind, rule, verbs, group, resource)
    for danger in _DANGERS:
        verbs = [verb for verb in danger.verbs if verb in rule.verbs] if "*" not in rule.verbs else ["*"]
        if verbs and {danger.group, "*"} & {*rule.api_groups}:
            named = [each for each in danger.resources if any(covers(own, each) for own in rule.resources)]
            for resource in named if danger.resources else rule.resources:
                yield from _found(danger.kind, rule, verbs, danger.group, resource)
    for group, resource in pairs:
        if _of_others(group) and _HOLDS_CREDENTIALS.search(resource):
            yield from _found("secrets", rule, rule.verbs, group, resource)
        _, slash, subresource = resource.partition("/")
        if slash and subresource not in HARMLESS_SUBRESOURCES and (group or resource not in _KNOWN_SUBRESOURCES):
            yield from _found("subresource", rule, rule.verbs, group, resource)


def covers(pattern: str, resource: str) -> bool:
    """Whether RBAC takes `resource` to be meant by `pattern`: itself, `*` for all, `*/SUB` for SUB of all."""
    return pattern in ("*", resource) or (
        pattern.startswith("*/") and "/" in resource and pattern[2:] == resource.partition("/")[2]
    )


def special_verb(verb: str) -> str | None:
    """The finding that a verb is by itself, or None. Constrained impersonation adds modes: `impersonate:user-info`."""
    return SPECIAL_VERBS.get("impersonate" if verb.startswith(("impersonate:", "impersonate-on:")) else verb)


_IDENTITIES = ("users", "groups", "serviceaccounts")
_ASKED_ON: Final = (
    ("impersonate", "", _IDENTITIES),
    ("impersonate", "authentication.k8s.io", (*_IDENTITIES, "uids", "userextras", "nodes")),
    ("escalate", "rbac.authorization.k8s.io", ("roles", "clusterroles")),
    ("bind", "rbac.authorization.k8s.io", ("roles", "clusterroles")),
)
"""Where Kubernetes asks for a special verb: there a `*` among the verbs is that one too."""


def _special(verbs: Iterable[str], group: str, resource: str) -> dict[str, list[str]]:
    """Finding to the verbs that are it by themselves, on this resource."""
    kinds: dict[str, list[str]] = {}
    for verb in verbs:
        if kind := special_verb(verb):
            kinds.setdefault(kind, []).append(verb)
    if "*" in verbs:
        for kind, asked, resources in _ASKED_ON:
            if group in (asked, "*") and any(covers(resource.partition("/")[0], each) for each in resources):
                kinds[kind] = ["*"]
    return kinds


def _of_others(group: str) -> bool:
    """Not an API group of Kubernetes itself."""
    return "." in group and not group.endswith(".k8s.io")


def _found(kind: str, rule: RuleLike, verbs: Iterable[str], group: str, resource: str) -> Iterator[Finding]:
    base, slash, subresource = resource.partition("/")
    named = f"{base}.{group}" if group else base
    subject = f"{','.join(dict.fromkeys(verbs))} {named}{slash}{subresource}"
    if not rule.resource_names:
        yield Finding(kind, subject)
    for name in rule.resource_names or ():
        yield Finding(kind, f"{subject} named {name}")
