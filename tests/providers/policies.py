"""Policy documents and slices that the tests of this folder share."""

from __future__ import annotations

from typing import Any

from providers.tailnet.hujson import parse
from providers.tailnet.slice import Slice
from providers.tailnet.tags import Environment

ACME = Environment("acme", "prod")
GLOBEX = Environment("globex", "prod")
TRAP = Environment("acme-prod", "x")

FOREIGN = """\
// The vendor's tailnet. Ask #network before you change anything.
{
  "groups": {
    "group:highflame-sre": ["ann@example.com", "bob@example.com"], // on call
  },

  "tagOwners": {
    // build machines
    "tag:ci":       ["autogroup:admin"],
    "tag:internal": ["autogroup:admin"],
  },

  "grants": [
    // Engineers reach the build machines.
    {"src": ["group:highflame-sre"], "dst": ["tag:ci"], "ip": ["*"]},
  ],

  "tests": [
    {"src": "tag:ci", "deny": ["tag:internal:22"]},
  ],
}
"""


def grant(environment: Environment, group: str = "group:highflame-sre", **more: Any) -> dict[str, Any]:
    """The grant of the design for one group."""
    return {
        "src": [group],
        "dst": [environment.kube_tag],
        "ip": ["tcp:443"],
        "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": [group.removeprefix("group:")]}}]},
        **more,
    }


def identity(environment: Environment, grants: list[Any] | None = None, **more: Any) -> Slice:
    """The identity slice of an environment whose access slice declares `grants`."""
    operator, proxy, customer = environment.chain_tags
    sections = {
        "tagOwners": {
            operator: ["tag:support-access-deployer"],
            proxy: [operator],
            customer: [operator],
            environment.kube_tag: ["tag:support-access-deployer"],
        },
        "autoApprovers": {"services": {environment.kube_tag: [environment.kube_tag]}},
        "tests": [{"src": environment.kube_tag, "deny": ["tag:internal:443"]}],
        **more,
    }
    declared = {"grants": [grant(environment)] if grants is None else grants}
    return Slice(part="identity", environment=environment, sections=sections, declared=declared)


def access(environment: Environment, grants: list[Any] | None = None, *, active: bool = True, **more: Any) -> Slice:
    """The access slice of an environment."""
    sections = {"grants": [grant(environment)] if grants is None else grants, **more}
    return Slice(part="access", environment=environment, sections=sections, active=active)


def value(text: str) -> dict[str, Any]:
    return parse(text).value


def names(text: str, environment: Environment) -> bool:
    """Whether the document's values (not its comments) name one of the environment's tags."""
    from providers.tailnet.ownership import mentioned_tags

    return any(environment.owns(tag) for tag in mentioned_tags(value(text), lambda _: False))
