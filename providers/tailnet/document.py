"""Reads, changes and saves the one policy document so that no writer loses another's change.

Owns compare-and-swap: GET with ETag, change, validate, POST with If-Match; after 412 read again and start over, with
full jitter, bounded by time. A text that does not change is not sent. After a lost answer the document is read again:
if it already is what it should be, that is success. A crash between two calls leaves the old or the new document,
never half of one, and the next run ends in the declared state.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from .changes import changes
from .client import Client, Policy, Verdict, judged_lines
from .ownership import section_of, strings
from .problems import ApiError, PolicyError
from .severance import accept_tests, failing_tests, without_tests
from .slice import Outcome, read

CONTENTION = 300.0
"""Seconds within which a write is tried again while others write too."""

LONGEST_PAUSE = 8.0
"""Seconds: the most that a write which was overtaken waits before it reads again."""

NEVER_EDITED = '"ts-default"'
"""If-Match of a document that nobody ever edited: what to send when the server gives no ETag."""

Edit = Callable[[str, bool], Outcome]
"""From a document's text, and whether narrowing wins over tests that ask for what is removed, to the outcome."""


@dataclass(frozen=True)
class Written:
    """What a write came to. `posts` is 0 when the document already was as it should be."""

    outcome: Outcome
    posts: int
    warnings: tuple[str, ...] = field(default=())


def write(client: Client, edit: Edit, *, removing: bool = False, patience: float = CONTENTION) -> Written:
    """Brings the document to what `edit` makes of it. Raises PolicyError or ApiError.

    With `removing`, validation is skipped: token, GET, POST.
    """
    ends = client.clock() + patience
    attempt = posts = 0
    validate = not removing
    warnings: tuple[str, ...] = ()
    while True:
        attempt += 1
        began = client.clock()
        policy = client.policy()
        if validate:
            outcome, warnings = judged(client, policy, edit)
        else:
            outcome = edit(policy.text, False)
        if outcome.text == policy.text:
            return Written(outcome, posts, (*outcome.warnings, *warnings))
        try:
            posts += 1
            client.save_policy(outcome.text, policy.etag or NEVER_EDITED)
            return Written(outcome, posts, (*outcome.warnings, *warnings))
        except ApiError as error:
            refused = error.status == 400 and not removing and not validate
            if not refused and (not _may_try_again(error) or client.clock() >= ends):
                raise _explained(error, policy, attempt) from None
            # What was valid a moment ago is most likely valid still, and saving judges it too: less to do between
            # reading and saving means fewer writers that overtake. When it is refused, the full round tells why.
            validate = refused
        # Full jitter over a span that doubles, in units of what a round takes: the more writers and the slower the
        # API, the more of them have to stay away for one to come through.
        span = (client.clock() - began) * 2 ** min(attempt, 10)
        client.sleep(random.uniform(0, min(LONGEST_PAUSE, span)))  # noqa: S311  jitter, no secret


def judged(client: Client, policy: Policy, edit: Edit) -> tuple[Outcome, tuple[str, ...]]:
    """The outcome that the server accepts, and its warnings. Raises PolicyError with what the server refuses.

    Without a change the server is not asked. When tests fail, others' tests that ask for what is removed may go.
    """
    outcome = edit(policy.text, False)
    if outcome.text == policy.text:
        return outcome, ()
    verdict = client.validate(outcome.text)
    if verdict.tests_failed:
        outcome, verdict = _past_tests(client, policy, edit, outcome, verdict)
    if not verdict.errors:
        return outcome, verdict.warnings
    before = client.validate(policy.text)
    refused = "\n  ".join(verdict.errors)
    if before.errors:
        raise PolicyError(
            "the tailnet's policy document is refused as it stands, before anything of this stack is in it:\n  "
            + "\n  ".join(before.errors)
            + "\nThis is not this stack's doing, and nothing was written. Mend the document, then run again."
        )
    kind = "tests of the policy document would fail" if verdict.tests_failed else "the server refuses the document"
    raise PolicyError(f"with this change {kind}; nothing was written:\n  {refused}")


def _past_tests(
    client: Client, policy: Policy, edit: Edit, outcome: Outcome, verdict: Verdict
) -> tuple[Outcome, Verdict]:
    """The outcome without tests that ask for what is removed: without those that the server names, so that the others
    go on guarding; where that is not enough, without all that ask for this access. A person wrote them: it is told."""
    narrower = edit(policy.text, True)
    tests, gone = accept_tests(outcome.after), _left_groups(outcome)
    at_stake = tests - accept_tests(narrower.after) | {test for test in tests if test.source.lower() in gone}
    named = failing_tests(verdict.data) & at_stake
    if named:
        text = without_tests(outcome.text, named)
        fewer = replace(outcome, text=text, after=read(text))
        verdict = client.validate(fewer.text)
        if not verdict.errors:
            return _telling(outcome, fewer), verdict
    if narrower.text == outcome.text:
        return outcome, verdict
    return _telling(outcome, narrower), client.validate(narrower.text)


def _left_groups(outcome: Outcome) -> set[str]:
    """Who is in a group no longer, and groups that have nobody left; in small letters."""
    before, after = (section_of(document, "groups") for document in (outcome.before, outcome.after))
    gone: set[str] = set()
    for name, members in (before if isinstance(before, Mapping) else {}).items():
        there = {member.lower() for member in strings(members)}
        left = {member.lower() for member in strings(after.get(name) if isinstance(after, Mapping) else None)}
        gone |= there - left
        if there and not left:
            gone.add(name.lower())
    return gone


def _telling(outcome: Outcome, narrower: Outcome) -> Outcome:
    """`narrower` with a warning about the tests that `outcome` has and it has not."""
    lines = "\n  ".join(map(str, changes(outcome.after, narrower.after)))
    return replace(
        narrower, warnings=(*narrower.warnings, f"tests of others that ask for what goes are changed:\n  {lines}")
    )


def _may_try_again(error: ApiError) -> bool:
    """412: somebody else wrote. 5xx or no answer: it may have been saved or not. Reading again tells."""
    return error.status == 412 or error.status == 0 or error.status >= 500


def _explained(error: ApiError, policy: Policy, attempt: int) -> ApiError:
    if error.status == 412 and policy.etag is None:
        return ApiError(
            "the policy document was served without an ETag and is not the tailnet's first one: it cannot be changed "
            "without the risk of losing somebody's edit. Nothing was written. Does a proxy drop the ETag header?",
            status=412,
        )
    if error.status == 412:
        return ApiError(
            f"others changed the policy document at every one of {attempt} attempts; nothing was written. Run again.",
            status=412,
        )
    if error.status == 400:
        errors, _ = judged_lines(error.data)
        lines = "\n  ".join(errors or [error.reason])
        return ApiError(
            f"the server refuses the changed policy document; nothing was written:\n  {lines}",
            status=400,
            reason=error.reason,
            data=error.data,
        )
    return error
