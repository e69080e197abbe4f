"""Who reaches an environment, as whom, and what of it is wrong: an evaluator of policy documents.

Pure functions over a parsed document (`hujson.parse(text).value`); they call nobody, and raise nothing on account of
what a document holds. The preview, the report and the policy pack use them:

    from providers.tailnet.analysis import access_map, accepted, describe, findings, stops

    declared = {"grants": [...], "postures": {...}}      # what the environment's own stack declares
    access = access_map(document, environment, devices, declared=declared)
    judged = accepted(findings(document, environment, declared=declared, devices=devices), exceptions)
    lines = describe(access, judged)                      # for people
    blocking = stops(before, after, environment, declared=declared, exceptions=exceptions)   # () lets it pass

`devices` is optional everywhere: `[{"tags": [...], "user": "ada@example.com", "addresses": ["100.64.0.7"]}]`. It tells
whose a single address is; without it a rule for one address of the tailnet is nobody's. An exception is
`{"finding": kind, "subject": subject, "reason": why}`; the kinds are `KINDS`.

What it cannot see: who has a role (`autogroup:admin`), who is in a group of the identity provider, which routes a
person approved by hand, what the customer's RBAC allows. In doubt it finds too much, not too little.
"""

from __future__ import annotations

from .access import AccessMap, Caller, Reach, access_map
from .change import additions, stops
from .finding import KINDS, Accepted, Finding, Kind, accepted
from .isolation import findings
from .reach import Evaluator, Party
from .words import describe

__all__ = [
    "KINDS",
    "Accepted",
    "AccessMap",
    "Caller",
    "Evaluator",
    "Finding",
    "Kind",
    "Party",
    "Reach",
    "accepted",
    "access_map",
    "additions",
    "describe",
    "findings",
    "stops",
]
