"""The texts of one handoff, made of the stack's settings and of whom its ceiling names.

Owns which file says what. The objects are the very ones that a managed delivery makes (components/manifests), the
allowlist is the stack's (components/egress), and the words are in templates/. Holds no secret and no time: the same
stack gives the same bytes.
"""

from __future__ import annotations

import json
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from components.egress.destinations import allowlist, required
from components.egress.needs import needs
from components.features import federated_audience, impersonators
from components.manifests.delivery import Delivery, delivery
from components.manifests.exposures import patches
from components.naming import (
    CHART,
    IMPERSONATION_ROLE,
    NAMESPACE,
    OPERATOR_SERVICE_ACCOUNT,
    RELEASE,
    credential_secret,
)
from components.settings.access import Access
from components.settings.credential import REACH
from components.settings.environment import EnvironmentSettings
from components.settings.federation import SUBJECT
from components.settings.role import Role
from supportctl.handoff.yaml_text import yaml_text

TEMPLATES = Path(__file__).parent / "templates"
DOCUMENTS = ("README.md", "install.sh", "verify.sh", "uninstall.md", "egress.md")
OWN_LABEL = "app.kubernetes.io/managed-by=support-access"


def bundle(settings: EnvironmentSettings, users: Sequence[str]) -> dict[str, str]:
    """Names of the files to their texts. users: as in `delivery`."""
    made = delivery(settings, users, required(needs(settings)))
    egress = allowlist(needs(settings))
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
        "rbac.yaml": yaml_text(made.rbac),
        "values.yaml": yaml_text([made.values]),
        "egress.json": json.dumps(egress, indent=2) + "\n",
    }
    if made.objects:
        files["objects.yaml"] = yaml_text(made.objects)
    return files


def _words(
    settings: EnvironmentSettings, made: Delivery, users: Sequence[str], egress: dict[str, Any]
) -> dict[str, Any]:
    operator, federation = settings.operator, settings.credential.federation
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
        "users": sorted(users),
        "any_user": settings.any_user.reason if settings.any_user else None,
        "accounts": sorted({OPERATOR_SERVICE_ACCOUNT, *impersonators(settings)}),
        "servers": impersonators(settings),
        "patches": [patch.words for patch in patches(settings).values()],
        "objects": [f"{one['kind']} {one['metadata']['name']}" for one in made.objects],
        "rbac": [f"{one['kind']} {one['metadata']['name']}" for one in made.rbac],
        "egress": egress,
    }


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
