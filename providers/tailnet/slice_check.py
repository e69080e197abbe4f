"""What a PolicySlice may declare. Owns the refusal of entries that are not wholly the slice's own, before any call.

Without this a slice could write an entry that it would not remove again, or that another stack takes for its own.
Pure: values in, problems out; parts that are not known at preview are passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from .open_policy import CLOSE
from .ownership import GONE, NAMED_SECTIONS, RESTRICTING, marked_entry, owner_test, strings
from .server_tests import SECTIONS as TEST_SECTIONS
from .server_tests import source_is_owned, speaks_of
from .shared import BY_EQUALITY, BY_NAME
from .tags import TAG_IN_TEXT, Environment, customer_problem, environment_of, environment_problem, tag_of
from .values import is_known

Problem = tuple[str, str]
"""(property, what is wrong and how to mend it)"""

SECTIONS: dict[str, tuple[str, ...]] = {
    "identity": ("tagOwners", "autoApprovers", "nodeAttrs", "tests", "sshTests"),
    "access": ("grants", "acls", "ssh", "postures", "groups", "hosts"),
    "shared": (*BY_NAME, *BY_EQUALITY),
}
"""What each part may declare."""

_LISTS = ("tagOwners", "postures", "groups", "ipsets")
_OBJECTS = (*_LISTS, "autoApprovers", "hosts")
_APPROVERS = ("routes", "exitNode", "services")


def problems(inputs: Mapping[str, Any]) -> list[Problem]:
    """Every problem of a PolicySlice's inputs."""
    part = inputs.get("part")
    if part not in SECTIONS:
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
    found += _exceptions(inputs.get("exceptions", []))
    if is_known(given := inputs.get("openPolicy")) and given is not None and (part != "shared" or given != CLOSE):
        found.append(("openPolicy", f"only a shared slice has it, and its one value is {CLOSE!r}"))
    if part == "identity":
        if "declared" not in inputs:
            found.append(("declared", 'say what access will declare, {"grants": []} for nothing: all else is removed'))
        found += _sections("declared", inputs.get("declared", {}), "access", environment)
    return found


def _exceptions(exceptions: Any) -> Iterator[Problem]:
    if not is_known(exceptions):
        return
    if not isinstance(exceptions, list):
        yield "exceptions", "must be a list of {finding, subject, reason}"
        return
    for index, exception in enumerate(exceptions):
        names = ("finding", "subject", "reason")
        if not isinstance(exception, Mapping) or not all(isinstance(exception.get(name), str) for name in names):
            yield f"exceptions[{index}]", "must say finding, subject and reason, each as text"


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
        if section not in SECTIONS[part]:
            yield path, f"a slice of part {part} has no such section; it has {', '.join(SECTIONS[part])}"
        elif not is_known(content):
            continue
        elif not isinstance(content, Mapping if section in _OBJECTS else list):
            yield path, f"must be {'an object' if section in _OBJECTS else 'a list'}, as in the policy document"
        elif wrong := list(_shapes(path, section, content)):
            yield from wrong
        elif environment is None:
            yield from _shared(path, section, content)
        else:
            yield from _own(path, section, content, environment)


def _shapes(path: str, section: str, content: Any) -> Iterator[Problem]:
    """Problems of form, so that no rule of ownership is asked about what it cannot judge."""
    if section not in _OBJECTS:
        for index, entry in enumerate(content):
            if not isinstance(entry, Mapping):
                yield f"{path}[{index}]", "must be an object, as in the policy document"
        return
    for name, value in content.items():
        if section in _LISTS and not _is_list_of_strings(value):
            yield f'{path}["{name}"]', "must be a list of strings, as in the policy document"
        elif section == "hosts" and not isinstance(value, str):
            yield f'{path}["{name}"]', "must be an address or a prefix as a string"
        elif section == "autoApprovers" and name not in _APPROVERS:
            yield f'{path}["{name}"]', f"is not a kind of approval: use {', '.join(_APPROVERS)}"
        elif section == "autoApprovers" and not (
            _is_list_of_strings(value)
            if name == "exitNode"
            else isinstance(value, Mapping) and all(map(_is_list_of_strings, value.values()))
        ):
            yield f'{path}["{name}"]', "must be as in the policy document: lists of those who are approved"


