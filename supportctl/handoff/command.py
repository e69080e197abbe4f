"""What `supportctl handoff` does with its arguments: reads the stack, writes the folder, gives the credential.

Owns the order, the refusals and the exit code. The folder never holds the credential.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.settings.environment import Delivery, EnvironmentSettings
from components.settings.federation import id_wanted, wrong_id
from supportctl.handoff.agreement import disagreement
from supportctl.handoff.bundle import bundle
from supportctl.handoff.credential import CredentialError, credential_text, encrypt, write_private
from supportctl.handoff.folder import FolderError, write_folder
from supportctl.screen import console
from supportctl.stack import StackError, outputs_of, relays_in, settings_of

WRITTEN, NOT_WRITTEN = 0, 2


@dataclass(frozen=True, kw_only=True, slots=True)
class HandoffOptions:
    """The arguments of `supportctl handoff`; see commands.py."""

    stack: str
    out: Path
    age: tuple[str, ...]
    credential: Path | None
    print_credential: bool
    project: Path


class HandoffError(Exception):
    """What stands in the way of a handoff, and how to mend it."""


def run_handoff(options: HandoffOptions) -> int:
    """Writes the folder, then gives the credential where that was asked for. Returns the exit code."""
    say = console(stderr=True)
    try:
        _check(options)
        settings = settings_of(options.stack, options.project)
        if settings.delivery is not Delivery.HANDOFF:
            raise HandoffError(
                f"{options.stack} is delivered by this program (delivery: managed): there is nothing to hand over. "
                "Take `cluster` out of the stack's file if the customer installs."
            )
        outputs = outputs_of(options.stack, options.project)
        users = outputs.get("ceiling", {}).get("users")
        if users is None:
            raise HandoffError(f"The stack was never up: run `pulumi up -s {options.stack}` first.")
        if settings.credential.federation is not None:
            _check_federation(options, settings, outputs)
        if refusal := disagreement(options.stack, settings, outputs):
            raise HandoffError(refusal)
        # Before anything is written: a credential that cannot be given must not leave half a handoff.
        secret = credential_text(settings, outputs) if options.age or options.print_credential else None
        encrypted = encrypt(secret, options.age) if secret and options.age else None
        files = bundle(settings, users, relays_in(outputs))
        write_folder(options.out, files)
        say.print(f"{options.out}: {', '.join(sorted(files))}, SHA256SUMS", markup=False)
        if encrypted and options.credential:
            write_private(options.credential, encrypted)
            say.print(f"{options.credential}: the credential, encrypted. Send it on another way.", markup=False)
        if secret and options.print_credential:
            say.print("The credential follows, once, on standard output. It is in no file.", markup=False)
            sys.stdout.write(secret)
        _tell_pending(options, settings, outputs)
    except (HandoffError, StackError, CredentialError, FolderError) as error:
        say.print(f"error: {error}", markup=False)
        return NOT_WRITTEN
    return WRITTEN


def _check(options: HandoffOptions) -> None:
    if bool(options.age) != bool(options.credential):
        raise HandoffError(
            "--age and --credential belong together: to whom the credential is encrypted, and the file for it."
        )
    if options.credential and options.credential.resolve().parent.is_relative_to(options.out.resolve()):
        raise HandoffError(
            f"{options.credential} is in the folder that is handed over. The credential goes on another way: name a "
            "file elsewhere."
        )


def _check_federation(options: HandoffOptions, settings: EnvironmentSettings, outputs: dict[str, Any]) -> None:
    """There is no secret to give, and no folder without the identity's id, or with another's."""
    federation, made = settings.credential.federation, outputs.get("credential", {}).get("id")
    if federation is None:
        return
    if options.age or options.print_credential:
        raise HandoffError(
            "There is no credential to hand over: credential.federation is set, and the cluster's own tokens take its"
            " place. Leave out --age, --credential and --print-credential."
        )
    if not made or outputs["credential"].get("kind") != "federated":
        raise HandoffError(f"The identity is not made yet: run `pulumi up -s {options.stack}` first.")
    if federation.client_id is None:
        raise HandoffError(id_wanted(options.stack, made))
    if refusal := wrong_id(options.stack, federation.client_id, made):
        raise HandoffError(refusal)


def _tell_pending(options: HandoffOptions, settings: EnvironmentSettings, outputs: dict[str, object]) -> None:
    say = console(stderr=True)
    if settings.credential.federation is None and not options.age and not options.print_credential:
        say.print(
            f"The credential is not given. With --age RECIPIENT --credential FILE it is encrypted to the customer; "
            f"with --print-credential it is printed. It is Secret generation {settings.credential.generation}.",
            markup=False,
        )
    for line in outputs.get("pending") or ():  # type: ignore[attr-defined]
        say.print(f"pending: {line}", markup=False)
