"""The credential on its own way: printed once, or encrypted to somebody's age key. Never in clear in a file.

Owns the form, a Secret that the customer applies as it comes. Does not own the credential: it is the stack's secret
output, and rotating or revoking it is the stack's business.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from components.manifests.credential import credential
from components.settings.environment import EnvironmentSettings
from supportctl.handoff.yaml_text import yaml_text

OUTPUT = "operatorCredential"


class CredentialError(Exception):
    """Why the credential cannot be given, and how to mend it."""


def credential_text(settings: EnvironmentSettings, outputs: dict[str, Any]) -> str:
    """The Secret as YAML. Secret: the caller prints it on demand or encrypts it."""
    held = outputs.get(OUTPUT)
    if not isinstance(held, dict) or not held.get("client_id") or not held.get("client_secret"):
        raise CredentialError(
            f"The stack holds no operator credential (output {OUTPUT}): run `pulumi up -s {settings.names.name}` first."
        )
    secret = credential(
        settings.credential.generation,
        client_id=held["client_id"],
        client_secret=held["client_secret"],
        labels=settings.names.labels,
    )
    return yaml_text([secret])


def encrypt(text: str, recipients: Sequence[str]) -> bytes:
    """Armoured age text for recipients in the form `age1...` or of an SSH public key."""
    import pyrage  # only who encrypts waits for it

    parsed = []
    for recipient in recipients:
        kind = pyrage.ssh if recipient.startswith("ssh-") else pyrage.x25519
        try:
            parsed.append(kind.Recipient.from_str(recipient.strip()))
        except pyrage.RecipientError:
            raise CredentialError(
                f"{recipient!r} is no age recipient. It looks like age1... (from `age-keygen`), or is an SSH public "
                "key of type ssh-ed25519 or ssh-rsa. Ask the customer for theirs."
            ) from None
    return pyrage.encrypt(text.encode(), parsed, armored=True)


def write_private(file: Path, content: bytes) -> None:
    """To a file that only its owner reads; one that is there is replaced, never followed or reused."""
    part = file.with_name(f".{file.name}.part")
    try:
        part.unlink(missing_ok=True)
        with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
            opened.write(content)
        part.replace(file)
    except OSError as error:
        raise CredentialError(f"{file} cannot be written: {error.strerror}.") from None