def _is_list_of_strings(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(element, str) for element in value)


def _own(path: str, section: str, content: Any, environment: Environment) -> Iterator[Problem]:
    if section == "tagOwners":
        yield from _tag_owners(path, content, environment)
    elif section in NAMED_SECTIONS:
        prefix = {"postures": "posture:", "groups": "group:", "hosts": ""}[section]
        for name in content:
            of_its_kind = name.startswith(prefix) and ":" not in name[len(prefix) :]
            if not of_its_kind or not environment.owns_name(name):
                yield path, f"{name} must be called {prefix}{environment.name}-<word>, so that its owner is clear"
    elif section == "autoApprovers":
        yield from _approvers(path, content, environment)
    else:
        for index, entry in enumerate(content):
            yield from _entry(f"{path}[{index}]", section, dict(entry), environment)


def _tag_owners(path: str, content: Any, environment: Environment) -> Iterator[Problem]:
    for tag, owners in content.items():
        if not environment.owns(tag) and tag not in environment.chain_tags:
            yield path, f"{tag} is not a tag of {environment.name}"
        for owner in _of_another_customer(owners, environment):
            yield f'{path}["{tag}"]', f"{owner} is another customer's tag and must own none of {environment.name}'s"


def _approvers(path: str, content: Any, environment: Environment) -> Iterator[Problem]:
    lists = [(f'{path}["exitNode"]', content.get("exitNode") or [])]
    for kind in ("routes", "services"):
        for key, approved in (content.get(kind) or {}).items():
            lists.append((f'{path}["{kind}"]["{key}"]', approved))
            tag = tag_of(key)
            if tag and not environment.owns(tag) and tag not in environment.chain_tags:
                yield path, f"{tag} is not a tag of {environment.name}"
    for where, approved in lists:
        for approver in approved:
            if not environment.owns(approver) and approver not in environment.chain_tags:
                yield where, f"{approver} is not a tag of {environment.name}, so it would outlive the environment"


def _entry(path: str, section: str, entry: dict[str, Any], environment: Environment) -> Iterator[Problem]:
    owns = owner_test(environment)
    for tag in _of_another_customer(entry, environment):
        yield path, f"{tag} is another customer's tag: entries of {environment.name} name none"
    if section in TEST_SECTIONS:
        if not source_is_owned(entry, owns):
            yield path, f"the source of a test must be a tag of {environment.name}"
        speaks = speaks_of(environment)
        for text in strings(list(entry.values())):
            if tag_of(text) is None and speaks(text):
                yield path, f"{text} is written with access, after the tests: name people or tags instead"
    elif marked_entry(section, entry, owns) is not GONE:
        fields = ", ".join(RESTRICTING[section])
        yield path, f"one of {fields} must name tags of {environment.name} and nothing else, or it would outlive it"


def _of_another_customer(value: Any, environment: Environment) -> list[str]:
    """Tags in a value that are another customer's beyond doubt. Two environments of one customer may meet."""
    tags = sorted({tag for text in strings(value) for tag in TAG_IN_TEXT.findall(text)})
    operators = "tag:k8s-operator-"
    return [
        tag
        for tag in tags
        if (tag.startswith(operators) and tag != environment.operator_tag)
        or ((other := environment_of(tag)) and other.customer != environment.customer)
    ]


def _shared(path: str, section: str, content: Any) -> Iterator[Problem]:
    for tag in sorted({tag for text in strings(content) for tag in TAG_IN_TEXT.findall(text)}):
        if environment_of(tag):
            yield path, f"{tag} belongs to an environment's own stack"
    if section == "groups":
        for group in content:
            if group.startswith("group:killed-"):
                yield path, f"{group} marks a kill and is not declared here"
