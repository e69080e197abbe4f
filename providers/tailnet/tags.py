"""The tag scheme: which Tailscale tags and names belong to which customer environment.

Owns the spelling of every tag and the answer to "is this one mine?". Pure: no Pulumi, no network. A customer may
contain hyphens and an environment may not, so every composed name splits in one way only, from the right; that is
why ownership is decided by exact comparison or by a full match, never by a prefix ("acme" with "prod-x" would
otherwise own what belongs to customer "acme-prod").
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

CUSTOMER = re.compile(r"[a-z][a-z0-9]*(-[a-z0-9]+)*")
"""A customer's slug: at most CUSTOMER_LENGTH characters, neither `operator` nor beginning with `operator-`."""

ENVIRONMENT = re.compile(r"[a-z][a-z0-9]*")
"""A slug of an environment or of an exposure: at most ENVIRONMENT_LENGTH characters, no hyphen."""

CUSTOMER_LENGTH = 32
ENVIRONMENT_LENGTH = 16

TAG_IN_TEXT = re.compile(r"tag:[A-Za-z][A-Za-z0-9-]*")
"""Every tag that a string of the policy names, whatever stands around it (`tag:x:443`, for instance)."""

SCHEME_PREFIXES = ("tag:k8s-", "tag:cust-", "tag:kube-", "tag:api-", "tag:svc-", "tag:rec-")
"""What every tag of the scheme begins with; no other tag that anybody uses may begin so."""

_KUBE_TAG = re.compile(rf"tag:kube-({CUSTOMER.pattern})-({ENVIRONMENT.pattern})")
_NAMED = ("posture:", "group:")
_KILLED = "group:killed-"


def customer_problem(slug: str) -> str | None:
    """Why `slug` cannot name a customer, or None when it can."""
    if not CUSTOMER.fullmatch(slug):
        return f"customer {slug!r} must match {CUSTOMER.pattern} (lower-case letters, digits, single inner hyphens)"
    if len(slug) > CUSTOMER_LENGTH:
        return f"customer {slug!r} is longer than {CUSTOMER_LENGTH} characters"
    if slug == "operator" or slug.startswith("operator-"):
        return (
            f"customer {slug!r} would collide with the operators' tags: choose one that does not begin with 'operator'"
        )
    return None


def environment_problem(slug: str, noun: str = "environment") -> str | None:
    """Why `slug` cannot name an environment (or an exposure: pass the noun), or None when it can."""
    if not ENVIRONMENT.fullmatch(slug):
        return f"{noun} {slug!r} must match {ENVIRONMENT.pattern} (lower-case letters and digits, no hyphen)"
    if len(slug) > ENVIRONMENT_LENGTH:
        return f"{noun} {slug!r} is longer than {ENVIRONMENT_LENGTH} characters"
    return None


@dataclass(frozen=True, slots=True)
class Environment:
    """One customer's environment and the names that are its own. Raises ValueError for slugs that cannot be one."""

    customer: str
    environment: str

    def __post_init__(self) -> None:
        problem = customer_problem(self.customer) or environment_problem(self.environment)
        if problem:
            raise ValueError(problem)

    @property
    def name(self) -> str:
        """`<customer>-<environment>`, as in the stack's name."""
        return f"{self.customer}-{self.environment}"

    @property
    def kube_tag(self) -> str:
        """On this environment's operator, which serves its Kubernetes API."""
        return f"tag:kube-{self.name}"

    @property
    def api_tag(self) -> str:
        """On its highly available API proxies."""
        return f"tag:api-{self.name}"

    @property
    def rec_tag(self) -> str:
        """On its session recorder."""
        return f"tag:rec-{self.name}"

    def svc_tag(self, exposure: str) -> str:
        """On the proxy of one exposed service or connector."""
        problem = environment_problem(exposure, "exposure")
        if problem:
            raise ValueError(problem)
        return f"tag:svc-{self.name}-{exposure}"

    @property
    def operator_tag(self) -> str:
        """On every operator of the customer (chain)."""
        return f"tag:k8s-operator-{self.customer}"

    @property
    def proxy_tag(self) -> str:
        """On every proxy of the customer (chain)."""
        return f"tag:k8s-{self.customer}"

    @property
    def customer_tag(self) -> str:
        """On every proxy of the customer (chain)."""
        return f"tag:cust-{self.customer}"

    @property
    def chain_tags(self) -> tuple[str, str, str]:
        """The tags that the customer's environments share, the owner first."""
        return (self.operator_tag, self.proxy_tag, self.customer_tag)

    @property
    def killed_group(self) -> str:
        """The empty group that a kill leaves in the policy: while it is there, nothing of this environment returns."""
        return f"{_KILLED}{self.name}"

    def owns(self, tag: str) -> bool:
        """Whether `tag` is this environment's own: exactly its kube, api or rec tag, or the tag of one exposure."""
        if tag in (self.kube_tag, self.api_tag, self.rec_tag):
            return True
        head = f"tag:svc-{self.name}-"
        return tag.startswith(head) and environment_problem(tag[len(head) :]) is None

    def owns_name(self, name: str) -> bool:
        """Whether a posture, group or host is this environment's own:
        `[posture:|group:]<customer>-<environment>-<word>`.

        The last word is required and has no hyphen: without it, `posture:acme-prod-x` could be read in two ways.
        A killed-group is nobody's own: only the command that lifts a kill removes it.
        """
        if name.startswith(_KILLED):
            return False
        for kind in _NAMED:
            if name.startswith(kind):
                name = name[len(kind) :]
                break
        head = f"{self.name}-"
        return name.startswith(head) and environment_problem(name[len(head) :]) is None


@dataclass(frozen=True, slots=True)
class Environments:
    """Several environments of one customer as one: what is any one's is theirs."""

    customer: str
    several: tuple[Environment, ...]

    @classmethod
    def by_customer(cls, environments: Iterable[Environment]) -> list[Environments]:
        """The environments, those of one customer together."""
        found: dict[str, list[Environment]] = {}
        for environment in environments:
            found.setdefault(environment.customer, []).append(environment)
        return [cls(customer, tuple(several)) for customer, several in found.items()]

    @property
    def chain_tags(self) -> tuple[str, str, str]:
        """The tags that they share."""
        return self.several[0].chain_tags

    def owns(self, tag: str) -> bool:
        """As Environment.owns."""
        return any(one.owns(tag) for one in self.several)

    def owns_name(self, name: str) -> bool:
        """As Environment.owns_name."""
        return any(one.owns_name(name) for one in self.several)


Owner = Environment | Environments
"""Whose an element may be."""


def environment_of(tag: str) -> Environment | None:
    """The environment whose kube tag this is, or None. Every environment has exactly one such tag in tagOwners."""
    match = _KUBE_TAG.fullmatch(tag)
    if match is None:
        return None
    try:
        return Environment(match[1], match[3])
    except ValueError:
        return None


def is_scheme_tag(tag: str) -> bool:
    """Whether `tag` has the form of a tag of some customer or environment, without regard to case."""
    return tag.lower().startswith(SCHEME_PREFIXES)


def tag_of(element: str) -> str | None:
    """The tag that one element of a policy list names (`tag:x`, or `tag:x:443` in acls and tests), or None."""
    match = TAG_IN_TEXT.match(element)
    if match is None or (match.end() < len(element) and element[match.end()] != ":"):
        return None
    return match[0]
