"""All that one environment puts into the customer's cluster, for whoever installs it without this program.

Owns the whole: what comes before the chart and what after it. Does not own the objects (the modules beside it), nor
the credential, which goes on a way of its own (credential.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from components.manifests import Manifest
from components.manifests.ceiling import ceiling
from components.manifests.chart_values import chart_values
from components.manifests.namespace import namespace
from components.manifests.roles import roles
from components.settings.environment import EnvironmentSettings


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """place: the namespace. rbac: roles and whom the operator may impersonate; needs nothing. values: the chart's.
    objects: what needs the chart's definitions or the operator's attention."""

    place: Manifest
    rbac: tuple[Manifest, ...]
    values: dict[str, Any]
    objects: tuple[Manifest, ...] = ()


def delivery(settings: EnvironmentSettings, users: Sequence[str]) -> Delivery:
    """users: whom the operator may impersonate, as the stack's output `ceiling` lists them."""
    names = settings.names
    groups = [entry.impersonate for entry in settings.access if entry.impersonate is not None]
    return Delivery(
        place=namespace(names.labels),
        rbac=(
            *ceiling(groups=groups, users=users, labels=names.labels).values(),
            *roles(settings.access, names.labels).values(),
        ),
        values=chart_values(names, settings),
    )
