"""Rules between the entries of `access`, and between them and other settings.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own what would let
somebody do more than one entry says. Do not own the form of an entry (access.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from components.naming import DEFAULT_DEPLOYER, PROGRAM_TAGS, as_slug
from components.settings.access import Subject, default_group, is_person, subject_of
from components.settings.problems import Problem, config_key, remove_command, set_command, shown, stack_file
from providers.tailnet.logins import one_spelling


class _Entry(NamedTuple):
    """What can be read of one entry. number: its place in the list; bounds: what its role has for settings, as text;
    posture: an order-free text; None for none."""

    number: int
    source: str
    subject: Subject
    role: str
    bounds: str
    posture: tuple[str, ...] | None


def check_access(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """No entry twice, none whose posture would bound nothing, and nobody in the cluster with two roles."""
    earlier: list[_Entry] = []
    for entry in _entries(raw):
        if entry.posture and entry.subject.kind == "User":
            yield _posture_without_group(stack, entry)
        yield from _against_the_earlier(stack, entry, earlier)
        earlier.append(entry)


def check_roster(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Who is let in by name can also be impersonated."""
    roster = raw.get("roster")
    if not isinstance(roster, list):
        return
    for entry in _entries(raw):
        if is_person(entry.source) and entry.source not in one_spelling(roster):
            yield Problem(
                config_key(("roster",)),
                f"It leaves out {shown(entry.source)}, who is in access.",
                "The roster is everybody whom the operator may impersonate: the cluster would refuse each of their"
                " calls.",
                f"add the address to roster in {stack_file(stack)}\n"
                f"or {remove_command(stack, ('access', entry.number))}",
            )


def check_deployer_is_no_source(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    deployer = raw.get("deployer", DEFAULT_DEPLOYER)
    for entry in _entries(raw):
        if entry.source == deployer and not entry.source.startswith(PROGRAM_TAGS):  # those its own form refuses
            yield Problem(
                config_key(("access", entry.number, "from")),
                f"{shown(entry.source)} is the deployer.",
                "It owns every operator's tags: a machine that carries it could mint operators, and is no engineer.",
                f"give the machines that need access a tag of their own\n{_set_source(stack, entry)}",
            )


def _entries(raw: Mapping[str, Any]) -> Iterator[_Entry]:
    access = raw.get("access")
    for index, entry in enumerate(access if isinstance(access, list) else []):
        if not isinstance(entry, dict) or not isinstance(source := entry.get("from"), str):
            continue
        group, role, posture = entry.get("impersonate", default_group(source)), entry.get("role"), entry.get("posture")
        if not isinstance(group, str | None) or not isinstance(role, str):
            continue
        conditions = tuple(sorted(map(str, posture))) if isinstance(posture, list) else None
        source = one_spelling(source)
        yield _Entry(index, source, subject_of(source, group), role, _bounds(entry), conditions)


def _bounds(entry: Mapping[str, Any]) -> str:
    return repr([entry.get(key) for key in ("namespaces", "namespaceRole", "rules", "exceptions", "reason", "until")])


def _against_the_earlier(stack: str, entry: _Entry, earlier: list[_Entry]) -> Iterator[Problem]:
    subject = entry.subject
    before = next((other for other in earlier if other.subject == subject), entry)
    if (before.role, before.bounds) != (entry.role, entry.bounds):
        yield Problem(
            config_key(("access", entry.number, "impersonate" if subject.kind == "Group" else "role")),
            f"{subject.kind} {shown(subject.name)} has role {shown(before.role)} in an earlier entry, and"
            f" {shown(entry.role)}{' with other settings' if before.role == entry.role else ''} here.",
            "Kubernetes adds roles up: everybody in the group would have both."
            if subject.kind == "Group"
            else "Kubernetes adds roles up: they would have both.",
            _apart(stack, entry),
        )
        return
    same = [other for other in earlier if (other.source, other.subject) == (entry.source, subject)]
    if any(other.posture == entry.posture for other in same):
        yield Problem(
            config_key(("access", entry.number)),
            f"An earlier entry says the same: {shown(entry.source)} as {shown(subject.name)}.",
            "Who removes one of them would think that the access is gone.",
            remove_command(stack, ("access", entry.number)),
        )
    elif any(other.posture is None or entry.posture is None for other in same):
        free = entry if entry.posture is None else next(other for other in same if other.posture is None)
        yield Problem(
            config_key(("access", entry.number, "posture")),
            f"Another entry lets {shown(entry.source)} in as {shown(subject.name)} from any device.",
            "Entries add up: whoever fails this posture comes in by the other entry.",
            f"keep one of them: {remove_command(stack, ('access', free.number))}",
        )


def _posture_without_group(stack: str, entry: _Entry) -> Problem:
    key = ("access", entry.number, "impersonate")
    return Problem(
        config_key(key),
        f"It is missing, and {shown(entry.source)} has a posture.",
        "The API proxy adds a group only to what comes in by this entry, so only from such a device. Without one the"
        " role is the person's own, and theirs also when another grant lets them in from any device.",
        set_command(stack, key, as_slug(entry.source.partition("@")[0])),
    )


def _apart(stack: str, entry: _Entry) -> str:
    if entry.subject.kind == "User":
        return f"keep one of them: {remove_command(stack, ('access', entry.number))}"
    group = as_slug(f"{entry.subject.name}-{entry.role}")
    return f"give one of them a group of its own: {set_command(stack, ('access', entry.number, 'impersonate'), group)}"


def _set_source(stack: str, entry: _Entry) -> str:
    return set_command(stack, ("access", entry.number, "from"), "tag:ci-runner")
