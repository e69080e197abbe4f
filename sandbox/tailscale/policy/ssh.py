"""Tailscale SSH: the `ssh` rules and the `sshTests` that assert them.

Owns the check of both and the evaluation of the tests. Nothing else reads these sections.
"""

from __future__ import annotations

from collections.abc import Iterable

from sandbox.tailscale.policy import grammar, posture, selectors
from sandbox.tailscale.policy.document import Document, Entry
from sandbox.tailscale.policy.reach import Party, Reach
from sandbox.tailscale.policy.refusal import TESTS_FAILED, Refusal, quoted
from sandbox.tailscale.policy.server_tests import Names
from sandbox.tailscale.policy.tailnet import Tailnet

LONGEST_CHECK = 168 * 3_600_000_000_000  # nanoseconds


def check_rules(document: Document, tailnet: Tailnet) -> None:
    """Raise Refusal for the first ssh rule that does not hold."""
    for entry in document.entries("ssh"):
        _action(entry.get("action", "").strip())
        for source in entry.get("src", []):
            _source(source.strip(), document, tailnet)
        for destination in entry.get("dst", []):
            _destination(destination.strip(), document, tailnet)
        _login_names(entry.get("users") or [], tailnet)
        if "" in entry.get("acceptEnv", []):
            raise Refusal("acceptEnv values cannot be empty")
        _check_period(entry.get("checkPeriod", ""))
        for name in entry.get("srcPosture", []):
            posture.check_reference(name, document)


def _action(action: str) -> None:
    if not action:
        raise Refusal("action must be specified")
    if action not in ("accept", "check"):
        raise Refusal(f"{quoted(action)} is not a valid action")


def _source(source: str, document: Document, tailnet: Tailnet) -> None:
    if source.startswith("user:"):
        selectors.check_domain(source.removeprefix("user:"), tailnet, prefix="[ssh] ")
        return
    if source == "*" or source in document.hosts or grammar.network(source):
        raise Refusal(f"invalid src {quoted(source)}")
    selectors.check_source(source, document, tailnet)


def _destination(destination: str, document: Document, tailnet: Tailnet) -> None:
    if destination.startswith("tag:"):
        selectors.check_tag_declared(destination, document)
    elif destination != "autogroup:self" and not selectors.is_user(destination):
        raise Refusal(f"invalid dst {quoted(destination)}")
    elif selectors.is_user(destination):
        selectors.check(destination, document, tailnet)


def _login_names(users: list[str], tailnet: Tailnet) -> None:
    if not users:
        raise Refusal("users must be specified")
    for user in users:
        if user.strip() in ("", "*"):
            raise Refusal(f"user {quoted(user)} is not valid")
        if user.startswith("localpart:*@") and user != "localpart:*@":
            selectors.check_domain(user.removeprefix("localpart:"), tailnet)


def _check_period(text: str) -> None:
    if text in ("", "always"):
        return
    period = grammar.duration(text)
    if period < 0:
        raise Refusal(f"checkPeriod {grammar.duration_text(period)} must be a positive duration")
    if period > LONGEST_CHECK:
        raise Refusal(f"checkPeriod {grammar.duration_text(period)} is above the max (168h)")


def check_tests(document: Document, tailnet: Tailnet, reach: Reach) -> None:
    """Run the sshTests. Raises Refusal with one item of data per failed source."""
    failures: dict[str, list[str]] = {}
    names = Names(document, tailnet)
    for test in document.entries("sshTests"):
        _check_test_names(test, document)
        errors = _errors(test, document, names, reach)
        if errors:
            failures.setdefault(test.get("src", ""), []).extend(errors)
    if failures:
        raise Refusal(TESTS_FAILED, data=[{"user": user, "errors": texts} for user, texts in failures.items()])


def _check_test_names(test: Entry, document: Document) -> None:
    source = test.get("src", "")
    if source.startswith("autogroup:"):
        raise Refusal(f"SSH tests src contains disallowed element {quoted(source)}")
    for name in test.get("dst", []):
        if name.startswith("tag:") and name not in document.lists("tagOwners"):
            raise Refusal(f"SSH tests dst contains unknown tag {quoted(name)}")
        if name.startswith("autogroup:") or "/" in name:
            raise Refusal(f"SSH tests dst contains disallowed element {quoted(name)}")


def _errors(test: Entry, document: Document, names: Names, reach: Reach) -> list[str]:
    wanted = [
        (login, outcome)
        for field, outcome in (("accept", "accept"), ("check", "check"), ("deny", ""))
        for login in test.get(field, [])
    ]
    if not wanted:
        return ["[ssh test error]: test must have at least one of accept, check or deny"]
    try:
        sources = [case.anybody for case in names.cases(test.get("src", ""))]
        destinations = [case.anybody for name in test.get("dst", []) for case in names.cases(name)]
    except Refusal as error:
        return [f"[ssh test error]: {error.message}"]
    errors = []
    for login, outcome in wanted:
        for source in sources:
            for destination in destinations:
                got = _outcomes(source, destination, login, document, reach)
                if (outcome and outcome not in got) or (not outcome and got) or not login:
                    errors.append(f"[ssh test error]: user {quoted(login)}: want: {outcome or 'deny'}")
    return errors


def _outcomes(source: Party, destination: Party, login: str, document: Document, reach: Reach) -> set[str]:
    """The actions of all rules that let `source` in as `login`."""
    return {
        entry.get("action", "").strip()
        for entry in document.entries("ssh")
        if any(reach.names_source(name.strip(), source) for name in entry.get("src", []))
        and any(_names_destination(name.strip(), destination, source) for name in entry.get("dst", []))
        and _logs_in(login, entry.get("users") or [], source)
    }


def _names_destination(name: str, destination: Party, source: Party) -> bool:
    if name == "autogroup:self":
        return bool(destination.user) and destination.user == source.user
    return name in destination.tags or name == destination.user


def _logs_in(login: str, users: Iterable[str], source: Party) -> bool:
    local_part, _, domain = source.user.partition("@")
    return any(
        (user == "autogroup:nonroot" and login != "root")
        or (user == f"localpart:*@{domain}" and bool(domain) and login == local_part)
        or user.strip() == login
        for user in users
    )
