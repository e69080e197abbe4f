"""What is compared whole is what the program registers, the impersonation limit first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from components.settings.environment import EnvironmentSettings
from components.support_access import SupportAccess, SupportAccessArgs
from tests.components.exposing import ALL, LOCAL
from tests.components.registered import registered

Build = Callable[..., EnvironmentSettings]
SKIPPED = ("Secret", "ConfigMap")
EVERYTHING = {
    "expose": ALL,
    "recorder": {"storage": LOCAL},
    "operator": {"apiServerProxy": {"replicas": 2}},
    "credential": {"acknowledge": ["devices:core", "services"]},
    "networkPolicy": {"form": "portable", "apiServer": {"networks": ["10.96.0.1/32"]}},
}


def repaired(environment: Build, **bent: Any) -> tuple[list[dict[str, Any]], dict[str, dict[str, Any]]]:
    """The objects of the repair, and every Kubernetes object that is registered, by kind, namespace and name."""
    settings = environment(**bent)
    rows = registered(SupportAccess, settings.names.name, SupportAccessArgs(settings=settings)).rows
    made = {
        key(row.inputs): row.inputs
        for row in rows.values()
        if row.type.startswith("kubernetes:") and "kind" in row.inputs and not row.type.endswith("Patch")
    }
    return rows["acme-prod-repair"].inputs["objects"], made


def key(manifest: dict[str, Any]) -> str:
    metadata = manifest["metadata"]
    return f"{manifest['kind']} {metadata.get('namespace', '')}/{metadata['name']}"


def test_everything_that_is_registered_is_compared_whole(environment: Build) -> None:
    objects, made = repaired(environment, **EVERYTHING)
    compared = {key(each["manifest"]): each["manifest"] for each in objects}
    assert compared.keys() == {name for name, each in made.items() if each["kind"] not in SKIPPED}
    for name, manifest in compared.items():
        for field in ("rules", "subjects", "roleRef", "spec"):
            assert manifest.get(field) == made[name].get(field) or (field == "rules" and not manifest[field]), name


def test_the_limit_is_first(environment: Build) -> None:
    objects, _ = repaired(environment)
    first, second = (each["path"] for each in objects[:2])
    assert first.endswith("/clusterroles/support-access-impersonation")
    assert second.endswith("/clusterrolebindings/support-access-impersonation")
