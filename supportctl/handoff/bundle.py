"""The texts of one handoff, made of the stack's settings and of whom its ceiling names.

Owns which file says what. The objects are the very ones that a managed delivery makes (components/manifests), the
allowlist is the stack's (components/egress), and the words are in templates/. Holds no secret and no time: the same
stack gives the same bytes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.egress.destinations import allowlist, required
from components.egress.needs import needs
from components.endpoints.relays import PUBLISHED, Relays
from components.features import federated_audience, impersonators, runs_privileged_pods, runs_proxies
from components.manifests import Manifest
from components.manifests.delivery import Delivery, delivery
from components.manifests.exposures import INGRESS_CLASS, PREFIX, Patch, patches
from components.naming import (
    CHART,
    HOLDER,
    IMPERSONATION_ROLE,
    NAMESPACE,
    OPERATOR_SERVICE_ACCOUNT,
    RELEASE,
    credential_secret,
)
from components.settings.access import Access
from components.settings.api_proxy import Mode
from components.settings.credential import REACH
from components.settings.environment import EnvironmentSettings
from components.settings.expose import (
    AnyExposure,
    ConnectorExposure,
    CrossClusterExposure,
    EgressExposure,
    IngressExposure,
    ServiceExposure,
    SidecarExposure,
)
from components.settings.federation import SUBJECT
from components.settings.recorder import S3, Recorder
from components.settings.role import Role
from components.tailnet.exposures import of_exposure
from supportctl.handoff.ownership import UID, of_namespace, references
from supportctl.handoff.yaml_text import yaml_text

TEMPLATES = Path(__file__).parent / "templates"
DOCUMENTS = ("README.md", "install.sh", "verify.sh", "uninstall.md", "egress.md")
MANAGED_BY = "app.kubernetes.io/managed-by"
OWN_LABEL = f"{MANAGED_BY}=support-access"
CEILING = f"ClusterRole//{IMPERSONATION_ROLE}"
RULES_REVIEW = json.dumps(
    {
        "apiVersion": "authorization.k8s.io/v1",
        "kind": "SelfSubjectRulesReview",
        "spec": {"namespace": NAMESPACE},
    }
)
"""What asks the API server for every rule that somebody has, by whatever role."""
KINDS = (
    "clusterrolebindings",
    "rolebindings",
    "clusterroles",
    "serviceaccounts",
    "ingresses.networking.k8s.io",
    "services",
    "networkpolicies.networking.k8s.io",
    "ciliumnetworkpolicies.cilium.io",
    "connectors.tailscale.com",
    "recorders.tailscale.com",
    "proxygroups.tailscale.com",
    "proxyclasses.tailscale.com",
)
"""Every kind in rbac.yaml and objects.yaml, as kubectl names it, in the order in which what is no longer said goes:
rights first, and classes after the proxies that use them."""


def bundle(settings: EnvironmentSettings, users: Sequence[str], relays: Relays = PUBLISHED) -> dict[str, str]:
    """Names of the files to their texts. users: as in `delivery`. relays: those that the tailnet uses."""
    dialled = needs(settings, relays)
    made = delivery(settings, users, required(dialled))
    egress = allowlist(dialled)
    words = _words(settings, made, users, egress)
    texts = Environment(
        loader=FileSystemLoader(TEMPLATES),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        autoescape=False,  # noqa: S701 - Markdown and shell, no HTML; every shell word goes through `quote`
    )
    texts.filters["quote"] = shlex.quote
    files = {name: texts.get_template(f"{name}.j2").render(words) for name in DOCUMENTS}
    files |= {
        "namespace.yaml": yaml_text([made.place]),
        "values.yaml": yaml_text([made.values]),
        "egress.json": json.dumps(egress, indent=2) + "\n",
    }
    if made.rbac:
        files["rbac.yaml"] = yaml_text(made.rbac)
    if made.objects:
        files["objects.yaml"] = yaml_text(made.objects)
    return files


def _words(
    settings: EnvironmentSettings, made: Delivery, users: Sequence[str], egress: dict[str, Any]
) -> dict[str, Any]:
    operator, federation = settings.operator, settings.credential.federation
    held_kinds = [plural for plural in KINDS if any(_is_of(plural, one["kind"]) for one in made.held)]
    return {
        "customer": settings.customer,
        "environment": settings.environment,
        "stack": settings.names.name,
        "hostname": settings.hostname,
        "namespace": NAMESPACE,
        "release": RELEASE,
        "chart": CHART,
        "chart_source": operator.chart.helm_arguments,
        "chart_version": operator.chart.version,
        "operator_version": operator.version,
        "secret": None if federation else credential_secret(settings.credential.generation),
        "federation": {
            "issuer": federation.issuer,
            "subject": SUBJECT,
            "audience": federated_audience(settings),
            "client_id": federation.client_id,
        }
        if federation
        else None,
        "generation": settings.credential.generation,
        "service_account": OPERATOR_SERVICE_ACCOUNT,
        "impersonation_role": IMPERSONATION_ROLE,
        "label": OWN_LABEL,
        "operator_image": made.values["operatorConfig"]["image"],
        "reach": [REACH[scope] for scope in settings.credential.acknowledge],
        "access": [_entry(entry) for entry in settings.access],
        "served": operator.api_server_proxy.mode is not Mode.NONE,
        "recorded": _recorded(settings.recorder) if settings.recorder else None,
        "exposed": [row for exposure in settings.expose for row in _exposed(settings, exposure)],
        "users": sorted(users),
        "any_user": settings.any_user.reason if settings.any_user else None,
        "accounts": sorted({OPERATOR_SERVICE_ACCOUNT, *impersonators(settings)}),
        "servers": impersonators(settings),
        "rules_review": RULES_REVIEW,
        "ceiling": [_rule(rule) for one in made.rbac if _place(one) == CEILING for rule in one["rules"]],
        "patches": [_patch(patch) for patch in patches(settings).values()],
        "operator_tags": settings.names.operator_tags,
        "kinds": KINDS,
        "labels": settings.names.selector,
        "holder": HOLDER if made.holder else None,
        "references": references(made),
        "owner_uid": UID,
        "of_namespace": [_place(one) for one in of_namespace(made)],
        "of_holder": [_place(one) for one in made.held],
        "held_kinds": held_kinds,
        # Without the operator's own kinds, which no longer exist after `helm uninstall`.
        "built_in_kinds": [*KINDS[:3], *(plural for plural in held_kinds if not plural.endswith(".tailscale.com"))],
        "ingress_class": INGRESS_CLASS,
        "kept": [_place(one) for one in (*made.rbac, *made.objects)],
        "managed_by": MANAGED_BY,
        "privileged": runs_privileged_pods(settings),
        "own_pods": runs_proxies(settings) or settings.recorder is not None,
        "exposure_tags": settings.names.tags.svc_tag("x").removesuffix("x"),
        "annotations": [f"{PREFIX}{key}" for key in ("expose", "hostname", "tags")],
        "objects": [f"{one['kind']} {one['metadata']['name']}" for one in made.objects],
        "rbac": [f"{one['kind']} {one['metadata']['name']}" for one in made.rbac],
        "egress": egress,
    }


def _exposed(settings: EnvironmentSettings, exposure: AnyExposure) -> Iterator[dict[str, Any]]:
    """A row for each of its grants: what is reached, by whom, on which ports."""
    for grant in of_exposure(settings.names, exposure):
        what, who = "", ", ".join(grant["src"])
        match exposure:
            case IngressExposure():
                what = f"Service {exposure.namespace}/{exposure.service}, port {exposure.port}"
            case EgressExposure():
                what, who = (
                    f"{exposure.fqdn}, by your Service {exposure.namespace}/{exposure.service}",
                    "your workloads",
                )
            case CrossClusterExposure():
                what = f"Service {exposure.namespace}/{exposure.service}"
                who = f"your environment {exposure.peer.environment}"
            case ServiceExposure():
                what = f"Service {exposure.namespace}/{exposure.service}"
            case ConnectorExposure():
                exits = grant["dst"] == ["autogroup:internet"]
                what = "the internet, from your network" if exits else ", ".join(grant["dst"])
            case SidecarExposure():
                what = f"{exposure.workload.kind} {exposure.namespace}/{exposure.workload.name}"
        yield {"name": exposure.name, "what": what, "who": who, "ports": grant["ip"]}


def _recorded(recorder: Recorder) -> str:
    if isinstance(recorder.storage, S3):
        return f"into bucket {recorder.storage.bucket} at {recorder.storage.endpoint}"
    return f"in the recorder's pod; {recorder.storage.viewers} may watch them"


def _patch(patch: Patch) -> dict[str, Any]:
    """shown: what the script reads of a Service that is exposed as this one is to be."""
    service, own = f"{patch.namespace}/{patch.service}", patch.annotations
    shown = f"{service} {own[f'{PREFIX}tags']} {own[f'{PREFIX}hostname']}"
    return {
        "service": service,
        "namespace": patch.namespace,
        "name": patch.service,
        "words": patch.words,
        "shown": shown,
    }


def _place(one: Manifest) -> str:
    """`KIND/NAMESPACE/NAME`, as the script has it of an object that is there."""
    return f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']}"


def _is_of(plural: str, kind: str) -> bool:
    """Whether a kind is called so by kubectl."""
    return plural.partition(".")[0] in (f"{kind.lower()}s", f"{kind.lower()}es")


def _rule(rule: Mapping[str, Any]) -> str:
    """A rule as kubectl's jsonpath prints its parts."""
    parts = [rule.get(key) for key in ("verbs", "apiGroups", "resources", "resourceNames")]
    return " ".join(json.dumps(part, separators=(",", ":")) if part else "" for part in parts)


def _entry(entry: Access) -> dict[str, Any]:
    kind, name = entry.subject
    bounds = [
        f"{key}: {', '.join(map(str, value)) if isinstance(value, list) else value}" for key, value in _said(entry)
    ]
    return {
        "source": entry.source,
        "kind": kind,
        "name": name,
        "role": entry.role.value,
        "bounds": bounds,
        "impersonated": entry.role is not Role.OWN_CREDENTIAL,
        "only_reads": entry.bound in (Role.READ_ONLY, Role.VIEW),
        "posture": list(entry.posture or ()),
    }


def _said(entry: Access) -> list[tuple[str, Any]]:
    """What bounds an entry's role, in words; its rules are in rbac.yaml, whole."""
    return [(key, value) for key, value in entry.bounds.items() if key not in ("rules", "exceptions")]
