"""Every name that the program gives: tags, host names, Kubernetes objects, Pulumi resources.

Owns names composed from a customer and an environment, and the fixed names of the chart's objects and of our own. The
tags are the provider's scheme (`providers.tailnet.tags`), only passed on here. Does not own who may get which name
(`settings`), nor any resource. Does not die: what was made under an old name would be orphaned, so a name is for ever.

Every composed name splits in one way only, from the right: an environment's name has no hyphen, a customer's may.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from providers.tailnet.tags import SCHEME_PREFIXES, Environment

DEFAULT_DEPLOYER: Final = "tag:support-access-deployer"
SENTINEL_TAG: Final = "tag:support-access-sentinel"
"""Carried by no device. The policy's tests name it, so that a grant with destination `*` cannot pass them."""

TAG_PREFIXES: Final = SCHEME_PREFIXES
"""What the composed tags begin with. No other tag that the program uses may begin so."""

PROGRAM_TAGS: Final = ("tag:support-access-",)
"""What the tags begin with that are nobody's machine: the deployer's and the sentinel."""

NAMESPACE: Final = "tailscale"
CHART: Final = "tailscale-operator"
CHART_REPOSITORY: Final = "https://pkgs.tailscale.com/helmcharts"
RELEASE: Final = "tailscale-operator"
OPERATOR_SERVICE_ACCOUNT: Final = "operator"
"""Fixed by the chart, like the names of all that it renders: one release, so one environment, per cluster."""

API_PROXY_SERVICE_ACCOUNT: Final = "kube-apiserver-auth-proxy"
"""Of the highly available API proxies in mode auth; the operator's code asks for it by this name. The chart makes it
only together with a role that may impersonate anybody, so it is made here."""

API_PROXIES: Final = "support-access-api"
"""ProxyGroup of the highly available API proxies; its StatefulSet and Secrets are called after it."""

PROXY_CLASS: Final = "support-access"
"""ProxyClass of every proxy that names none: pull secrets, placement and environment of their pods."""

IMPERSONATION_ROLE: Final = "support-access-impersonation"
READ_ONLY_ROLE: Final = "highflame-sre"
"""ClusterRoles of our own, named after the program and the vendor; one of that name that is there is refused."""

HOLDER: Final = "support-access-proxies"
"""ClusterRole that owns all that the operator runs proxies for: whoever deletes it shuts all of it."""

NETWORK_POLICY: Final = "support-access"

LABEL_DOMAIN: Final = "support-access.highflame.ai"
MAX_OAUTH_DESCRIPTION: Final = 50
"""The Tailscale API takes at most so many characters: letters, digits, hyphens and spaces."""


@dataclass(frozen=True, slots=True)
class Names:
    """The names of one customer's environment.

    `Names("acme", "prod").hostname == "acme-prod-kube"`. Raises ValueError for slugs that `providers.tailnet.tags`
    does not take.
    """

    customer: str
    environment: str

    def __post_init__(self) -> None:
        Environment(self.customer, self.environment)

    @classmethod
    def split(cls, name: str) -> Names:
        """The inverse of `name`; ValueError when `name` is not one customer's environment."""
        customer, hyphen, environment = name.rpartition("-")
        if not hyphen:
            raise ValueError("it names customer and environment with a hyphen between, as in acme-prod")
        return cls(customer, environment)

    @property
    def tags(self) -> Environment:
        return Environment(self.customer, self.environment)

    @property
    def name(self) -> str:
        """`acme-prod`: the stack, the Pulumi component, the kubeconfig context that engineers get."""
        return f"{self.customer}-{self.environment}"

    @property
    def hostname(self) -> str:
        """The operator's host name in the tailnet. It names the customer too: a taken name silently becomes `...-1`."""
        return f"{self.name}-kube"

    @property
    def api_hostname(self) -> str:
        """Name in the tailnet of the highly available API. No exposure is called `api` when there is one."""
        return f"{self.name}-api"

    def exposure_hostname(self, exposure: str) -> str:
        """Host name in the tailnet of one exposure's proxy. No exposure is called `kube` or `rec`."""
        return f"{self.name}-{exposure}"

    @property
    def recorder(self) -> str:
        """The session recorder; its device is called so too, with the pod's number behind it."""
        return f"{self.name}-rec"

    @property
    def oauth_description(self) -> str:
        """What the admin console shows beside the OAuth client; the longest slugs leave room for nothing more."""
        return self.name

    @property
    def labels(self) -> dict[str, str]:
        """Labels of every Kubernetes object that the program makes."""
        return {
            "app.kubernetes.io/managed-by": "support-access",
            f"{LABEL_DOMAIN}/customer": self.customer,
            f"{LABEL_DOMAIN}/environment": self.environment,
        }

    @property
    def selector(self) -> str:
        """`labels` as the API and `kubectl -l` take them."""
        return ",".join(f"{key}={value}" for key, value in self.labels.items())

    def owns(self, labels: Mapping[str, object]) -> bool:
        """Whether an object with these labels is this environment's."""
        return labels.items() >= self.labels.items()

    @property
    def operator_tags(self) -> list[str]:
        """Tags of the operator's device, and exactly those of its OAuth client: no key gets a part of them."""
        return [self.tags.operator_tag, self.tags.kube_tag]

    def resource(self, part: str) -> str:
        """Pulumi's name of one part of the environment: `resource("access")` is `acme-prod-access`."""
        return f"{self.name}-{part}"


def credential_secret(generation: int) -> str:
    """Secret with the operator's credential. Known before the credential is, so that the pod can wait for it."""
    return f"operator-oauth-{generation}"


def exposure_object(exposure: str) -> str:
    """Kubernetes objects of one exposure. A cluster holds one environment, so no two are called so."""
    return f"support-access-{exposure}"


def group_binding(role: str, group: str) -> str:
    """ClusterRoleBinding of one impersonated group. The role holds no colon, so the name splits in one way only."""
    return f"support-access:{role}:{group}"


def user_binding(role: str, user: str) -> str:
    """ClusterRoleBinding of one person. No group is called `user:...`, so it is never a group's."""
    return f"support-access:{role}:user:{user}"


def as_slug(text: str) -> str:
    """The slug nearest to what somebody wrote, for a message: `Acme_Corp` is `acme-corp`. May still be no slug."""
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-0123456789")
