"""What a PolicySlice takes over from a document that is there already: for `pulumi import`.

Owns the import ids and the choice of entries. `identity/<customer>/<environment>` and
`access/<customer>/<environment>` take what is the environment's; `shared` takes everything that is no environment's,
`shared/<sections>` a part of it: `shared/groups=group:a,group:b;hosts=x;tests=0,2;postures` (names, or places in a list
counted from 0; without `=` the whole section). Pure.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .claims import Claims
from .ownership import (
    GONE,
    NAMED_SECTIONS,
    canonical,
    marked_entry,
    owner_test,
    section_key,
    section_of,
)
from .problems import PolicyError
from .server_tests import SECTIONS as TEST_SECTIONS
from .server_tests import source_is_owned
from .shared import BY_EQUALITY, BY_NAME
from .slice_check import SECTIONS
from .tags import Environment

Document = Mapping[str, Any]

_FORMS = (
    "identity/<customer>/<environment>, access/<customer>/<environment>, shared, or shared/<sections> with sections as "
    "in groups=group:a,group:b;hosts=x;tests=0,2;postures"
)


@dataclass(frozen=True)
class Taken:
    """Inputs of the resource as the program would declare them, and notes for the reader about what was left."""

    identifier: str
    inputs: dict[str, Any]
    notes: tuple[str, ...] = ()


def taken(identifier: str, document: Document) -> Taken | None:
    """What the id takes from the document; None when nothing of it is there. Raises PolicyError for a wrong id."""
    part, _, rest = identifier.partition("/")
    if part == "shared":
        return _shared(rest, document)
    customer, slash, environment = rest.partition("/")
    if part not in SECTIONS or not slash:
        raise PolicyError(f"{identifier!r} is not the id of a PolicySlice: use {_FORMS}")
    try:
        return _environment(part, Environment(customer, environment), document)
    except ValueError as error:
        raise PolicyError(f"{identifier!r} is not the id of a PolicySlice: {error}") from None


# --- an environment ----------------------------------------------------------------------------------------


def _environment(part: str, environment: Environment, document: Document) -> Taken | None:
    access, notes = _access(environment, document)
    whose = {"part": part, "customer": environment.customer, "environment": environment.environment}
    identifier = f"{part}/{environment.customer}/{environment.environment}"
    if part == "access":
        return Taken(identifier, {**whose, "sections": access, "active": True}, notes) if access else None
    owners = section_of(document, "tagOwners")
    if not isinstance(owners, Mapping) or environment.kube_tag not in owners:
        return None
    sections = {section: found for section in SECTIONS["identity"] if (found := _own(environment, section, document))}
    return Taken(identifier, {**whose, "sections": sections, "declared": access}, notes)


def _access(environment: Environment, document: Document) -> tuple[dict[str, Any], tuple[str, ...]]:
    owns, notes, sections = owner_test(environment), [], {}
    for section in SECTIONS["access"]:
        found = _own(environment, section, document)
        if found:
            sections[section] = found
        if section not in NAMED_SECTIONS:
            for entry in section_of(document, section) or []:
                marked = marked_entry(section, entry, owns)
                if isinstance(marked, Mapping) and GONE in [x for value in marked.values() for x in _elements(value)]:
                    notes.append(
                        f"{section}: an entry names others beside {environment.name} and is not taken; the next `up` "
                        f"of identity removes {environment.name} from it: {canonical(entry)}"
                    )
    return sections, tuple(notes)


def _elements(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _own(environment: Environment, section: str, document: Document) -> Any:
    """What of a section is the environment's; empty when nothing is."""
    there, owns = section_of(document, section), owner_test(environment)
    if isinstance(there, Mapping):
        if section == "autoApprovers":
            return _approvers(there, environment)
        mine = environment.owns_name
        if section == "tagOwners":
            mine = lambda name: environment.owns(name) or name in environment.chain_tags  # noqa: E731
        return {name: value for name, value in there.items() if mine(name)}
    if not isinstance(there, list):
        return None
    if section in TEST_SECTIONS:
        return _once(entry for entry in there if source_is_owned(entry, owns))
    return _once(entry for entry in there if marked_entry(section, entry, owns) is GONE)


def _approvers(there: Mapping[str, Any], environment: Environment) -> dict[str, Any]:
    """Approvers of the environment at their places; its customer's chain tags where they approve."""

    def mine(element: Any) -> bool:
        return isinstance(element, str) and (environment.owns(element) or element in environment.chain_tags)

    found: dict[str, Any] = {}
    for kind, value in there.items():
        if isinstance(value, list):
            inner: Any = [element for element in value if mine(element)]
        elif isinstance(value, Mapping):
            lists = {key: [x for x in approved if mine(x)] for key, approved in value.items() if approved}
            inner = {key: approved for key, approved in lists.items() if approved}
        else:
            continue
        if inner:
            found[kind] = inner
    return found


def _once(entries: Iterator[Any]) -> list[Any]:
    return list({canonical(entry): entry for entry in entries}.values())


# --- what is shared ----------------------------------------------------------------------------------------


def _shared(chosen: str, document: Document) -> Taken | None:
    claims, sections = Claims(document), {}
    asked = _asked(chosen, document) if chosen else dict.fromkeys(SECTIONS["shared"])
    for section, names in asked.items():
        found = _section(section, names, document, claims)
        if found:
            sections[section] = found
    known = {section.lower() for section in SECTIONS["shared"]}
    left = [key for key in document if key.lower() not in known]
    notes = (f"left as they are, no shared slice declares them: {', '.join(left)}",) if left and not chosen else ()
    return Taken("shared", {"part": "shared", "sections": sections}, notes) if sections else None


def _asked(chosen: str, document: Document) -> dict[str, list[str] | None]:
    """Section to the names or places that are asked for; None for all of it."""
    spelling = {section.lower(): section for section in SECTIONS["shared"]}
    asked: dict[str, list[str] | None] = {}
    for one in filter(None, chosen.split(";")):
        written, equals, names = one.partition("=")
        section = spelling.get(written.strip().lower())
        if section is None:
            raise PolicyError(f"a shared slice has no section {written!r}; it has {', '.join(spelling.values())}")
        if section_key(document, section) not in document:
            raise PolicyError(f"the policy document has no section {section}")
        if section in asked:
            raise PolicyError(f"{section} is asked for twice: write its names once, {section}=a,b")
        asked[section] = [name.strip() for name in names.split(",") if name.strip()] if equals else None
        if asked[section] == []:
            raise PolicyError(f"{section}= is followed by no name: leave `=` out to take the whole section")
    return asked


def _section(section: str, names: list[str] | None, document: Document, claims: Claims) -> Any:
    there: Any = section_of(document, section) or ()
    chosen = list(there) if section in BY_NAME else [str(index) for index in range(len(there))]
    free = [name for name in chosen if _is_free(section, name, there, claims)]
    for name in names or ():
        if name not in free:
            why = "belongs to an environment" if name in chosen else f"is not there; there is {', '.join(free)}"
            raise PolicyError(f"{section}: {name} {why}")
    wanted = free if names is None else names
    if section in BY_EQUALITY:
        return _once(there[int(index)] for index in wanted)
    return {name: there[name] for name in wanted}


def _is_free(section: str, name: str, there: Any, claims: Claims) -> bool:
    """Whether a name, or the entry at a place, is nobody's: no environment's and no mark of a kill."""
    if section in BY_EQUALITY:
        return claims.of_value(there[int(name)]) is None
    claimed = claims.of_tag(name) or claims.of_name(name) or claims.of_value(there[name])
    return not claimed and not name.startswith("group:killed-")
