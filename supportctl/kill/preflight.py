"""Whether a kill would work today: the credential, its scopes, and whether the server would take the document.

Owns one harmless question per power that a kill needs. Changes nothing. That a credential may read does not prove
that it may delete, so its scopes are asked for too; where the API does not tell them, that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.tailnet.client import Client
from providers.tailnet.ownership import section_of
from providers.tailnet.problems import TailnetError
from providers.tailnet.severance import Mark, severed
from providers.tailnet.slice import read
from supportctl.kill.target import Target

SCOPES = ("policy_file", "oauth_keys", "federated_keys", "auth_keys", "devices:core", "services")
"""What a kill needs to be able to write. policy_file brings devices:posture_attributes with it."""


@dataclass(frozen=True, slots=True)
class Check:
    """One question and its answer in words."""

    ok: bool
    what: str


def preflight(client: Client, aim: Target | None) -> list[Check]:
    """All questions, none of which stops the others. aim: also ask the server about the document without it."""
    return [
        *_scopes(client),
        _asked("the policy document can be read", lambda: f"{len(client.policy().text)} bytes"),
        *([_asked(f"the server takes the document without {aim.name}", lambda: _verdict(client, aim))] if aim else []),
        _asked("credentials can be listed", lambda: f"{len(client.keys())}"),
        _asked("devices can be listed", lambda: f"{len(client.devices())}"),
        _asked("Tailscale Services can be listed", lambda: f"{len(client.services())}"),
    ]


def _asked(what: str, ask: Callable[[], str]) -> Check:
    try:
        return Check(True, f"{what}: {ask()}")
    except TailnetError as error:
        return Check(False, f"{what}: {error}")


def _scopes(client: Client) -> list[Check]:
    held = client.scopes()
    if held is None:
        return [Check(True, "the credential is a person's API key, or does not say its scopes: it was not checked")]
    missing = [scope for scope in SCOPES if "all" not in held and scope not in held]
    if missing:
        return [Check(False, f"the credential lacks {', '.join(missing)}: give a kill credential of its own these")]
    return [Check(True, f"the credential has {', '.join(SCOPES)}")]


def _verdict(client: Client, aim: Target) -> str:
    policy = client.policy()
    tags = list((section_of(read(policy.text), "tagOwners") or {}).keys())
    mark = Mark(who="preflight", when="", why="")
    customer = None if aim.environment else aim.customer
    candidate = severed(policy.text, aim.environments(tags), mark, customer=customer)
    verdict = client.validate(candidate.outcome.text)
    if verdict.tests_failed:
        return "yes, after taking out tests that ask for this access: " + "; ".join(verdict.errors)
    if verdict.errors:
        raise TailnetError("; ".join(verdict.errors))
    return "yes"
