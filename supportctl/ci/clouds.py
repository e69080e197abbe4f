"""Which clouds a deployment of one stack has to log in to, so that no job gets an identity that it does not need.

Owns the recognition: by where the state is, by the key of its secrets, and by where the stack opens egress. Logs in
nowhere. How the cluster is reached the runner's own kubeconfig says.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from components.documents import DocumentError, read_yaml
from supportctl.ci.encryption import BACKEND
from supportctl.stack import StackError

CLOUDS = {
    "aws": ("s3://", "awskms://"),
    "gcp": ("gs://", "gcpkms://"),
    "azure": ("azblob://", "azurekeyvault://"),
}
"""Each with how the addresses of its buckets and keys begin; egress targets begin with its name and a hyphen."""
PULUMI = "pulumi"
"""Pulumi Cloud, where nothing else is named."""


def clouds(stack: str, project: Path, environ: Mapping[str, str] = os.environ) -> dict[str, bool]:
    """`aws`, `gcp`, `azure` and `pulumi`, each with whether it is needed. Raises StackError."""
    settings = _read(project / "stacks" / f"Pulumi.{stack}.yaml")
    declared = (_read(project / "Pulumi.yaml").get("backend") or {}).get("url")
    backend = environ.get(BACKEND) or str(declared or "")
    addresses = (backend, str(settings.get("secretsprovider") or ""))
    egress = (settings.get("config") or {}).get("support-access:egress") or ()
    targets = [str(each.get("target")) for each in egress if isinstance(each, dict)]
    found = {
        cloud: any(address.startswith(schemes) for address in addresses)
        or any(target.startswith(f"{cloud}-") for target in targets)
        for cloud, schemes in CLOUDS.items()
    }
    return {**found, PULUMI: not backend or backend.startswith("https://")}


def _read(file: Path) -> dict[str, Any]:
    try:
        return read_yaml(file)
    except DocumentError as error:
        raise StackError(str(error)) from None
