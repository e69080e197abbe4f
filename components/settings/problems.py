"""What is wrong with a stack's settings, in words that its author can act on.

Owns `Problem`, `SettingsError` and the turning of pydantic's findings into problems: what a field is for comes from its
description, a value to copy from its examples. Does not own any rule about a value (the models and checks beside it).
Dies by: a pydantic error without a field here still gives a problem, with pydantic's own words.
"""

from __future__ import annotations

import difflib
import json
import re
import shlex
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple, get_args

from pydantic import BaseModel, ValidationError
from pydantic.fields import FieldInfo
from pydantic_core import ErrorDetails, PydanticCustomError

PROJECT = "support-access"
TAILSCALE_KEY = re.compile(r"tskey-[\w-]+", re.IGNORECASE)
AS_ANOTHER_TYPE = re.compile(r"true|false|0|[1-9][0-9]*")
"""Texts that `pulumi config set --path` would write into the file as something else than text."""

KeyPath = tuple[str | int, ...]
"""Where a setting lies: `("access", 0, "role")`."""


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong. key: the config key with its path, or another place such as an environment variable."""

    key: str
    what: str
    why: str
    mend: str

    def __post_init__(self) -> None:
        # A key that somebody pasted into a setting must not go on into a log, whichever message quotes the value.
        for name in self.__slots__:
            object.__setattr__(self, name, TAILSCALE_KEY.sub("(a Tailscale key: revoke it)", getattr(self, name)))

    def __str__(self) -> str:
        return f"{self.key}\n  {self.what}\n  Why:  {indented(self.why)}\n  Mend: {indented(self.mend)}"


class SettingsError(Exception):
    """Everything that is wrong with one stack's settings, at once."""

    def __init__(self, stack: str, problems: Iterable[Problem], example: str | None = None) -> None:
        self.stack = stack
        self.problems = tuple(problems)
        count = "1 problem" if len(self.problems) == 1 else f"{len(self.problems)} problems"
        parts = [f"The settings of stack {shown(stack)} have {count}."]
        parts += [f"{number}. {problem}" for number, problem in enumerate(self.problems, 1)]
        if example:
            parts.append(f"The least that {stack_file(stack)} must say:\n\n{example}")
        super().__init__("\n\n".join(parts))


def refuse(
    what: str, *, why: str | None = None, example: object = None, remove: KeyPath | None = None
) -> PydanticCustomError:
    """The error that a validator raises; the field's description and example stand in for `why` and `example`.

    remove: in place of an example, what to take out: () for the setting itself, or a path below it.
    """
    return PydanticCustomError("refused", "{what}", {"what": what, "why": why, "example": example, "remove": remove})


def config_key(path: KeyPath) -> str:
    """`("access", 0, "role")` is `support-access:access[0].role`, in the notation of `pulumi config set --path`."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        elif re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", part):
            text += f".{part}" if text else part
        else:
            text += f"[{json.dumps(part)}]"
    return f"{PROJECT}:{text}"


def stack_file(stack: str) -> str:
    return f"stacks/Pulumi.{stack}.yaml"


def shown(value: object, limit: int = 60) -> str:
    """A value as a message may show it: short and on one line."""
    try:
        text = json.dumps(value, default=str)
    except RecursionError:
        text = "(nested too deep to show)"
    return text if len(text) <= limit else f"{text[: limit - 3]}..."


def indented(text: str) -> str:
    return text.replace("\n", "\n        ")


def nearest(name: str, known: Iterable[str], *, cutoff: float = 0.6) -> str | None:
    """The known name that `name` was probably meant to be; capitals, hyphens and underscores do not count.

    cutoff: how like each other they must be, from 0 to 1.
    """
    plain = {re.sub(r"[-_]", "", candidate).lower(): candidate for candidate in known}
    found = difflib.get_close_matches(re.sub(r"[-_]", "", name).lower(), plain, n=1, cutoff=cutoff)
    return plain[found[0]] if found else None


def set_command(stack: str, path: KeyPath, value: object) -> str:
    """How to give a setting this value: a command for a single value, lines of the stack's file for a larger one."""
    key = config_key(path)
    if isinstance(value, dict | list):
        import yaml  # a tenth of a second that only somebody with a problem waits for

        lines = yaml.safe_dump(_nested(path, value), sort_keys=False).rstrip()
        return f"in {stack_file(stack)}, under config:\n{lines}"
    text = json.dumps(value) if isinstance(value, bool | int) else str(value)
    flags = " --path" if len(path) > 1 else ""
    if flags and isinstance(value, str) and AS_ANOTHER_TYPE.fullmatch(value):
        flags += " --type string"
    return f"pulumi config set --stack {shlex.quote(stack)}{flags} {shlex.quote(key)} {shlex.quote(text)}"


def remove_command(stack: str, path: KeyPath) -> str:
    flag = " --path" if len(path) > 1 else ""
    return f"pulumi config rm --stack {shlex.quote(stack)}{flag} {shlex.quote(config_key(path))}"


def unknown_key(stack: str, path: KeyPath, known: Iterable[str]) -> Problem:
    known = list(known)
    name = str(path[-1])
    near = nearest(name, known)
    hint = f"did you mean {shown(near)}?" if near else f"known here: {', '.join(known)}."
    rename = f"rename it to {near} in {stack_file(stack)}, or remove it: " if near else "remove it: "
    return Problem(
        config_key(path),
        f"There is no setting {shown(name)}; {hint}",
        "A setting that nothing reads would look as if it were in force.",
        rename + remove_command(stack, path),
    )


