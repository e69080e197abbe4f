"""What one slice makes of a policy document: the new text, in which only the slice's own elements differ.

Owns the meaning of the three parts (see Slice). Pure: text in, text out; document.py does the reading and writing.
The change is worked out twice, on values and on the text, and the two must agree: a difference is a defect and
raises instead of writing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from . import addition, identity, open_policy, shared
from .hujson import HujsonError, Node, Parsed
from .hujson_edit import Editor
from .ownership import GONE, canonical, compact, section_of
from .problems import PolicyError, TailnetError
from .tags import Environment

Part = Literal["identity", "access", "shared"]
Sections = Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Slice:
    """A part of the policy document that one stack owns.

    identity: tagOwners, autoApprovers, nodeAttrs, tests and sshTests of an environment. It also removes what stands in
    the access sections of the environment and is not in `declared`: narrowing comes first.
    access: grants, acls, ssh, postures, groups and hosts of an environment. It only adds, and only while `active`.
    shared: what the whole tailnet has in common, owned by name (groups, tagOwners, hosts, postures, ipsets) or by
    equality (tests, grants, ...). With `open_policy` "close" it gives an open document an empty list of grants, which
    stays when the slice is removed.
    """

    part: Part
    sections: Sections
    environment: Environment | None = None
    declared: Sections = field(default_factory=dict)
    active: bool = True
    open_policy: Literal["close"] | None = None

    def own(self) -> Environment:
        """The environment of an identity or access slice."""
        if self.environment is None:
            raise TailnetError(f"a slice of part {self.part!r} needs customer and environment")
        return self.environment


@dataclass(frozen=True)
class Outcome:
    """The text after the change, the parsed values before and after, and what the reader should know."""

    text: str
    before: dict[str, Any]
    after: dict[str, Any]
    warnings: tuple[str, ...] = ()


def applied(text: str, slice: Slice, previous: Slice | None = None, *, narrowing_wins: bool = False) -> Outcome:
    """`text` with the slice in it. Applying twice is applying once.

    `previous` is what the stack declared before (shared only: what it no longer declares goes). `narrowing_wins`
    drops others' tests as far as they ask for access to or from this environment. Raises PolicyError.
    """
    document = parsed(text)
    before = document.value
    if slice.part == "shared":
        shared.refuse_claimed(before, slice.sections)
        marked = shared.marked(before, previous.sections if previous else {}, slice.sections)
        shared.refuse_missed(before, marked)
        wanted = shared.wanted(compact(marked), slice.sections)
        if slice.open_policy == open_policy.CLOSE:
            return edited(document, marked, open_policy.closed(wanted))
        open_policy.refuse_unaccepted(before, wanted, slice.sections)
        return edited(document, marked, wanted)
    environment = slice.own()
    refuse_killed(before, environment)
    open_policy.refuse_environment(before, environment.name)
    if slice.part == "access":
        if not slice.active:
            return Outcome(text, before, before)
        _require_identity(before, environment)
        return edited(document, before, addition.with_access(before, slice.sections))
    marked, wanted = _settled(before, slice, drop_accept_tests=narrowing_wins)
    return edited(document, marked, wanted, addition.foreign_owners(wanted, environment, slice.sections))


def settled(text: str, slice: Slice) -> tuple[dict[str, Any], dict[str, Any]]:
    """The values before and after an `up` of identity, whether or not the environment was killed."""
    before = read(text)
    return before, _settled(before, slice, drop_accept_tests=False)[1]


def _settled(before: dict[str, Any], slice: Slice, *, drop_accept_tests: bool) -> tuple[dict[str, Any], dict[str, Any]]:
    """What identity makes of a document: with its marks, and as it ends."""
    of = (slice.own(), slice.sections, slice.declared)
    marked = identity.narrowed(before, *of, drop_accept_tests=drop_accept_tests)
    return marked, addition.with_identity(compact(marked), *of)


def removed(text: str, slice: Slice) -> Outcome:
    """`text` without the slice. Raises PolicyError."""
    document = parsed(text)
    if slice.part == "shared":
        shared.refuse_removal(document.value)
        marked = shared.marked(document.value, slice.sections, {})
        return edited(document, marked, compact(marked))
    if slice.part == "access":
        marked = identity.without_access(document.value, slice.own())
        return edited(document, marked, compact(marked))
    marked, warnings = identity.without_everything(document.value, slice.own())
    if open_policy.is_open(document.value):
        warnings = (*warnings, open_policy.reached_until_deleted(slice.own().name))
    return edited(document, marked, compact(marked), warnings)


def read(text: str) -> dict[str, Any]:
    """The document's value. Raises PolicyError as `parsed` does."""
    return parsed(text).value


