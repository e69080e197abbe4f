"""What a PolicySlice may declare. Owns the refusal of entries that are not wholly the slice's own, before any call.

Without this a slice could write an entry that it would not remove again, or that another stack takes for its own.
Pure: values in, problems out; parts that are not known at preview are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .ownership import GONE, marked_entry, owner_test, source_is_owned, strings
from .shared import BY_EQUALITY, BY_NAME
from .tags import TAG_IN_TEXT, Environment, customer_problem, environment_of, environment_problem
from .values import is_known

Problem = tuple[str, str]
"""(property, what is wrong and how to mend it)"""

_SECTIONS = {
    "identity": ("tagOwners", "autoApprovers", "nodeAttrs", "tests"),
    "access": ("grants", "postures"),
    "shared": (*BY_NAME, *BY_EQUALITY),
}
_OBJECTS = ("tagOwners", "autoApprovers", "postures", "groups", "hosts")


def problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """Every problem of a PolicySlice's inputs."""
    part = inputs.get("part")
    if part not in _SECTIONS:
        return [("part", f"{part!r} is not a part of the policy: use identity, access or shared")]
    if not is_known([inputs.get("customer"), inputs.get("environment")]):
        return []
    environment = None
    if part != "shared":
        found = list(environment_problems(inputs))
        if found:
            return found
        environment = Environment(inputs["customer"], inputs["environment"])
    elif "customer" in inputs or "environment" in inputs:
        return [("part", "a shared slice belongs to no customer: leave customer and environment out")]
    found = list(_sections("sections", inputs.get("sections"), part, environment))
    if part == "identity":
        if "declared" not in inputs:
            found.append(("declared", 'say what access will declare, {"grants": []} for nothing: all else is removed'))
        found += _sections("declared", inputs.get("declared", {}), "access", environment)
    return found


def environment_problems(inputs: Mapping[str, Any]) -> Iterator[Problem]:
    """Problems of the inputs `customer` and `environment`."""
    for name, problem_of in (("customer", customer_problem), ("environment", environment_problem)):
        value = inputs.get(name)
        if not is_known(value):
            continue
        problem = problem_of(value) if isinstance(value, str) else f"{name} is missing"
        if problem:
            yield name, problem


def _sections(name: str, sections: Any, part: str, environment: Environment | None) -> Iterator[Problem]:
    if not is_known(sections) and not isinstance(sections, Mapping):
        return
    if not isinstance(sections, Mapping):
        yield name, "must be an object with one member per section of the policy"
        return
    for section, content in sections.items():
        path = f"{name}.{section}"
        if section not in _SECTIONS[part]:
            yield path, f"a slice of part {part} has no such section; it has {', '.join(_SECTIONS[part])}"
        elif not is_known(content):
            continue
        elif not isinstance(content, Mapping if section in _OBJECTS else list):
            yield path, f"must be {'an object' if section in _OBJECTS else 'a list'}, as in the policy document"
        elif environment is None:
            yield from _shared(path, section, content)
        else:
            yield from _own(path, section, content, environment)


def _own(path: str, section: str, content: Any, environment: Environment) -> Iterator[Problem]:
    owns = owner_test(environment)
    if section == "tagOwners":
        for tag in content:
            if not environment.owns(tag) and tag not in environment.chain_tags:
                yield path, f"{tag} is not a tag of {environment.name}"
    elif section == "postures":
        for posture in content:
            if not posture.startswith("posture:") or not environment.owns_name(posture):
                yield path, f"{posture} must be called posture:{environment.name}-<word>, so that its owner is clear"
    elif section == "autoApprovers":
        tags = {tag for text in strings(content) for tag in TAG_IN_TEXT.findall(text)}
        for tag in sorted(tags):
            if not environment.owns(tag) and tag not in environment.chain_tags:
                yield path, f"{tag} is not a tag of {environment.name}"
    elif section == "tests":
        for index, entry in enumerate(content):
            if not source_is_owned(entry, owns):
                yield f"{path}[{index}]", f"the source of a test must be a tag of {environment.name}"
    else:
        for index, entry in enumerate(content):
            if not isinstance(entry, Mapping) or marked_entry(section, dict(entry), owns) is not GONE:
                yield (
                    f"{path}[{index}]",
                    f"src, dst, via or target must name tags of {environment.name} and nothing else, or the entry "
                    "would outlive the environment",
                )


def _shared(path: str, section: str, content: Any) -> Iterator[Problem]:
    for tag in sorted({tag for text in strings(content) for tag in TAG_IN_TEXT.findall(text)}):
        if environment_of(tag):
            yield path, f"{tag} belongs to an environment's own stack"
    if section == "groups":
        for group in content:
            if group.startswith("group:killed-"):
                yield path, f"{group} marks a kill and is not declared here"
