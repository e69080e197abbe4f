"""Who or what a rule names: people, groups, tags, hosts, addresses, autogroups.

Owns whether a name means anything in a document, and the message when it does not. Whether it matches a given
device is reach.py's business.
"""

from __future__ import annotations

from sandbox.tailscale.policy import grammar
from sandbox.tailscale.policy.document import Document
from sandbox.tailscale.policy.refusal import Refusal, quoted
from sandbox.tailscale.policy.tailnet import Tailnet

# Role in the tailnet -> the autogroup of the people who hold it.
ROLE_AUTOGROUPS = {
    f"autogroup:{role}": role for role in ("owner", "admin", "network-admin", "it-admin", "billing-admin", "auditor")
}
PEOPLE_AUTOGROUPS = frozenset({"autogroup:member", "autogroup:members", "autogroup:shared", *ROLE_AUTOGROUPS})
AUTOGROUPS = PEOPLE_AUTOGROUPS | {"autogroup:tagged", "autogroup:internet", "autogroup:self", "autogroup:danger-all"}


def is_user(name: str) -> bool:
    """A login name: alice@example.com, alice@github, phone@passkey."""
    return "@" in name and not name.startswith(("group:", "tag:", "autogroup:", "user:"))


def check_source(name: str, document: Document, tailnet: Tailnet) -> None:
    """Refuse what cannot be a source of an acl or a grant."""
    if name in ("autogroup:self", "autogroup:internet"):
        raise Refusal(f"{quoted(name)} not valid on the src side of a rule")
    try:
        check(name, document, tailnet)
    except UnknownName as error:
        raise Refusal(f"src={error.message}") from error


def check_destination(name: str, document: Document, tailnet: Tailnet) -> None:
    """Refuse what cannot be a destination, without its ports; the caller says where in the message."""
    if name == "autogroup:danger-all":
        raise Refusal("cannot use autogroup:danger-all as a dst")
    check(name, document, tailnet)


class UnknownName(Refusal):
    """A selector that means nothing in this document."""


def check(name: str, document: Document, tailnet: Tailnet) -> None:
    """Refuse a selector that means nothing here."""
    if name == "*" or name in document.hosts or name in AUTOGROUPS:
        return
    kind, _, rest = name.partition(":")
    if kind == "tag":
        check_tag_declared(name, document)
    elif kind == "group":
        # group:name@domain is synchronised from the identity provider and is not listed in the document.
        if name not in document.lists("groups") and "@" not in rest:
            raise UnknownName(f"group not found: {quoted(name)}")
    elif kind == "autogroup":
        raise UnknownName(f"autogroup not found: {quoted(name)}")
    elif kind == "ipset":
        if name not in document.lists("ipsets"):
            raise UnknownName(f"ipset not found: {quoted(name)}")
    elif kind == "user":
        check_domain(rest, tailnet)
    elif not (is_user(name) or grammar.network(name) or (kind == "svc" and rest)):
        raise UnknownName(f"{quoted(name)}: invalid address")


def check_tag_declared(tag: str, document: Document) -> None:
    if tag not in document.lists("tagOwners"):
        raise UnknownName(f"tag not found: {quoted(tag)}")


def check_domain(pattern: str, tailnet: Tailnet, *, prefix: str = "") -> None:
    """`*@domain`: only the tailnet's own domain may stand there."""
    domain = pattern.rpartition("@")[2]
    if not pattern.startswith("*@") or domain not in tailnet.domains():
        raise Refusal(
            f"{prefix}{domain} is not associated with this Tailnet and cannot be used in user:*@<domain> expressions"
        )
