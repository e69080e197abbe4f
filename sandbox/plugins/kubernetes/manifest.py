"""Reading what a chart renders: which objects there are, and which custom resources they define. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from sandbox.plugins.kubernetes import kinds
from sandbox.plugins.kubernetes.values import Object

# Charts carry definitions of hundreds of kilobytes: libyaml reads them ten times faster, where it was built in.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def documents(manifest: str) -> Iterator[Object]:
    """The objects of a manifest, empty documents left out."""
    for document in yaml.load_all(manifest, Loader=_LOADER):
        if isinstance(document, dict) and document.get("kind"):
            yield document


def resource_names(manifest: str) -> dict[str, list[str]]:
    """Names (`namespace/name` where the manifest says one) by `Kind.group/apiVersion`, both sorted."""
    found: dict[str, set[str]] = {}
    for document in documents(manifest):
        kind = kinds.of_object(document)
        metadata = document.get("metadata") or {}
        name = "/".join(part for part in (metadata.get("namespace"), metadata.get("name")) if part)
        group_kind = f"{kind.kind}.{kind.group}" if kind.group else kind.kind
        found.setdefault(f"{group_kind}/{kind.api_version}", set()).add(name)
    return {key: sorted(names) for key, names in sorted(found.items())}


def definitions(manifest: str) -> list[Object]:
    """The CustomResourceDefinitions of a manifest."""
    return [document for document in documents(manifest) if kinds.is_crd(kinds.of_object(document))]
