"""Generated policy documents and slices over every section.

A document is a value, which names nothing of any environment here, written as text in a style that is drawn: where
lines break, comments, trailing commas, tabs, CRLF, a byte order mark, old spellings of section names. The style comes
from a seed, so that a failing example is small to print and always the same.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

from hypothesis import strategies as st

from providers.tailnet.hujson import Node, Parsed
from providers.tailnet.hujson_edit import Editor
from providers.tailnet.ownership import canonical
from providers.tailnet.slice import Slice, applied, removed
from providers.tailnet.tags import Environment
from tests.providers.policies import ACME, GLOBEX, TRAP, grant, identity

ENVIRONMENTS = (ACME, TRAP, GLOBEX)

FOREIGN_LISTS: dict[str, list[Any]] = {
    "grants": [
        {"src": ["group:sre"], "dst": ["tag:ci"], "ip": ["*"]},
        {"src": ["*"], "dst": ["tag:kube-acme"], "ip": ["tcp:443"], "via": ["tag:kube-acme-prodx"]},
        {"src": ["é@example.com", "autogroup:member"], "dst": ["acme-prod:443"], "ip": ["udp:53"], "note": '/* " // '},
    ],
    "acls": [
        {"action": "accept", "src": ["*"], "dst": ["tag:svc-acme-prod-a-b:443", "acme-prod:*"]},
        {"action": "accept", "users": ["group:sre"], "ports": ["tag:ci:22"]},
    ],
    "ssh": [{"action": "check", "src": ["group:sre"], "dst": ["tag:ci"], "users": ["root", "ubuntu"]}],
    "nodeAttrs": [{"target": ["tag:ci", "tag:kube-acme-prod-x-y"], "attr": ["funnel"]}, {"target": ["*"], "app": {}}],
    "tests": [
        {"src": "tag:ci", "deny": ["tag:internal:22"]},
        {"user": "group:acme-prod", "allow": ["tag:ci:22"]},
    ],
    "sshTests": [{"src": "ann@example.com", "dst": ["tag:ci"], "accept": ["root"]}],
}
FOREIGN_NAMES: dict[str, dict[str, Any]] = {
    "tagOwners": {"tag:ci": [], "tag:kube-acme": ["group:sre"], "tag:k8s-acme-x": ["autogroup:admin", "tag:ci"]},
    "groups": {"group:sre": ["ann@example.com", "bob@example.com"], "group:acme-prod": [], "group:prod-oncall": []},
    "hosts": {"acme-prod": "10.0.0.0/8", "acme-prod-x-y-z": "10.1.1.1"},
    "postures": {"posture:acme-prod": ["node:os == 'macos'"], "posture:mac": ["node:os IN ['macos', 'ios']"]},
    "autoApprovers": {"routes": {"10.0.0.0/8": ["tag:ci"]}, "exitNode": ["tag:ci"], "services": {"svc:a": ["tag:ci"]}},
    "derpMap": {"OmitDefaultRegions": False, "Regions": {"900": None, "weight": 1.5e3}},
}
LEGACY = {
    "acls": "ACLs",
    "tagOwners": "TagOwners",
    "groups": "Groups",
    "hosts": "Hosts",
    "tests": "Tests",
    "ssh": "SSH",
}
COMMENTS = ["// keep", "/* keep */", "/* two\n lines */", '// "grants": [', "/**/", "// é ]},", "/* // */"]


@st.composite
def foreign_values(draw: st.DrawFn, *, closed: bool = True) -> dict[str, Any]:
    """A document without anything of an environment, its sections in any order. closed: with acls or grants, without
    which it lets everybody in; else perhaps without, or with null in their place."""
    chosen = draw(st.lists(st.sampled_from([*FOREIGN_LISTS, *FOREIGN_NAMES]), unique=True))
    if closed and not {"acls", "grants"} & {*chosen}:
        chosen.append(draw(st.sampled_from(["acls", "grants"])))
    document: dict[str, Any] = {}
    for section in chosen:
        key = draw(st.sampled_from([section, LEGACY.get(section, section.lower())]))
        if not closed and section in ("acls", "grants") and draw(st.booleans()):
            document[key] = None
        elif section in FOREIGN_LISTS:
            document[key] = draw(st.lists(st.sampled_from(FOREIGN_LISTS[section]), max_size=2, unique_by=canonical))
        else:
            names = draw(st.lists(st.sampled_from(sorted(FOREIGN_NAMES[section])), unique=True))
            document[key] = {name: FOREIGN_NAMES[section][name] for name in names}
    return document


class Writer:
    """Writes a value in the style of a seed."""

    def __init__(self, seed: int) -> None:
        self.random = Random(seed)  # noqa: S311  nothing secret
        self.newline = self.random.choice(["\n", "\n", "\r\n"])
        self.unit = self.random.choice(["  ", "\t", "    ", " ", ""])
        self.lines = self.random.choice([0.0, 0.4, 0.8, 1.0])  # how often a container has its items on lines
        self.comments = self.random.choice([0.0, 0.1, 0.4]) if self.lines else 0.0
        self.trailing = self.random.choice([0.0, 0.5, 1.0])
        self.colon = self.random.choice([":", ": ", " : "])

    def document(self, value: Any) -> str:
        mark = "\ufeff" if self.random.random() < 0.1 else ""
        return mark + self.trivia("") + self.value(value, "") + self.trivia("")

    def trivia(self, indent: str) -> str:
        """A comment and what ends its line, or nothing."""
        if self.random.random() >= self.comments:
            return self.random.choice(["", "", " "])
        comment = self.random.choice(COMMENTS).replace("\n", self.newline)
        return f" {comment}{self.newline}{indent}" if comment.startswith("//") else f" {comment} "

    def value(self, value: Any, indent: str) -> str:
        if not isinstance(value, dict | list):
            return json.dumps(value, ensure_ascii=self.random.random() < 0.5)
        opening, closing = "{}" if isinstance(value, dict) else "[]"
        inner = indent + self.unit
        on_lines = self.random.random() < self.lines
        gap = self.newline + inner if on_lines else self.random.choice(["", " "])
        written = [self.item(pair, inner) for pair in (value.items() if isinstance(value, dict) else value)]
        ragged = self.random.random() < 0.2
        body = ""
        for number, item in enumerate(written):
            comma = "," if number < len(written) - 1 or self.random.random() < self.trailing else ""
            between = gap + "  " * self.random.randrange(2) if ragged else gap
            body += between + self.trivia(inner) + item + comma + (self.trivia(inner) if on_lines else "")
        end = self.newline + indent if on_lines else gap
        return opening + body + end + closing

    def item(self, item: Any, indent: str) -> str:
        if isinstance(item, tuple):
            return json.dumps(item[0]) + self.colon + self.value(item[1], indent)
        return self.value(item, indent)


def _texts(values: st.SearchStrategy[dict[str, Any]]) -> st.SearchStrategy[str]:
    return st.builds(lambda value, seed: Writer(seed).document(value), values, st.integers(0, 2**32))


DOCUMENTS = _texts(foreign_values())
"""Texts of documents without anything of an environment."""
OPEN_OR_CLOSED = _texts(foreign_values(closed=False))
"""The same, those without acls and grants among them."""


def access_entries(environment: Environment) -> dict[str, Any]:
    """What an environment may declare in the access sections."""
    name, kube = environment.name, environment.kube_tag
    return {
        "grants": [
            grant(environment),
            grant(environment, f"group:{name}-oncall", srcPosture=[f"posture:{name}-laptop"]),
            {"src": ["group:sre"], "dst": ["10.0.0.0/8"], "ip": ["*"], "via": [environment.svc_tag("net")]},
        ],
        "acls": [{"action": "accept", "src": ["group:sre"], "dst": [f"{kube}:443"]}],
        "ssh": [{"action": "accept", "src": ["group:sre"], "dst": [environment.svc_tag("net")], "users": ["root"]}],
        "postures": {f"posture:{name}-laptop": ["node:os == 'macos'", "node:tsVersion >= '1.90'"]},
        "groups": {f"group:{name}-oncall": ["ann@example.com", "é@example.com"]},
        "hosts": {f"{name}-db": "10.2.0.7"},
    }


def identity_entries(environment: Environment) -> dict[str, Any]:
    """What an environment may declare in the identity sections, tagOwners apart."""
    kube, net = environment.kube_tag, environment.svc_tag("net")
    return {
        "autoApprovers": {"services": {kube: [kube]}, "routes": {"10.0.0.0/8": [net]}, "exitNode": [net]},
        "nodeAttrs": [{"target": [net], "attr": ["nextdns:no"]}],
        "tests": [
            {"src": kube, "deny": ["tag:internal:443"]},
            {"src": net, "deny": [f"{environment.name}-db:443"]},
        ],
        "sshTests": [{"src": kube, "dst": ["tag:ci"], "deny": ["root"]}],
    }


@st.composite
def slices_of(draw: st.DrawFn, environment: Environment) -> tuple[Slice, Slice]:
    """(identity, access) of an environment, over any of the sections."""
    shown = _some(draw, access_entries(environment))
    base = identity(environment).sections["tagOwners"]
    owners = {**base, environment.svc_tag("net"): [environment.operator_tag]}
    sections = {"tagOwners": owners, **_some(draw, identity_entries(environment))}
    return (
        Slice(part="identity", environment=environment, sections=sections, declared=shown),
        Slice(part="access", environment=environment, sections=shown),
    )


def _some(draw: st.DrawFn, entries: dict[str, Any]) -> dict[str, Any]:
    chosen = {section: entries[section] for section in entries if draw(st.booleans())}
    for section, value in chosen.items():
        if isinstance(value, list):
            chosen[section] = value[: draw(st.integers(1, len(value)))]
    return chosen


ALL_SLICES = st.tuples(*(slices_of(environment) for environment in ENVIRONMENTS))
"""(identity, access) of each of ENVIRONMENTS."""


def with_slices(text: str, *slices: Slice) -> str:
    for slice in slices:
        text = applied(text, slice).text
    return text


def without_slices(text: str, *slices: Slice) -> str:
    for slice in slices:
        text = removed(text, slice).text
    return text


def meaning(value: Any) -> Any:
    """A value in which the order of lists does not count."""
    if isinstance(value, dict):
        return {key: meaning(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return sorted(canonical(meaning(inner)) for inner in value)
    return value


def without_hollow(text: str, original: Any) -> str:
    """`text` without the members that hold nothing and that `original` does not have."""
    while True:
        editor = Editor(Parsed.of(text))
        _remove_hollow(editor, editor.root, original)
        if editor.result().text == text:
            return text
        text = editor.result().text


def _remove_hollow(editor: Editor, node: Node, original: Any) -> None:
    if not node.is_object or not isinstance(original, dict):
        return
    hollow = {i for i, item in enumerate(node.items) if item.key not in original and _holds_nothing(item.node.value)}
    editor.remove(node, hollow)
    for index, item in enumerate(node.items):
        if index not in hollow:
            _remove_hollow(editor, item.node, original.get(item.key))


def _holds_nothing(value: Any) -> bool:
    if isinstance(value, dict):
        return all(map(_holds_nothing, value.values()))
    return isinstance(value, list) and not value
