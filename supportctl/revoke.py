"""`supportctl revoke-engineer`: one person out of the policy document everywhere, on the worst day.

Owns the one write, the list of the person's devices, and the reminder of the stacks' files that still name them.
Removes no device: a person's laptop is theirs, and without a grant it reaches nothing of a customer's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from components.settings.forms import address as one_persons_address
from components.settings.problems import PROJECT
from providers.tailnet.client import Client
from providers.tailnet.engineer import groups_from_elsewhere, sources_at, still_named, without_engineer
from providers.tailnet.logins import lowered
from providers.tailnet.open_policy import OPEN_MEANS, is_open
from providers.tailnet.problems import TailnetError
from supportctl.connection import tailscale
from supportctl.removal import remove
from supportctl.screen import console

DONE, IN_PART, NOT_DONE = 0, 1, 2
"""Exit codes: out of the document; out of it by name, and something may still let the person in that is told, or could
not be looked at; not out of it, or not known to be."""


def run_revoke(address: str, *, yes: bool, project: Path) -> int:
    """Takes the person out. Returns 0, also when the document did not name them."""
    out, errors = console(), console(stderr=True)
    try:
        address = one_persons_address(address)
    except ValueError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_DONE
    if not yes and not _confirmed(out, address):
        out.print("Not confirmed; nothing was changed. --yes asks nothing.")
        return NOT_DONE
    unseen = 0
    try:
        with tailscale() as client:
            removal = remove(client, lambda text: without_engineer(text, address))
            for line in removal.words:
                out.print(line, markup=False)
            if not removal.words:
                out.print(f"The policy document lets {address} in nowhere by name.", markup=False)
            document = removal.written.outcome.after
            unseen += _tell_open(out, document, address)
            for section in still_named(document, address):
                out.print(f"left: {section} still names {address}, in a place that lets nobody in", markup=False)
            unseen += _tell_groups(out, document, address)
            unseen += _tell_devices(out, client, document, address)
    except TailnetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_DONE
    unseen += _tell_files(out, address, project / "stacks")
    out.print(
        "What everybody in the tailnet may reach, this person still may: suspend the user in the admin console "
        "(Users) to end that as well."
    )
    return IN_PART if unseen else DONE


def _confirmed(out: Console, address: str) -> bool:
    try:
        typed = out.input(f"This ends all support access of {address}. Type it to go on: ", markup=False)
    except (EOFError, KeyboardInterrupt):  # nobody is there to ask
        return False
    return lowered(typed.strip()) == address


def _is_of(device: dict[str, Any], address: str) -> bool:
    return not device.get("tags") and str(device.get("user", "")).lower() == address.lower()


def _tell_open(out: Console, document: dict[str, Any], address: str) -> int:
    """Says when everybody is let in, whom no edit of groups and grants keeps out. Returns whether that is so."""
    if not is_open(document):
        return 0
    out.print(
        f"left: {OPEN_MEANS}, {address} included. Fix: suspend the user in the admin console (Users), and close the"
        " document: docs/tailnet-stack.md",
        markup=False,
    )
    return 1


def _tell_groups(out: Console, document: dict[str, Any], address: str) -> int:
    """Names the groups of which the document does not say who is in them. Returns how many."""
    groups = groups_from_elsewhere(document)
    for group in groups:
        out.print(
            f"left: {group}, if {address} is in it: the identity provider fills it, so take the person out there",
            markup=False,
        )
    return len(groups)


def _tell_devices(out: Console, client: Client, document: dict[str, Any], address: str) -> int:
    """Names the person's devices, and what lets them in by their addresses. Returns how many ways in that is, or 1
    where devices could not be listed, which leaves what was revoked revoked."""
    try:
        devices = [device for device in client.devices() if _is_of(device, address)]
    except TailnetError as error:
        out.print(f"{address} is out of the policy document. Their devices could not be listed: {error}", markup=False)
        return 1
    if not devices:
        out.print(f"{address} has no device in the tailnet.", markup=False)
    for device in devices:
        seen = "online" if device.get("connectedToControl") else f"last seen {device.get('lastSeen') or 'never'}"
        out.print(f"device of {address}: {device.get('name')} ({device.get('nodeId')}), {seen}", markup=False)
    sources = sources_at(document, [str(one) for device in devices for one in device.get("addresses") or []])
    for source in sources:
        out.print(f"left: {source}, which is let in and holds such a device: take it out by hand", markup=False)
    return len(sources)


def _tell_files(out: Console, address: str, stacks: Path) -> int:
    """Names the stacks' files that would bring the person back. Returns how many could not be read."""
    unread = 0
    for path in sorted(stacks.glob("Pulumi.*.yaml")):
        try:
            text = path.read_bytes().lower()
            named = any(spelled.encode() in text for spelled in (address, address.replace("'", "''")))  # quoted in YAML
        except OSError as error:
            unread += 1
            out.print(f"{path} could not be read ({error.strerror}): see whether it names {address}", markup=False)
            continue
        if named:
            out.print(f"left: {path} still names {address}: {_mended(path)}", markup=False)
    return unread


def _mended(path: Path) -> str:
    """What keeps the next `pulumi up` from bringing the person back: who is revoked is named in the file as well."""
    if path.name == "Pulumi.tailnet.yaml":
        return f"unless it stands under {PROJECT}:tailnet.revoked, put it there, or `pulumi up -s tailnet` undoes this"
    return "take it out too, or the next `pulumi up` brings it back"
