"""Images are pinned, and come from where the customer allows."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

from policy.seen import Limits, Seen

REGISTRIES = ("tailscale/", "docker.io/tailscale/", "ghcr.io/tailscale/")
"""Beginnings of repositories that are allowed unless the configuration says others."""

REPOSITORY = ("repository", "repo")
"""Keys under which charts and the operator's resources name one; the chart prefers the second."""

_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_REFERENCE = re.compile(r"(?P<repository>[^@]+?)(:(?P<tag>[\w.-]+))?(@(?P<digest>sha256:[0-9a-f]{64}))?$")
_PINNED_TAG = re.compile(r"v?\d+\.\d+\.\d+([-+.]\w+)*$")


class Image(NamedTuple):
    """Where it was found, and what it names."""

    where: str
    repository: str
    tag: str
    digest: str


def images(seen: Seen) -> Iterator[Image]:
    """Every image that the resource makes a cluster pull."""
    if not seen.kind:
        return
    yield from _inside(seen.props.get("values") if seen.kind == "Release" else seen.props.get("spec"), "")


def pinned(seen: Seen, limits: Limits) -> Iterator[str]:
    """An image that floats, or comes from elsewhere. limits: `registries`, beginnings of repositories."""
    allowed = tuple(limits.get("registries") or REGISTRIES)
    for image in images(seen):
        if image.digest and not _DIGEST.fullmatch(image.digest):
            yield f"{image.where}: {image.digest} is no digest."
        elif not image.digest and not _PINNED_TAG.match(image.tag):
            yield f"{image.where}: {image.repository} has tag {image.tag or 'none'}, which moves. Pin a version."
        # A beginning ends where a part of the name does, or registry.example would let registry.example.org in.
        if not any(image.repository == each or image.repository.startswith(f"{each.rstrip('/')}/") for each in allowed):
            yield f"{image.where}: {image.repository} is not from {', '.join(allowed)}."


def digested(seen: Seen, limits: Limits) -> Iterator[str]:
    """An image without a digest: its tag can be moved by whoever may push."""
    del limits
    for image in images(seen):
        if not image.digest:
            yield f"{image.where}: {image.repository}:{image.tag} has no digest: a tag can be moved."


def _inside(value: Any, where: str) -> Iterator[Image]:
    if isinstance(value, Mapping):
        for key in REPOSITORY:
            if isinstance(value.get(key), str):
                yield Image(where or ".", value[key], str(value.get("tag") or ""), str(value.get("digest") or ""))
        if str(value.get("name", "")).endswith("_IMAGE"):
            yield _reference(str(value.get("value") or ""), f"{where}.{value['name']}")
        for key, item in value.items():
            if key == "image" and isinstance(item, str):
                yield _reference(item, f"{where}.image")
            else:
                yield from _inside(item, f"{where}.{key}" if where else str(key))
    elif isinstance(value, Sequence) and not isinstance(value, str):
        for index, item in enumerate(value):
            yield from _inside(item, f"{where}[{index}]")


def _reference(text: str, where: str) -> Image:
    found = _REFERENCE.match(text)
    if found is None:
        return Image(where, text, "", "")
    return Image(where, found["repository"], found["tag"] or "", found["digest"] or "")
