"""Whether a kill would work today: the credential, its scopes, and whether the server would take the document.

Owns one harmless question per power that a kill needs. Changes nothing. That a credential may read does not prove
that it may delete, so its scopes are asked for too; where the API does not tell them, that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from providers.tailnet.client import Client
from providers.tailnet.ownership import mentioned_tags
from providers.tailnet.problems import TailnetError
from providers.tailnet.severance import Mark, severed
from providers.tailnet.slice import read
from supportctl.kill.target import Target
from supportctl.removal import ROUNDS, Refused

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
    try:
        held = client.scopes()
    except TailnetError as error:
        return [Check(False, f"the credential is taken: {error}")]
    if held is None:
        return [Check(True, "the credential is a person's API key, or does not say its scopes: it was not checked")]
    missing = [scope for scope in SCOPES if "all" not in held and scope not in held]
    if missing:
        return [Check(False, f"the credential lacks {', '.join(missing)}: give a kill credential of its own these")]
    return [Check(True, f"the credential has {', '.join(SCOPES)}")]


def _verdict(client: Client, aim: Target) -> str:
    """Goes through the same rounds as the removal (removal.py), with the server's judgement in place of its refusal."""
    policy = client.policy()
    mark = Mark(who="preflight", when="", why="")
    customer = None if aim.environment else aim.customer
    refused = Refused()
    for _ in range(ROUNDS):
        text = refused.without(policy.text)
        environments = aim.environments(mentioned_tags(read(text), lambda _: False))
        verdict = client.validate(severed(text, environments, mark, customer=customer).outcome.text)
        if not verdict.errors:
            return "; ".join(("yes", *refused.words))
        # The verdict has `<source>: <what>` where a refusal has both apart.
        said = [line.partition(": ") for line in verdict.errors] if verdict.tests_failed else []
        if not refused.take([{"user": source, "errors": [what]} for source, _, what in said]):
            raise TailnetError("no: " + "; ".join(verdict.errors))
    raise TailnetError(f"no: the server names other failing tests in each of {ROUNDS} rounds")
