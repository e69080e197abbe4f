"""Registers plain manifests with the engine, each as the Pulumi resource of its kind.

Does not own the manifests (components/manifests). Each object dies as its resource does.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import pulumi
import pulumi_kubernetes as kubernetes

from components.manifests import Manifest

MODULES = {"": "core", "rbac.authorization.k8s.io": "rbac", "networking.k8s.io": "networking"}
"""API group to the SDK's module; the objects of every other group are custom resources to it."""


def register(name: str, manifest: Manifest, opts: pulumi.ResourceOptions) -> pulumi.CustomResource:
    """name: Pulumi's. Raises AttributeError for a kind of a known group that the SDK does not have."""
    group, _, version = manifest["apiVersion"].rpartition("/")
    fields = {_snake(key): value for key, value in manifest.items() if key not in ("apiVersion", "kind")}
    if group not in MODULES:
        return kubernetes.apiextensions.CustomResource(
            name, api_version=manifest["apiVersion"], kind=manifest["kind"], opts=opts, **fields
        )
    kind = getattr(getattr(getattr(kubernetes, MODULES[group]), version), manifest["kind"])
    return kind(name, opts=opts, **fields)


def register_all(
    name: str, manifests: Mapping[str, Manifest], opts: pulumi.ResourceOptions
) -> dict[str, pulumi.CustomResource]:
    """manifests: by what each is called in the stack; its Pulumi name is `<name>-<that>`."""
    return {part: register(f"{name}-{part}", manifest, opts) for part, manifest in manifests.items()}


def _snake(key: str) -> str:
    return re.sub(r"(?<!^)([A-Z])", r"_\1", key).lower()
