"""All policies: each rule with its name, what it says, and how strict it is unless the configuration says otherwise."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from policy.rules import advice, ceiling, chart, credentials, grants, images, inward, kinds, place, versions
from policy.seen import Limits, Seen

TEXTS = {"type": "array", "items": {"type": "string", "minLength": 1}}
ADMINS = {"type": "array", "items": {"type": "object", "additionalProperties": {"type": "string"}}}


@dataclass(frozen=True, kw_only=True, slots=True)
class Entry:
    """rule: see rules/. config: JSON schema of its limits. outputs: whether it judges what a resource became."""

    name: str
    says: str
    rule: Callable[[Seen, Limits], Iterator[str]]
    level: Literal["mandatory", "advisory"] = "mandatory"
    config: Mapping[str, dict[str, Any]] = field(default_factory=dict)
    outputs: bool = False


CATALOGUE = (
    Entry(name="nothing-inbound", says="No rule lets anybody in.", rule=inward.inbound),
    Entry(name="nothing-public", says="No public address, load balancer, NodePort or Funnel.", rule=inward.public),
    Entry(
        name="known-kinds",
        says="Only kinds that support access needs: nothing authoritative over what is the customer's.",
        rule=kinds.known_kinds,
        config={"also": TEXTS, "tailnet": {"type": "boolean"}},
    ),
    Entry(
        name="images-pinned",
        says="Images have a version or a digest, and come from allowed registries.",
        rule=images.pinned,
        config={"registries": TEXTS},
    ),
    Entry(
        name="chart-known",
        says="The operator's chart is a known one, of one version, and makes no role that impersonates anybody.",
        rule=chart.known,
        config={"charts": TEXTS},
    ),
    Entry(
        name="operator-version",
        says="The operator is of a version that works and is supported here.",
        rule=versions.known_version,
    ),
    Entry(name="grants-narrow", says="Grants reach this environment only, from named sources.", rule=grants.narrow),
    Entry(
        name="grants-impersonate", says="Grants impersonate no group of the cluster's own.", rule=grants.impersonation
    ),
    Entry(name="ceiling-bounded", says="No role lets its holder become anybody.", rule=ceiling.bounded),
    Entry(
        name="admin-agreed",
        says="cluster-admin takes a reason, an end and an approval.",
        rule=ceiling.agreed_admin,
        config={"admins": ADMINS},
    ),
    Entry(
        name="admin-declared",
        says="cluster-admin takes a reason, an end and an approval where the customer installs, too.",
        rule=ceiling.declared_admin,
        config={"admins": ADMINS},
        outputs=True,
    ),
    Entry(
        name="own-namespace",
        says="Everything is in one namespace; outside it only what is named.",
        rule=place.own_namespace,
        config={"outside": TEXTS},
    ),
    Entry(
        name="scopes-least",
        says="Credentials hold auth_keys, and more only where that is agreed.",
        rule=credentials.least_scopes,
        config={"scopes": TEXTS},
    ),
    Entry(name="secrets-marked", says="No secret lies in clear.", rule=credentials.marked_secrets),
    Entry(name="image-digest", says="Images have a digest.", rule=images.digested, level="advisory"),
    Entry(
        name="operator-behind",
        says="The operator is of a known, recent version.",
        rule=advice.operator_behind,
        level="advisory",
        config={"newest": {"type": "string"}},
    ),
    Entry(
        name="hostname-tells",
        says="Host names do not say whose cluster it is.",
        rule=advice.telling_hostname,
        level="advisory",
    ),
    Entry(
        name="credential-age",
        says="The operator's credential is not old.",
        rule=advice.old_credential,
        level="advisory",
        config={"days": {"type": "integer", "minimum": 1}},
        outputs=True,
    ),
)
