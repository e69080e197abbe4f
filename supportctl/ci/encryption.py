"""Stacks whose secrets anybody could open are not run outside of the sandbox.

Owns the recognition. A stack keeps the operator's OAuth secret in its state, encrypted with what its file names. An
`encryptionsalt` means a passphrase: one text that all who run the stack know, that nobody rotates, and that in CI lies
beside the state. The sandbox's is public. What the sandbox is, its own API says: the address is one of loopback, and a
real tailnet has none there.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from ipaddress import ip_address
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from components.documents import DocumentError, read_yaml
from supportctl.stack import StackError

API = "TAILSCALE_BASE_URL"
BACKEND = "PULUMI_BACKEND_URL"
CLOUD = "https://"
"""Addresses of Pulumi Cloud begin so, a self-hosted one too; every other backend leaves encryption to the stack."""


def refuse_passphrase(stack: str, project: Path, environ: Mapping[str, str] = os.environ) -> None:
    """Raises StackError for a stack that a passphrase encrypts, and outside of the sandbox alone."""
    if in_sandbox(environ):
        return
    file, contents = _contents(stack, project)
    provider = str(contents.get("secretsprovider") or "")
    if "encryptionsalt" in contents or provider == "passphrase":
        why = "it has an encryptionsalt" if "encryptionsalt" in contents else "its secretsprovider is passphrase"
    elif not provider and not (environ.get(BACKEND) or CLOUD).startswith(CLOUD):
        why = f"it names no secretsprovider, and {BACKEND} is not Pulumi Cloud"
    else:
        return
    raise StackError(
        f"The secrets of {stack} are encrypted with a passphrase ({file.name}: {why}), which is refused outside of the"
        " sandbox: everybody who runs the stack knows it, and nobody can take it back.\nMend: `pulumi stack"
        f" change-secrets-provider -s {stack} awskms://alias/pulumi?region=eu-central-1` (or gcpkms, azurekeyvault,"
        " hashivault; `default` with Pulumi Cloud), then commit the stack's file. docs/ci.md goes through them."
    )


def secrets_provider(stack: str, project: Path) -> str:
    """The key that the stack's file names; "" where it names none. Raises StackError."""
    return str(_contents(stack, project)[1].get("secretsprovider") or "")


def in_sandbox(environ: Mapping[str, str]) -> bool:
    """Whether the Tailscale API that the environment names is on loopback."""
    host = urlsplit(environ.get(API, "")).hostname or ""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _contents(stack: str, project: Path) -> tuple[Path, dict[str, Any]]:
    file = project / "stacks" / f"Pulumi.{stack}.yaml"
    try:
        return file, read_yaml(file)
    except DocumentError as error:
        raise StackError(str(error)) from None
