"""Kubernetes objects as YAML text. Owns the form: keys in the order in which they were written, no aliases."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import yaml


class _Plain(yaml.SafeDumper):
    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002 (the signature is the library's)
        return True


def yaml_text(documents: Iterable[Any]) -> str:
    return yaml.dump_all(documents, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=120, explicit_start=True)
