"""All that one environment puts into the customer's cluster, for whoever installs it without this program.

Owns the whole: what comes before the chart and what after it. Does not own the objects (the modules beside it), nor
the credential, which goes on a way of its own (credential.py).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from components.egress.destinations import Destination
from components.features import impersonators, runs_privileged_pods
from components.manifests import Manifest
from components.manifests.api_proxies import proxy_group, service_account
from components.manifests.ceiling import ceiling
from components.manifests.chart_values import chart_values
from components.manifests.exposures import exposures
from components.manifests.namespace import namespace
from components.manifests.network_policy import Backend, network_policy
from components.manifests.proxy_class import proxy_class
from components.manifests.recorder import recorder
from components.manifests.roles import roles
from components.naming import HOLDER
from components.settings.environment import EnvironmentSettings
from components.settings.network_policy import Form


@dataclass(frozen=True, kw_only=True, slots=True)
class Delivery:
    """place: the namespace. rbac: roles and whom the operator may impersonate; needs nothing. values: the chart's.
    narrowed: the network policy, if any. held: what the operator puts a finalizer on; needs the chart's definitions.
    holder: the owner of what is held, as in components/cluster/holder.py; None where nothing is."""

    place: Manifest
    rbac: tuple[Manifest, ...]
    values: dict[str, Any]
    narrowed: tuple[Manifest, ...] = ()
    held: tuple[Manifest, ...] = ()
    holder: Manifest | None = None

    @property
    def objects(self) -> tuple[Manifest, ...]:
        """What is applied after the chart, owners first."""
        return (*self.narrowed, *([self.holder] if self.holder else []), *self.held)


def delivery(
    settings: EnvironmentSettings,
    users: Sequence[str],
    allowed: tuple[Destination, ...],
    *,
    api_server: Sequence[tuple[str, int]] = (),
    backends: Sequence[Backend] = (),
) -> Delivery:
    """users: whom the operator may impersonate, as the stack's output `ceiling` lists them. allowed: the allowlist.
    api_server, backends: as in `network_policy`, where the cluster was asked."""
    names = settings.names
    held = (
        *proxy_class(settings, names.labels).values(),
        *proxy_group(settings, names.labels).values(),
        *exposures(settings).values(),
        *([recorder(settings, settings.recorder)] if settings.recorder else []),
    )
    return Delivery(
        place=namespace(names.labels, proxies=runs_privileged_pods(settings)),
        rbac=(*service_account(settings, names.labels).values(), *rights(settings, users)),
        values=chart_values(names, settings),
        narrowed=(
            (network_policy(settings, needs=allowed, api_server=api_server, backends=backends),)
            if settings.network_policy.form is not Form.OFF
            else ()
        ),
        held=held,
        holder=_holder(names.labels) if held else None,
    )


def _holder(labels: Mapping[str, str]) -> Manifest:
    """A ClusterRole that gives no right to anybody: an object may be owned only from its own namespace or from none."""
    return {
        "apiVersion": "rbac.authorization.k8s.io/v1",
        "kind": "ClusterRole",
        "metadata": {"name": HOLDER, "labels": dict(labels)},
    }


def rights(settings: EnvironmentSettings, users: Sequence[str]) -> list[Manifest]:
    """The impersonation limit, the roles and their bindings: without one of them somebody is not let in. users: as in
    `delivery`."""
    labels, servers = settings.names.labels, impersonators(settings)
    if not servers:
        return []
    limit = ceiling(
        groups=[entry.impersonate for entry in settings.access if entry.impersonate is not None],
        users=users,
        labels=labels,
        service_accounts=servers,
        any_user=settings.any_user is not None,
    )
    return [*limit.values(), *roles(settings.access, labels, settings.read_only.by_group).values()]
