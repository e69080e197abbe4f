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
    import yaml  # not on the way of a stack that reads no such file

    try:
        document = yaml.load(file.read_text(encoding="utf-8"), Loader=yaml.BaseLoader)  # noqa: S506 (only text)
    except OSError as error:
        raise DocumentError(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, RecursionError, yaml.YAMLError):
        raise DocumentError(f"{file} is not YAML.") from None
    if not isinstance(document, dict):
        raise DocumentError(f"{file} holds no YAML mapping.")
    return document
