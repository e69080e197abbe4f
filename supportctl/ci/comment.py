"""One comment for a whole change: what is granted and taken away first, then why it fails, then the details.

Owns the order, the form (comment.md.j2) and the limit of GitHub's. Whatever somebody else wrote goes through
markdown.py: the template lets nothing else through.
"""

from __future__ import annotations

import difflib
import json
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from providers.tailnet.open_policy import CLOSES
from supportctl.ci import document, roles
from supportctl.ci.affected import TAILNET, in_order
from supportctl.ci.markdown import Markdown, block, code, cut, escaped, first, say
from supportctl.ci.model import Preview, Slice
from supportctl.ci.words import Words, standing, words

MARKER = "<!-- support-access: preview -->"
"""The first line of the comment: by it the next run finds it again."""
LIMIT = 60_000
"""Characters of a comment; GitHub refuses more than 65536."""
SUMMARY = 250_000
"""The same of a run's summary: GitHub takes a mebibyte, and its characters may have more bytes than one."""
LINES = (400, 40, 0)
"""Lines of each block that are shown: the most that fits is taken. Sentences are cut last of all."""
FEWEST = 5
"""Lines of each error, violations of each level, and changes of others, that are shown in any case."""
NAMES = 50
"""Paths and stacks that are listed before any sentence: a change can touch as many files as it likes."""
NOT_SEEN = ("was not checked", "was not reached", "was not looked at", "unreachable", "does not answer")
"""What warnings and errors say of a cluster that did not answer."""
OTHERS = "the policy document differs from what is declared"
"""How the provider begins when somebody else has changed the environment's entries since the last update."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """One stack, as the template takes it."""

    preview: Preview
    words: Words
    verdict: Markdown
    standing: list[Markdown]
    undone: list[Markdown]
    errors: list[Markdown]
    violations: dict[str, list[Markdown]]
    steps: list[Markdown]
    unseen: list[Markdown]
    document: Markdown | None
    said: Markdown | None
    untold: list[Markdown]
    widened: bool
    closing: list[Markdown]
    """What the provider says of a tailnet that turns from open to closed: what stops working."""


def comment(
    previews: Iterable[Preview], *, judges: Sequence[str] = (), missing: Sequence[str] = (), limit: int = LIMIT
) -> str:
    """The comment, as Markdown, of at most `limit` characters. judges: paths by which the change touches what judges
    it. missing: stacks that it touches and of which there is no preview."""
    by_name = {preview.stack: preview for preview in previews}
    ordered = [by_name[name] for name in in_order(by_name)]
    uses = _uses(ordered)
    text = ""
    for lines in LINES:
        told = [_told(preview, uses, lines) for preview in ordered]
        # Said first, so that no text, however long, pushes it out of the comment.
        widened = [each.preview.stack for each in told if each.widened]
        names = {"judges": first(judges, NAMES), "missing": first(missing, NAMES), "widened": widened}
        text = _template().render(marker=Markdown(MARKER), stacks=told, **names)
        if len(text) <= limit:
            return text
    # Nothing but sentences is left, and there are too many: the whole of it is in the run.
    end = "\n\n**The comment is cut here: the rest is in the run's summary.**\n"
    return text[: limit - len(end)].rsplit("\n", 1)[0] + end


def _told(preview: Preview, uses: dict[str, list[tuple[str, str]]], lines: int) -> Told:
    known, slices = preview.after is not None, _slices(preview)
    try:
        found = words(preview.before or {}, preview.after or {}, uses) if known else Words()
        stands = standing(preview.before or {}) if not known else []
        more = _untold(preview, slices, more_is_told=bool(found.granted))
    except (AttributeError, KeyError, TypeError, ValueError):
        # A preview's file was made by the change that is judged. What is in no known form is not passed over.
        return _unreadable(preview, lines)
    return Told(
        preview=preview,
        words=found,
        verdict=_verdict(preview, found, widened=bool(found.granted or more)),
        standing=stands,
        undone=first([each.text for each in preview.remarks if each.text.startswith(OTHERS)], lines or FEWEST),
        errors=[block(cut(remark.text, lines or FEWEST)) for remark in preview.remarks if remark.severity == "error"],
        violations=_violations(preview, lines or FEWEST),
        steps=first([say("{op} {name} ({type})", op=s.op, name=s.name, type=s.type) for s in preview.steps], lines),
        unseen=list(_unseen(preview)),
        document=_document(slices, lines),
        said=_said(preview, lines),
        untold=[code(text) for text in more],
        widened=bool(found.granted or more),
        closing=[block(cut(text, lines or FEWEST)) for text in _closing(preview)],
    )


def _closing(preview: Preview) -> list[str]:
    """What the provider says where the stack of the whole tailnet closes it; nothing else does."""
    said = [remark.text for remark in preview.remarks if remark.text.startswith(CLOSES)]
    return said[:1] if preview.stack == TAILNET else []


def _untold(preview: Preview, slices: list[Slice], *, more_is_told: bool) -> list[str]:
    before, after = preview.before or {}, preview.after or {}
    found = document.untold(preview.stack, slices, before, after, more_is_told=more_is_told)
    found += roles.untold(preview.roles, before, after, more_is_told=more_is_told)
    return list(dict.fromkeys(found))  # what is replaced is told of more than once


def _unreadable(preview: Preview, lines: int) -> Told:
    bare = Preview(stack=preview.stack, kind=preview.kind, succeeded=False, seconds=preview.seconds)
    return Told(
        preview=bare,
        words=Words(),
        verdict=Markdown("**cannot be judged**"),
        standing=[],
        undone=[],
        errors=[block("Its outputs have not the form that this program's stacks export.")],
        violations=_violations(bare, 0),
        steps=[],
        unseen=[],
        document=_document(_slices(preview), lines),
        said=None,
        untold=[],
        widened=False,
        closing=[],
    )


def _verdict(preview: Preview, found: Words, *, widened: bool) -> Markdown:
    if preview.kind == "removed":
        return Markdown("its file is removed, **and its access stays until it is destroyed**")
    if not preview.succeeded:
        errors = [remark.text for remark in preview.remarks if remark.severity == "error"]
        breaks = any(violation.level == "mandatory" for violation in preview.violations)
        if errors and not breaks and all(map(_tells_of_silence, errors)):
            return Markdown("**could not be judged to its end**")
        refused = Markdown("**would be refused**")
        return Markdown(f"{refused}; it asks for more access" if widened else refused)
    if _closing(preview):
        return Markdown("**the tailnet turns from open to closed**" + ("; access is widened" if widened else ""))
    if widened:
        return Markdown("**access is widened**")
    if preview.after is None:
        return Markdown("**cannot be judged**")
    return Markdown("access is narrowed") if found.taken else Markdown("nobody's access changes")


def _unseen(preview: Preview) -> Iterator[Markdown]:
    for violation in preview.violations:
        if violation.level == "unjudged":
            yield Markdown(f"The policy {code(violation.policy)} is judged at the update: {code(violation.text)}")
    for remark in preview.remarks:
        if remark.severity != "info" and _tells_of_silence(remark.text):
            yield Markdown(f"What is in the cluster is as of the last update, not as it is now: {code(remark.text)}")
    if preview.source == "settings":
        yield Markdown("The preview ended before the program said its outputs: the sentences are from the settings.")
    if preview.source == "unknown" and preview.kind != "removed":
        yield Markdown("What the change declares could not be read.")


def _tells_of_silence(text: str) -> bool:
    return any(mark in text for mark in NOT_SEEN)


def _slices(preview: Preview) -> list[Slice]:
    """Those of the document, with what access would add where the preview did not come to it."""
    came = any(each.part == "access" for each in preview.slices)
    return [each for each in preview.slices if each.part != "declared" or not came]


def _document(slices: Sequence[Slice], lines: int) -> Markdown | None:
    diff = "\n".join(
        line
        for each in slices
        for line in difflib.unified_diff(
            _text(each.before),
            _text(each.after),
            f"{_title(each)} as of the last update",
            f"{_title(each)} with this change",
            lineterm="",
        )
    )
    return block(cut(diff, lines), "diff") if diff and lines else None


def _title(each: Slice) -> str:
    return f"{each.name}, what it expects of access," if each.part == "declared" else each.name


def _said(preview: Preview, lines: int) -> Markdown | None:
    """What providers and program say of the change, isolation and all; errors have a place of their own."""
    text = "\n".join(
        f"{remark.severity}: {remark.text}" if remark.severity == "warning" else remark.text
        for remark in preview.remarks
        if remark.severity != "error"
    )
    return block(cut(text, lines)) if text and lines else None


def _uses(previews: Iterable[Preview]) -> dict[str, list[tuple[str, str]]]:
    found: dict[str, list[tuple[str, str]]] = defaultdict(list)
    for preview in previews:
        if preview.stack != TAILNET:
            access = (preview.after or preview.before or {}).get("access")
            for entry in access if isinstance(access, list) else ():
                if isinstance(entry, dict):  # what is in another form is told where the stack is
                    found[str(entry.get("from"))].append((preview.stack, str(entry.get("role"))))
    return found


def _text(sections: dict[str, Any] | None) -> list[str]:
    return json.dumps(sections, indent=2, sort_keys=True, ensure_ascii=False).splitlines() if sections else []


def _violations(preview: Preview, most: int) -> dict[str, list[Markdown]]:
    found: dict[str, list[Markdown]] = {"mandatory": [], "advisory": [], "unjudged": []}
    for each in preview.violations:
        found[each.level].append(
            say("{policy}, {resource}: {text}", policy=each.policy, resource=each.resource, text=each.text)
        )
    return {level: first(sentences, most) for level, sentences in found.items()}


def _template() -> Any:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        finalize=lambda value: value if isinstance(value, int) else escaped(value),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        autoescape=False,  # noqa: S701 - HTML's escapes are not Markdown's: `finalize` lets nothing else through
        keep_trailing_newline=True,
    )
    return environment.get_template("comment.md.j2")
