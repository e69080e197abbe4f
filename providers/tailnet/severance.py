"""The policy document without what a kill cuts off, and with the mark that keeps it from coming back.

Owns the killed-group and the comment beside it, and the removal of tests that ask for what is gone. Pure: text in,
text out; it needs no stack, no settings and no state. Removal itself is the identity slice's (identity.py).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from . import identity
from .changes import changes
from .hujson import Item, Node, Parsed
from .ownership import (
    GONE,
    RESTRICTING,
    compact,
    marked_approvers,
    marked_entry,
    marked_tag_owners,
    mentioned_tags,
    section_key,
    section_of,
    tags_test,
)
from .slice import Outcome, brought, edited, parsed
from .tags import Environment, Environments

_ADDRESS = re.compile(r'address "(?P<address>[^"]+)".*want: Accept')
Remove = Callable[[dict[str, Any]], tuple[dict[str, Any], tuple[str, ...]]]
"""From a document to the same with marks where something goes, and what had to stay."""

_OURS = re.compile(r"[ \t]*// cut off by [^\n]*\n(?=[ \t]*\Z)|/\* cut off by (?:(?!\*/).)*\*/ \Z")
"""The comment that `severed` wrote, at the end of what stands before its member."""

_UNSAFE = re.compile(r"[\x00-\x1f\x7f\u2028\u2029]+|\*/")


@dataclass(frozen=True, slots=True)
class Mark:
    """Who cut it off, when (RFC 3339) and why: the comment beside the killed-group."""

    who: str
    when: str
    why: str

    def __str__(self) -> str:
        text = f"cut off by {self.who}, {self.when}" + (f": {self.why}" if self.why else "")
        return _UNSAFE.sub(" ", text).strip()


@dataclass(frozen=True, slots=True)
class FailingTest:
    """An accept-test of the document that asks for what goes: its source and the address (`tag:x:443`)."""

    source: str
    address: str


@dataclass(frozen=True, slots=True)
class Severed:
    """The outcome, and what goes, in words."""

    outcome: Outcome
    words: tuple[str, ...]


def severed(
    text: str,
    environments: Sequence[Environment],
    mark: Mark,
    *,
    customer: str | None = None,
) -> Severed:
    """`text` without anything of the environments and with their killed-groups. Twice is once.

    customer: also without the tags that this customer's environments share, in whatever entry. Raises
    PolicyError for a document that cannot be read.
    """
    before = parsed(text)
    warnings: dict[str, None] = {}
    result = _without_environments(before, environments, warnings)
    if customer is not None:
        shared: dict[str, None] = {}
        result = _removed(result, lambda document: _without_chain(document, customer), shared)
        # What had to stay because of somebody's entry may go now that the entry has lost the shared tags.
        warnings.clear()
        result = _without_environments(result, environments, warnings)
        warnings = shared | {line: None for line in warnings if line.split()[0] not in _chain(customer)}
    result = _marked_killed(result, environments, mark)
    words = tuple(str(change) for change in changes(before.value, result.value))
    return Severed(Outcome(result.text, before.value, result.value, tuple(warnings)), words)


def revived(text: str, environment: Environment) -> Outcome:
    """`text` without the environment's killed-group and the comment that belongs to it."""
    document = parsed(text)
    before = document.value
    groups = section_key(before, "groups")
    if not _is_killed(before, environment):
        return Outcome(text, before, before)
    item = _member(_member(document.root, groups).node, environment.killed_group)
    bare = parsed(_OURS.sub("", text[: item.start]) + text[item.start :])
    marked = {**before, groups: {**before[groups], environment.killed_group: GONE}}
    return edited(bare, marked, compact(marked))


def failing_tests(data: object) -> set[FailingTest]:
    """The accept-tests that the server's answer says would fail. data: the list that comes with the refusal."""
    found: set[FailingTest] = set()
    for entry in data if isinstance(data, list) else []:
        if not isinstance(entry, Mapping):
            continue
        for error in entry.get("errors") or []:
            match = _ADDRESS.search(str(error))
            if match:
                found.add(FailingTest(str(entry.get("user")), match["address"]))
    return found


def accept_tests(document: Mapping[str, Any]) -> set[FailingTest]:
    """Every line of the document's tests that asks for access."""
    entries = section_of(document, "tests")
    return {
        FailingTest(_source(entry), str(element))
        for entry in (entries if isinstance(entries, list) else [])
        if isinstance(entry, dict)
        for name, value in entry.items()
        if name.lower() == "accept" and isinstance(value, list)
        for element in value
    }