def misspelt_namespace(stack: str, key: str) -> Problem | None:
    """What is wrong with a key that nobody reads because of its namespace; None for one of somebody else's."""
    namespace, _, name = key.partition(":")
    if namespace == PROJECT or not nearest(namespace, [PROJECT], cutoff=0.8):
        return None
    return Problem(
        key,
        f"Its namespace is {shown(namespace)}; did you mean {shown(PROJECT)}?",
        "A setting that nothing reads would look as if it were in force.",
        f"rename it to {PROJECT}:{name} in {stack_file(stack)}, or remove it:"
        f" pulumi config rm --stack {shlex.quote(stack)} {shlex.quote(key)}",
    )


def misplaced_key(stack: str, key: str) -> Problem:
    place = "the stack called tailnet" if key == "tailnet" else "an environment's own stack"
    return Problem(
        config_key((key,)),
        f"It belongs to {place}, not to {shown(stack)}.",
        "What the tailnet shares has one owner, and so has each environment: two stacks would undo each other's work.",
        remove_command(stack, (key,)),
    )


def known_keys(*models: type[BaseModel]) -> dict[str, FieldInfo]:
    """The fields of the models by their names in the stack's file."""
    return {field.alias or name: field for model in models for name, field in model.model_fields.items()}


def from_validation(
    stack: str, model: type[BaseModel], error: ValidationError, examples: Mapping[KeyPath, object]
) -> Iterator[Problem]:
    """Problems of one validation of `model`.

    examples: values to suggest instead of the field's own example, by path.
    """
    for detail in error.errors(include_url=False):
        if detail["type"] == "default_factory_not_called":
            continue  # the field that the default comes from has a problem of its own
        place = _locate(model, detail)
        if detail["type"] == "extra_forbidden":
            yield unknown_key(stack, place.path, place.known)
            continue
        context = detail.get("ctx", {})
        field = place.field
        example = context.get("example") or examples.get(place.path)
        mend = f"correct it in {stack_file(stack)}"
        if detail["type"] in GROUPS and place.known:
            tag = _discriminator(field)
            mend += f"; it takes {f'{tag}, and what goes with it' if tag else ', '.join(place.known)}"
        if (remove := context.get("remove")) is not None:
            mend = remove_command(stack, (*place.path, *remove))
        elif example is not None:
            mend = set_command(stack, place.path, example)
        elif place.exact and field is not None and field.examples:
            mend = f"for example: {set_command(stack, place.path, field.examples[0])}"
        yield Problem(
            config_key(place.path),
            _what(detail),
            context.get("why") or (field.description if field else None) or "The program cannot use this value.",
            mend,
        )


GROUPS = ("model_type", "model_attributes_type")
KINDS = {
    "string_type": "text",
    "int_type": "a whole number",
    "bool_type": "true or false",
    "tuple_type": "a list",
    **dict.fromkeys((*GROUPS, "dict_type", "mapping_type"), "a group of settings"),
}


def _what(detail: ErrorDetails) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    if kind == "missing" or kind == "union_tag_not_found":
        return "It is missing."
    if kind in KINDS:
        return f"It must be {KINDS[kind]}, and is {shown(value)}."
    if kind in ("enum", "literal_error"):
        return f"{shown(value)} is not known; known: {context['expected']}."
    if kind == "union_tag_invalid":
        return f"{shown(context['tag'])} is not known; known: {context['expected_tags']}."
    if kind == "refused":
        return str(context["what"])
    return f"{detail['msg']}; it is {shown(value)}."


class _Place(NamedTuple):
    """Where an error lies. field: the innermost field; exact: not only something in it; known: names of its level."""

    path: KeyPath
    field: FieldInfo | None
    exact: bool
    known: list[str]


def _locate(model: type[BaseModel], detail: ErrorDetails) -> _Place:
    """Follows pydantic's location through the models; parts that are not in the config (union tags) are left out."""
    models, field, exact = [model], None, False
    path: KeyPath = ()
    for part in detail["loc"]:
        if part == "[key]" and detail["type"] != "extra_forbidden":
            continue  # pydantic's mark for the key of a mapping, which the part before it names
        if (tag := _discriminator(field)) and len(models) > 1 and not isinstance(part, int):
            models = [m for m in models if part in get_args(m.model_fields[tag].annotation)]
            continue
        if detail["type"] != "extra_forbidden":
            part = _as_in_the_file(models, part)
        path += (part,)
        found = known_keys(*models).get(str(part))
        exact = found is not None
        if found is not None:
            field, models = found, _models(found.annotation)
    if (tag := _discriminator(field)) and detail["type"].startswith("union_tag"):
        path += (tag,)
        field, exact = models[0].model_fields[tag], True
    return _Place(path, field, exact, list(known_keys(*models)))


def _as_in_the_file(models: list[type[BaseModel]], part: str | int) -> str | int:
    """A default that is refused is located by the field's name in Python, a value by its name in the file."""
    fields = [model.model_fields[part] for model in models if isinstance(part, str) and part in model.model_fields]
    return next((field.alias for field in fields if field.alias), part)


def _discriminator(field: FieldInfo | None) -> str | None:
    """What tells the models of a field apart: its own mark, or that of a list's items."""
    if field is None:
        return None
    marks = [field, *_marks(field.annotation)]
    return next((str(mark.discriminator) for mark in marks if mark.discriminator), None)


def _marks(annotation: Any) -> list[FieldInfo]:
    arguments = get_args(annotation)
    return [a for a in arguments if isinstance(a, FieldInfo)] + [m for a in arguments for m in _marks(a)]


def _models(annotation: Any) -> list[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for argument in get_args(annotation) for model in _models(argument)]


def _nested(path: KeyPath, value: object) -> dict[str, object]:
    """The value under its path, as the stack's file spells it."""
    for part in reversed(path[1:]):
        value = [value] if isinstance(part, int) else {part: value}
    return {f"{PROJECT}:{path[0]}": value}
