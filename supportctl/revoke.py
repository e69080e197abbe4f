"""`supportctl revoke-engineer`: one person out of the policy document everywhere, on the worst day.

Owns the one write, the list of the person's devices, and the reminder that the tailnet stack's file still names them.
Removes no device: a person's laptop is theirs, and without a grant it reaches nothing of a customer's.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from rich.console import Console

from components.settings.forms import address as one_persons_address
from providers.tailnet.engineer import still_named, without_engineer
from providers.tailnet.problems import TailnetError
from supportctl.connection import tailscale
from supportctl.removal import remove
from supportctl.screen import console

DONE, NOT_DONE = 0, 2


def run_revoke(address: str, *, yes: bool, project: Path) -> int:
    """Takes the person out. Returns 0, also when the document did not name them."""
    out, errors = console(), console(stderr=True)
    try:
        one_persons_address(address)
    except ValueError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_DONE
    if not yes and not _confirmed(out, address):
        out.print("Not confirmed; nothing was changed. --yes asks nothing.")
        return NOT_DONE
    try:
        with tailscale() as client:
            removal = remove(client, lambda text: without_engineer(text, address))
            for line in removal.words:
                out.print(line, markup=False)
            if not removal.words:
                out.print(f"The policy document lets {address} in nowhere by name.", markup=False)
            for section in still_named(removal.written.outcome.after, address):
                out.print(f"left: {section} still names {address}, in a place that lets nobody in", markup=False)
            _tell_devices(out, [device for device in client.devices() if _is_of(device, address)], address)
    except TailnetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_DONE
    for path in _files_with(address, project / "stacks"):
        out.print(f"left: {path} still names {address}: take it out too, or the next `pulumi up` brings it back")
    out.print(
        "What everybody in the tailnet may reach, this person still may: suspend the user in the admin console "
        "(Users) to end that as well."
    )
    return DONE


def _confirmed(out: Console, address: str) -> bool:
    try:
        typed = out.input(f"This ends all support access of {address}. Type it to go on: ", markup=False)
    except (EOFError, KeyboardInterrupt):  # nobody is there to ask
        return False
    return typed.strip() == address


def _is_of(device: dict[str, Any], address: str) -> bool:
    return not device.get("tags") and str(device.get("user", "")).lower() == address.lower()


def _tell_devices(out: Console, devices: list[dict[str, Any]], address: str) -> None:
    if not devices:
        out.print(f"{address} has no device in the tailnet.", markup=False)
    for device in devices:
        seen = "online" if device.get("connectedToControl") else f"last seen {device.get('lastSeen') or 'never'}"
        out.print(f"device of {address}: {device.get('name')} ({device.get('nodeId')}), {seen}", markup=False)


def _files_with(address: str, stacks: Path) -> list[Path]:
    return [path for path in sorted(stacks.glob("Pulumi.*.yaml")) if address.lower() in path.read_text().lower()]
