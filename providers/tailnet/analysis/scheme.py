"""Which customer or environment a tag belongs to, read from the document: the tag scheme, backwards.

Owns the split of tags into owners (the spelling is `..tags`'s) and the list of a document's environments. A tag that
only looks like one of the scheme (`tag:api-gateway-prod`) is the vendor's own unless the document has that customer.
Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

from ..ownership import section_of
from ..tags import CUSTOMER, ENVIRONMENT, Environment, customer_problem, environment_of
from .names import Document

_PARTS = rf"(?P<customer>{CUSTOMER.pattern})-(?P<environment>{ENVIRONMENT.pattern})"
_OF_ENVIRONMENT = re.compile(rf"tag:(?:kube|api|rec)-{_PARTS}")
_OF_EXPOSURE = re.compile(rf"tag:svc-{_PARTS}-{ENVIRONMENT.pattern}")
_OF_CUSTOMER = re.compile(rf"tag:(?:k8s-operator|k8s|cust)-(?P<customer>{CUSTOMER.pattern})")
_UNMISTAKABLE = ("tag:kube-", "tag:k8s-operator-")
"""Tags of these forms count without any other trace of the customer."""


@dataclass(frozen=True, slots=True)
class Owner:
    """Whose a tag is. Without `environment` it is a tag of the customer's chain."""

    customer: str
    environment: str | None = None


class Scheme:
    """The customers and environments of one document."""

    def __init__(self, document: Document) -> None:
        owners = section_of(document, "tagOwners")
        tags = tuple(owners) if isinstance(owners, Mapping) else ()
        found = (environment_of(tag) for tag in tags)
        self.environments = {environment.name: environment for environment in found if environment}
        self._customers = {environment.customer for environment in self.environments.values()}
        for tag in tags:
            if tag.startswith("tag:k8s-operator-") and (match := _OF_CUSTOMER.fullmatch(tag)):
                self._customers.add(match["customer"])

    def owner(self, tag: str) -> Owner | None:
        """The owner of a tag; None for a tag of the vendor's own."""
        match = _OF_ENVIRONMENT.fullmatch(tag) or _OF_EXPOSURE.fullmatch(tag)
        if match:
            owner = Owner(match["customer"], match["environment"])
            known = f"{owner.customer}-{owner.environment}" in self.environments
        elif match := _OF_CUSTOMER.fullmatch(tag):
            owner = Owner(match["customer"])
            known = owner.customer in self._customers
        else:
            return None
        if customer_problem(owner.customer) or not (known or tag.startswith(_UNMISTAKABLE)):
            return None
        return owner

    def named(self, name: str) -> Environment | None:
        """The environment whose name the words of a group or service begin with (`acme-prod-oncall`), if any."""
        words = name.split("-")
        heads = ("-".join(words[:count]) for count in range(len(words), 1, -1))
        return next((self.environments[head] for head in heads if head in self.environments), None)
