"""The policy document that lets everybody in: one with neither `acls` nor `grants`.

Owns its recognition, how it is closed, and the messages about both. Recorded: with neither section the service compiles
one rule, every device of the tailnet to every other at every port; an empty list compiles to no rule at all. What such
a document lets through is `analysis.rules`' to say; which slice refuses it is `slice`'s. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from .ownership import section_key, section_of
from .problems import PolicyError

NETWORK_SECTIONS = ("acls", "grants")
"""The sections of which one is enough to close the network: what neither of them allows is refused."""

CLOSE = "close"
"""The only value of the shared slice's `openPolicy`."""

CLOSES = "This change turns the tailnet from open to closed"
"""How a preview begins that closes the document; the pull request's comment finds it by this."""

OPEN_MEANS = (
    "the tailnet's policy document has neither `acls` nor `grants`, so every device of the tailnet reaches every other"
    " at every port"
)

_SET = "pulumi config set --stack tailnet --path support-access:tailnet.openPolicy close"
_OWNERS, _DEVICES = 20, 3
"""How many users and tags are listed of those who lose access, and how many devices of each."""


def is_open(document: Mapping[str, Any]) -> bool:
    """Whether the document has neither section, or null in their place.

    No recording has a null. The service reads JSON in Go, where null and an absent list are the same, so it counts as
    absent: the more dangerous reading.
    """
    return all(section_of(document, section) is None for section in NETWORK_SECTIONS)


def closed(document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with an empty list of grants where it is open."""
    return {**document, section_key(document, "grants"): []} if is_open(document) else dict(document)


def refuse_environment(document: Mapping[str, Any], name: str) -> None:
    """Raises PolicyError for an open document, to which nothing of the environment is added."""
    if is_open(document):
        raise PolicyError(
            f"{_capital(OPEN_MEANS)}, {name} included as soon as its operator is online. The first grant would take"
            " everybody else's access away, and until then the tests that isolate the environment cannot pass. Nothing"
            " was written.\n"
            f"Fix: close the tailnet in its own stack first: `{_SET}`, then `pulumi preview -s tailnet`, which lists"
            " what stops working, and `pulumi up -s tailnet`. Or write the `grants` that must keep working into the"
            " document (Access controls in the admin console): from then on only they hold.\n"
            f"`pulumi destroy` and `supportctl kill {name}` work with an open document."
        )


def refuse_unaccepted(before: Mapping[str, Any], after: Mapping[str, Any], sections: Mapping[str, Any]) -> None:
    """Raises PolicyError for what a shared slice that does not close the document cannot add to an open one: the first
    rule, and tests that deny."""
    if not is_open(before):
        return
    denies = any(
        value
        for test in sections.get("tests") or ()
        for field, value in test.items()
        if isinstance(field, str) and field.lower() == "deny"
    )
    if not is_open(after):
        why = "the first rule takes everybody else's access away"
    elif denies:
        why = "no test that denies can pass"
    else:
        return
    raise PolicyError(
        f"{_capital(OPEN_MEANS)}: {why}. Nothing was written.\n"
        f"Fix: accept that the tailnet is closed: `{_SET}`, then `pulumi preview -s tailnet`, which lists what stops"
        " working. Or write the `grants` that must keep working into the document (Access controls in the admin"
        " console) first."
    )


def stays_open() -> str:
    """The warning of a shared slice that leaves an open document open."""
    return (
        f"{OPEN_MEANS}. No environment's stack comes up until it is closed. Fix: `{_SET}`, then `pulumi preview -s"
        " tailnet`, which lists what stops working"
    )


def reached_until_deleted(name: str) -> str:
    """The note of a removal from an open document, which revokes nothing by itself."""
    return (
        "the tailnet's policy document has neither `acls` nor `grants`, so every device of the tailnet could reach"
        f" {name}'s devices until they were deleted. The document stays open"
    )


def closing(devices: Iterable[Mapping[str, Any]] | None, unlisted: str = "") -> str:
    """What stops working when an open document is closed. devices: of the tailnet, as the API lists them; None where it
    did not, with the reason in `unlisted`."""
    after = (
        "today, because its policy document has neither `acls` nor `grants`; afterwards nothing is reached that no"
        " grant names, Tailscale SSH included."
    )
    way = "What must keep working needs a grant in the document before: Access controls in the admin console."
    if devices is None:
        return (
            f"{CLOSES}: every device can reach every other at every port {after}\n"
            f"Which devices lose access is not known, they could not be listed: {unlisted}\n{way}"
        )
    owned: dict[str, list[str]] = {}
    for device in devices:
        name = str(device.get("name") or device.get("hostname") or device.get("nodeId"))
        for owner in device.get("tags") or [str(device.get("user") or "no user")]:
            owned.setdefault(owner, []).append(name)
    count = len({name for names in owned.values() for name in names})
    lines = [f"  {owner}: {_some(sorted(names), _DEVICES)}" for owner, names in sorted(owned.items())[:_OWNERS]]
    if len(owned) > _OWNERS:
        lines.append(f"  and {len(owned) - _OWNERS} more users and tags")
    losing = "\n".join(["Who loses access to all other devices:", *lines]) if owned else "No device is in the tailnet."
    reach = "1 device can reach any other" if count == 1 else f"{count} devices can reach each other"
    return f"{CLOSES}: {reach} at every port {after}\n{losing}\n{way}"


def _some(names: list[str], most: int) -> str:
    more = f" and {len(names) - most} more" if len(names) > most else ""
    return ", ".join(names[:most]) + more


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