def parsed(text: str) -> Parsed:
    """The document, read. Raises PolicyError when it is not HuJSON, or writes one section under two names."""
    try:
        document = Parsed.of(text)
    except HujsonError as error:
        raise PolicyError(
            f"the tailnet's policy document cannot be read: {error}. Nothing was written. "
            "Correct it in the admin console (Access controls), then run again."
        ) from None
    if not isinstance(document.value, dict):
        raise PolicyError("the tailnet's policy document is not an object. Nothing was written.")
    seen: dict[str, str] = {}
    for key in document.value:
        other = seen.setdefault(key.lower(), key)
        if other != key:
            raise PolicyError(
                f"the tailnet's policy document has the section {key!r} and also {other!r}: it cannot be known which "
                "one counts. Nothing was written. Merge the two in the admin console, then run again."
            )
    return document


def refuse_killed(document: Mapping[str, Any], environment: Environment) -> None:
    """Raises PolicyError while the mark of a kill stands in the document."""
    groups = section_of(document, "groups")
    if isinstance(groups, Mapping) and environment.killed_group in groups:
        raise PolicyError(
            f"{environment.name} was cut off: the policy document has {environment.killed_group}, and the comment "
            "beside it says who did it, when and why. Nothing of it is brought back until the kill is lifted on "
            f"purpose: `supportctl revive {environment.name}`, then run `pulumi up` again."
        )


def _require_identity(document: Mapping[str, Any], environment: Environment) -> None:
    owners = section_of(document, "tagOwners")
    if not isinstance(owners, Mapping) or environment.kube_tag not in owners:
        raise PolicyError(
            f"access to {environment.name} is not written: {environment.kube_tag} is not in the policy document's "
            "tagOwners. The identity slice makes it: run `pulumi up --refresh` to restore what is missing."
        )


# --- from values to text -----------------------------------------------------------------------------------


def edited(document: Parsed, marked: Any, wanted: Any, warnings: tuple[str, ...] = ()) -> Outcome:
    """The outcome of bringing a document to `wanted`; what goes is GONE in `marked`. Raises TailnetError."""
    result = brought(document, marked, wanted)
    return Outcome(result.text, document.value, result.value, warnings)


def brought(document: Parsed, marked: Any, wanted: Any) -> Parsed:
    """The document brought to `wanted`; what goes is GONE in `marked`. Raises TailnetError."""
    aim = canonical(wanted)
    if canonical(document.value) == aim:
        return document
    shrinking = Editor(document)
    _shrink(shrinking, shrinking.root, _without_lost(marked, wanted))
    growing = Editor(shrinking.result())
    _grow(growing, growing.root, wanted)
    result = growing.result()
    opened = open_policy.is_open(result.value) and not open_policy.is_open(document.value)
    if canonical(result.value) != aim or opened:
        raise TailnetError(
            "the change to the policy document does not give what it should; nothing was written. This is a defect of "
            "the provider: please report it with the document's text."
        )
    return result


def _without_lost(marked: Any, wanted: Any) -> Any:
    """`marked` with those elements of lists GONE too that `wanted` does not have.

    They are cut out one by one, like all else that goes, so that the comments between the others stay.
    """
    if isinstance(marked, dict) and isinstance(wanted, dict):
        return {key: _without_lost(value, wanted[key]) if key in wanted else value for key, value in marked.items()}
    if not isinstance(marked, list) or not isinstance(wanted, list):
        return marked
    stays, left = Counter(map(canonical, wanted)), list(marked)
    for index, element in enumerate(marked):
        if element is not GONE:
            value = canonical(compact(element))
            left[index] = element if stays[value] > 0 else GONE
            stays[value] -= 1
    return left


def _shrink(editor: Editor, node: Node, marked: Any) -> None:
    """Removes from the text what is GONE in `marked`, which otherwise has the node's shape."""
    if not node.items:
        return
    values = [marked[item.key if item.key is not None else index] for index, item in enumerate(node.items)]
    editor.remove(node, {index for index, value in enumerate(values) if value is GONE})
    for item, value in zip(node.items, values, strict=True):
        if value is not GONE:
            _shrink(editor, item.node, value)


def _grow(editor: Editor, node: Node, wanted: Any) -> None:
    """Brings the text of `node` to `wanted`: appends where that is enough, else writes the value anew."""
    if isinstance(node.value, dict) and isinstance(wanted, dict) and node.value.keys() <= wanted.keys():
        for item in node.items:
            _grow(editor, item.node, wanted[item.key])
        editor.append(node, [(key, value) for key, value in wanted.items() if key not in node.value])
    elif isinstance(node.value, list) and isinstance(wanted, list) and _begins_with(wanted, node.value):
        editor.append(node, [(None, value) for value in wanted[len(node.value) :]])
    elif canonical(node.value) != canonical(wanted):
        editor.replace(node, wanted)


def _begins_with(longer: list[Any], shorter: list[Any]) -> bool:
    return canonical(longer[: len(shorter)]) == canonical(shorter)
