"""YAML files that somebody else wrote: a kubeconfig, another stack's settings.

Owns the reading, and an error in place of every way in which reading fails. Does not own what they mean.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any


class DocumentError(Exception):
    """A file is there and is not what it must be. The text names the file, never its contents: it may hold a token."""


def read_yaml(file: Path) -> dict[str, Any]:
    """The mapping that the file holds, every scalar in it as text: a context may be called `on` or `2024`."""
    try:
        contents = file.read_bytes()
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from None
    return yaml_mapping(contents, str(file))


def yaml_mapping(contents: bytes, name: str) -> dict[str, Any]:
    """The mapping that a file called `name` holds, every scalar in it as text."""
    import yaml  # not on the way of a stack that reads no such file

    try:
        document = yaml.load(contents.decode("utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 (only text)
    except (ValueError, RecursionError, yaml.YAMLError):
        raise DocumentError(f"{name} is not YAML.") from None
    if not isinstance(document, dict):
        raise DocumentError(f"{name} holds no YAML mapping.")
    return document
