"""The judgement of a policy: the one way in for the API's save, its validation and the replay of recorded answers.

Owns the order of the checks; the first that fails is the answer. No state: a text and a tailnet in, a document
out or Refusal.
"""

from __future__ import annotations

from typing import Any

from sandbox.tailscale.policy import document as documents
from sandbox.tailscale.policy import hujson, sections, server_tests, ssh
from sandbox.tailscale.policy.document import Document
from sandbox.tailscale.policy.reach import Reach
from sandbox.tailscale.policy.refusal import Refusal
from sandbox.tailscale.policy.rules import network_rules
from sandbox.tailscale.policy.tailnet import Tailnet


def judge(text: str, tailnet: Tailnet) -> Document:
    """Accept the whole policy `text` for `tailnet`, its own tests included, or raise Refusal."""
    document = documents.parse(text)
    reached = reach(document, tailnet)
    server_tests.check(document, tailnet, reached)
    ssh.check_tests(document, tailnet, reached)
    return document


def run_tests(text: str, tests: list[Any], tailnet: Tailnet) -> None:
    """Run `tests` against the policy `text`, whose own tests are not run. Raises Refusal when one fails."""
    document = documents.parse(text)
    given = documents.from_value({"tests": tests}).entries("tests")
    server_tests.check(document, tailnet, reach(document, tailnet), given)


def values(text: str) -> dict[str, Any]:
    """A stored policy as plain values, under the names that its author used."""
    return hujson.loads(text)


def reach(document: Document, tailnet: Tailnet) -> Reach:
    """Check the document but for its tests, and say who reaches whom under it. Raises Refusal."""
    sections.check(document, tailnet)
    rules = network_rules(document, tailnet)
    ssh.check_rules(document, tailnet)
    return Reach(document, tailnet, rules)


__all__ = ["Refusal", "judge", "reach", "run_tests", "values"]
