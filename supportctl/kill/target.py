"""What a kill is aimed at: one environment, or a customer with everything that is theirs.

Owns the question whether a tag belongs to the target. Pure: needs no settings and no state, because on the worst day
neither may load.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from components.naming import Names
from providers.tailnet.ownership import section_of
from providers.tailnet.tags import Environment, customer_problem, environment_of

_KILLED = "group:killed-"
_WORD = r"[a-z][a-z0-9]*"


class TargetError(Exception):
    """The name says no environment and no customer."""


@dataclass(frozen=True, slots=True)
class Target:
    """customer, and the one environment that goes, or None for all of them."""

    customer: str
    environment: Environment | None = None

    @property
    def name(self) -> str:
        """What the person types to confirm: the stack's name, or the customer's."""
        return self.environment.name if self.environment else self.customer

    def owns(self, tag: str) -> bool:
        """Whether what carries the tag goes with the target. Chain tags are the whole customer's, not one stack's."""
        if self.environment is not None:
            return self.environment.owns(tag)
        return tag in self.chain_tags or self._of_customer(tag) is not None

    @property
    def chain_tags(self) -> tuple[str, ...]:
        """The tags that the customer's environments share."""
        return Environment(self.customer, "any").chain_tags

    def environments(self, tags: Iterable[str]) -> list[Environment]:
        """The target's environments among these tags, by any tag of their own: the operator's may have been taken out
        before. One that is aimed at is always in."""
        if self.environment is not None:
            return [self.environment]
        found = {environment for tag in tags if (environment := self._environment_of(tag)) is not None}
        return sorted(found, key=lambda environment: environment.name)

    def killed(self, document: Mapping[str, Any]) -> list[Environment]:
        """The target's environments that an earlier kill has marked: their tags are out of the document."""
        groups = section_of(document, "groups")
        names = [str(name) for name in groups] if isinstance(groups, Mapping) else []
        marked = [name.removeprefix(_KILLED) for name in names if name.startswith(_KILLED)]
        return [found for name in marked if (found := _environment(name)) is not None and self._aims_at(found)]

    def others(self, tags: Iterable[str]) -> list[str]:
        """Names, among these tags, of what is not the target's: environments, or customers where one is aimed at."""
        found = {environment for tag in tags if (environment := environment_of(tag)) is not None}
        apart = [environment for environment in found if not self._aims_at(environment)]
        return sorted({environment.name if self.environment else environment.customer for environment in apart})

    def _aims_at(self, environment: Environment) -> bool:
        if self.environment is not None:
            return environment == self.environment
        return environment.customer == self.customer

    def _environment_of(self, tag: str) -> Environment | None:
        match = self._of_customer(tag)
        return _environment(f"{self.customer}-{match[1] or match[2]}") if match else None

    def _of_customer(self, tag: str) -> re.Match[str] | None:
        customer = re.escape(self.customer)
        return re.fullmatch(rf"tag:(?:(?:kube|api|rec)-{customer}-({_WORD})|svc-{customer}-({_WORD})-{_WORD})", tag)


def _environment(name: str) -> Environment | None:
    try:
        return Names.split(name).tags
    except ValueError:
        return None


def target(stack: str | None, customer: str | None) -> Target:
    """The target of `STACK` or `--customer NAME`. Raises TargetError unless it is exactly one of them."""
    if (stack is None) == (customer is None):
        raise TargetError("name one stack, as in `supportctl kill acme-prod`, or a whole customer: --customer acme")
    if customer is not None:
        problem = customer_problem(customer)
        if problem:
            raise TargetError(f"--customer: {problem}")
        return Target(customer)
    try:
        names = Names.split(stack or "")
    except ValueError as error:
        raise TargetError(
            f"{stack!r} is no stack of an environment: {error}. A whole customer goes by --customer."
        ) from None
    return Target(names.customer, Environment(names.customer, names.environment))
