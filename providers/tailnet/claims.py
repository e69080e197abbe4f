"""What of a document the environments in it claim: for whoever takes or declares what belongs to none of them.

An environment is in a document while its kube tag is in tagOwners. Each question is answered by one look-up, however
many environments there are. Pure.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from .ownership import section_of, strings
from .tags import TAG_IN_TEXT, Environment, environment_of

_OF_ENVIRONMENT = re.compile(r"tag:(?:kube|api|rec)-(?P<name>.+)|tag:svc-(?P<exposing>.+)-[^-]+")
_WORD = re.compile(r"(?:posture:|group:)?(?P<name>.+)-[^-]+")


class Claims:
    """The environments of one document, by name, and what is theirs."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        owners = section_of(document, "tagOwners")
        found = (environment_of(tag) for tag in (owners if isinstance(owners, Mapping) else ()))
        self.environments = {environment.name: environment for environment in found if environment}
        self._chains = {tag: one for one in self.environments.values() for tag in one.chain_tags}

    def of_tag(self, tag: str) -> Environment | None:
        """The environment whose tag this is; for a chain tag one of the customer's environments."""
        if tag in self._chains:
            return self._chains[tag]
        match = _OF_ENVIRONMENT.fullmatch(tag)
        found = self.environments.get(match["name"] or match["exposing"]) if match else None
        return found if found and found.owns(tag) else None

    def of_name(self, name: str) -> Environment | None:
        """The environment whose posture, group or host this is."""
        match = _WORD.fullmatch(name)
        found = self.environments.get(match["name"]) if match else None
        return found if found and found.owns_name(name) else None

    def of_value(self, value: Any) -> tuple[str, Environment] | None:
        """The first tag of an environment that a value names, and the environment."""
        for text in strings(value):
            for tag in TAG_IN_TEXT.findall(text):
                environment = self.of_tag(tag)
                if environment:
                    return tag, environment
        return None
