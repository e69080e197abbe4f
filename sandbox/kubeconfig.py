"""Writes kubeconfig files. Credentials are embedded, so the file is a secret: mode 0600.

A file for people has no current context: a command that names none fails, instead of acting on some cluster.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import yaml

from sandbox.certificates import Pair
from sandbox.secret_file import write_secret


@dataclass(frozen=True)
class Entry:
    """One context: where the server is, who vouches for it, as whom to speak to it."""

    server: str
    authority: Path
    client: Pair


def write(file: Path, entries: Mapping[str, Entry], current: str = "") -> None:
    """Writes `file` with one context, cluster and user for each entry, all three of the entry's name."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": current,
        "clusters": [
            {
                "name": name,
                "cluster": {"server": e.server, "certificate-authority-data": _inline(e.authority)},
            }
            for name, e in entries.items()
        ],
        "users": [
            {
                "name": name,
                "user": {
                    "client-certificate-data": _inline(e.client.certificate),
                    "client-key-data": _inline(e.client.key),
                },
            }
            for name, e in entries.items()
        ],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name}} for name in entries],
    }
    write_secret(file, yaml.safe_dump(document, sort_keys=False))


def _inline(file: Path) -> str:
    return base64.b64encode(file.read_bytes()).decode()