def _removed(document: Parsed, remove: Remove, warnings: dict[str, None]) -> Parsed:
    marked, left = remove(document.value)
    warnings.update(dict.fromkeys(left))
    return brought(document, marked, compact(marked))


def _without_environments(document: Parsed, environments: Sequence[Environment], warnings: dict[str, None]) -> Parsed:
    # A customer's all at once: there may be hundreds, and others write meanwhile.
    for whose in Environments.by_customer(environments):
        document = _removed(document, lambda value, one=whose: identity.without_everything(value, one), warnings)
    return document


def _marked_killed(document: Parsed, environments: Sequence[Environment], mark: Mark) -> Parsed:
    before = document.value
    marks = [one.killed_group for one in environments if not _is_killed(before, one)]
    if not marks:
        return document
    groups = section_key(before, "groups")
    wanted = {**before, groups: {**(before.get(groups) or {}), **{name: [] for name in marks}}}
    return parsed(_commented(brought(document, before, wanted), groups, marks, str(mark)))


def without_tests(text: str, tests: Collection[FailingTest]) -> str:
    """`text` without these accept-tests, whoever wrote them."""
    return _removed(parsed(text), lambda document: (_without_tests(document, tests), ()), {}).text


def _is_killed(document: Mapping[str, Any], environment: Environment) -> bool:
    groups = section_of(document, "groups")
    return isinstance(groups, Mapping) and environment.killed_group in groups


def _without_tests(document: Mapping[str, Any], tests: Collection[FailingTest]) -> dict[str, Any]:
    marked = dict(document)
    key = section_key(document, "tests")
    if tests and isinstance(marked.get(key), list):
        marked[key] = [_without_accept(entry, tests) for entry in marked[key]]
    return marked


def _without_accept(entry: Any, tests: Collection[FailingTest]) -> Any:
    if not isinstance(entry, dict):
        return entry
    source = _source(entry)
    marked = {
        name: [GONE if FailingTest(source, str(element)) in tests else element for element in value]
        if name.lower() == "accept" and isinstance(value, list)
        else value
        for name, value in entry.items()
    }
    asserts = any(compact(value) for name, value in marked.items() if name.lower() in ("accept", "deny"))
    return marked if asserts else GONE


def _source(entry: Mapping[str, Any]) -> str:
    return str(next((value for name, value in entry.items() if name.lower() == "src"), None))


def _without_chain(document: dict[str, Any], customer: str) -> tuple[dict[str, Any], tuple[str, ...]]:
    chain = _chain(customer)
    owns = tags_test(chain)
    marked = dict(document)
    for section in RESTRICTING:
        key = section_key(marked, section)
        if isinstance(marked.get(key), list):
            marked[key] = [entry if entry is GONE else marked_entry(section, entry, owns) for entry in marked[key]]
    approvers = section_key(marked, "autoApprovers")
    if approvers in marked:
        marked[approvers] = marked_approvers(marked[approvers], owns)
    owners = section_key(marked, "tagOwners")
    kept = mentioned_tags(compact({**marked, owners: {}}), lambda tag: tag in chain) & chain
    if owners in marked:
        marked[owners] = marked_tag_owners(marked[owners], owns, kept)
    return marked, tuple(
        f"{tag} stays in the policy document because an entry names it in a place that a kill does not change: "
        "remove that entry by hand, then the tag"
        for tag in sorted(kept)
    )


def _chain(customer: str) -> set[str]:
    return set(Environment(customer, "any").chain_tags)


def _commented(document: Parsed, section: str, names: Collection[str], comment: str) -> str:
    """The text with a comment before members of a section: on a line of its own where the member has one."""
    text = document.text
    for item in reversed(_member(document.root, section).node.items):  # from the end: what is before stays in place
        if item.key not in names:
            continue
        line = text.rfind("\n", 0, item.start) + 1
        indent = text[line : item.start]
        if indent.strip(" \t"):
            text = f"{text[: item.start]}/* {comment} */ {text[item.start :]}"
        else:
            newline = "\r\n" if text[max(line - 2, 0) : line] == "\r\n" else "\n"
            text = f"{text[:line]}{indent}// {comment}{newline}{text[line:]}"
    return text


def _member(node: Node, key: str) -> Item:
    return next(item for item in node.items if item.key == key)
