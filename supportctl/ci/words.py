"""What a change grants and takes away, in sentences.

Owns the sentences and on which side each stands. A change counts as granted unless it provably narrows: whoever reads
only what is granted must have read every way in. Pure: outputs before and after in, sentences out; the shapes are
those of SupportAccess.outputs and TailnetBase.outputs.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from providers.tailnet.logins import one_spelling
from supportctl.ci.markdown import Markdown, listed, say

Entry = Mapping[str, Any]
Outputs = Mapping[str, Any]
Uses = Mapping[str, Iterable[tuple[str, str]]]
"""Group of the tailnet -> stacks that let it in, each with the role."""


@dataclass(slots=True)
class Words:
    """granted, taken, egress: sentences; egress is the way out, which lets nobody in."""

    granted: list[Markdown] = field(default_factory=list)
    taken: list[Markdown] = field(default_factory=list)
    egress: list[Markdown] = field(default_factory=list)


def words(before: Outputs, after: Outputs, uses: Uses | None = None) -> Words:
    """uses: what each group is good for, for the stack of the whole tailnet."""
    found = Words()
    before, after = (
        one_spelling(before),
        one_spelling(after),
    )  # a state of before may have logins as somebody typed them
    _access(found, before.get("access") or (), after.get("access") or ())
    _groups(found, before.get("groups") or {}, after.get("groups") or {}, uses or {})
    _rotas(found, before.get("onCall") or {}, after.get("onCall") or {})
    _exposures(found, before.get("exposures") or (), after.get("exposures") or ())
    if "ceiling" in after:  # it is worked out by asking the tailnet: settings alone do not say it
        _ceiling(found, before.get("ceiling") or {}, after["ceiling"] or {})
    gained, lost = _sets(before.get("scopes"), after.get("scopes"))
    for scope in gained:
        found.granted.append(say("The credential in the cluster gets the scope {scope}.", scope=scope))
    for scope in lost:
        found.taken.append(say("The credential in the cluster loses the scope {scope}.", scope=scope))
    if "requiredEgress" in after:
        _egress(found, before.get("requiredEgress") or {}, after["requiredEgress"] or {})
    return found


def standing(outputs: Outputs) -> list[Markdown]:
    """Who is let in as things stand, a sentence each."""
    found = words({}, {name: outputs[name] for name in ("access", "exposures") if name in outputs})
    return found.granted


# --- access ------------------------------------------------------------------------------------------------


def _access(found: Words, before: Iterable[Entry], after: Iterable[Entry]) -> None:
    old, new = list(before), list(after)
    for entry in list(new):
        if entry in old:  # each as often as it stands on both sides
            old.remove(entry)
            new.remove(entry)
    for entry in new:
        former = next((each for each in old if _who(each) == _who(entry)), None)
        if former is None:
            found.granted.append(say("{who} gets in {how}.", who=entry.get("from"), how=_how(entry)))
            continue
        old.remove(former)
        _changed(found, former, entry)
    for entry in old:
        found.taken.append(say("{who} gets in no more {how}.", who=entry.get("from"), how=_how(entry)))


def _who(entry: Entry) -> str:
    return json.dumps([entry.get("from"), entry.get("as")], sort_keys=True)


def _changed(found: Words, before: Entry, after: Entry) -> None:
    names = [name for name in dict.fromkeys((*before, *after)) if before.get(name) != after.get(name)]
    differs = [
        say("{name} was {old} and is {new}", name=name, old=_plain(before.get(name)), new=_plain(after.get(name)))
        for name in names
    ]
    side = found.taken if names and all(_narrows(name, before, after) for name in names) else found.granted
    side.append(
        say(
            "{who} gets in otherwise than before: {differs}. Now {how}.",
            who=after.get("from"),
            differs=Markdown("; ".join(differs)),
            how=_how(after),
        )
    )


def _how(entry: Entry) -> Markdown:
    subject = entry.get("as") or {}
    kind, name = next(iter(subject.items()), ("nobody", ""))
    parts = [
        say(
            "as the {kind} {name} of the cluster, with the role {role}",
            kind=Markdown("user" if kind == "user" else "group"),
            name=name,
            role=entry.get("role"),
        )
    ]
    if namespaces := entry.get("namespaces"):
        parts.append(say("in the namespaces {names} only", names=listed(namespaces)))
    if rules := entry.get("rules"):
        parts.append(say("which is {rules}", rules=_plain(rules)))
    if posture := entry.get("posture"):
        parts.append(say("from a device for which {conditions} holds", conditions=listed(posture)))
    else:
        parts.append(Markdown("from any device"))
    until = entry.get("until")
    parts.append(say("until the end of {day} (UTC)", day=until) if until else Markdown("without a declared end"))
    if reason := entry.get("reason"):
        parts.append(say("because {reason}", reason=reason))
    if entry.get("suspended"):
        parts.append(Markdown("**suspended: nobody gets in for now**"))
    return Markdown(", ".join(parts))


def _narrows(name: str, before: Entry, after: Entry) -> bool:
    """Whether a member that differs lets in less than before, beyond doubt."""
    old, new = before.get(name), after.get(name)
    match name:
        case "reason" | "exceptions":
            return True  # words about access, which open nothing by themselves
        case "posture":
            return set(old or ()) < set(new or ())
        case "until":
            return bool(new) and (not old or str(new) < str(old))
        case "namespaces":
            return bool(new) and set(new) < set(old or ())
        case "rules":
            return bool(new) and all(rule in (old or ()) for rule in new)
        case "suspended":
            return bool(new)
        case "role":
            return old == "cluster-admin"
        case _:
            return False


def _plain(value: Any) -> Any:
    return value if isinstance(value, str) else "nothing" if not value else json.dumps(value, sort_keys=True)


# --- the tailnet's groups ----------------------------------------------------------------------------------


def _groups(found: Words, before: Mapping[str, Any], after: Mapping[str, Any], uses: Uses) -> None:
    for group in sorted({*before, *after}):
        gained, lost = _sets(before.get(group), after.get(group))
        where = [say("{stack} as {role}", stack=stack, role=role) for stack, role in sorted(set(uses.get(group, ())))]
        reach = Markdown(", ".join(where)) or Markdown("no environment that was looked at")
        for person in gained:
            found.granted.append(
                say("{person} joins {group}, which gets into {reach}.", person=person, group=group, reach=reach)
            )
        for person in lost:
            found.taken.append(
                say("{person} leaves {group}, which gets into {reach}.", person=person, group=group, reach=reach)
            )


def _rotas(found: Words, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    for group in sorted({*before, *after}):
        gained, lost = _sets(*((side.get(group) or {}).get("everybody") for side in (before, after)))
        for person in gained:
            found.granted.append(
                say("{person} joins the rota of {group} and is in it by turns.", person=person, group=group)
            )
        for person in lost:
            found.taken.append(say("{person} leaves the rota of {group}.", person=person, group=group))


# --- what else is opened -----------------------------------------------------------------------------------


def _exposures(found: Words, before: Iterable[Entry], after: Iterable[Entry]) -> None:
    old = {str(each.get("name")): each for each in before}
    new = {str(each.get("name")): each for each in after}
    for name in sorted({*old, *new}):
        was, will = old.get(name), new.get(name)
        gained, lost = _sets(*([_opened(grant) for grant in (each or {}).get("grants") or ()] for each in (was, will)))
        which = say("Exposure {name}", name=name)
        if shown := will or was:
            which = say(
                "{which} ({kind}, {hostname})", which=which, kind=shown.get("kind"), hostname=shown.get("hostname")
            )
        found.granted += [say("{which}: {way}.", which=which, way=way) for way in gained]
        found.taken += [say("{which}: no more {way}.", which=which, way=way) for way in lost]
        if was and will and was != will and not gained and not lost:
            found.granted.append(say("{which} changes: read the document and the resources.", which=which))


def _opened(grant: Entry) -> Markdown:
    way = say(" by way of {via}", via=listed(grant["via"])) if grant.get("via") else Markdown("")
    return say(
        "{who} reaches {what} at {ports}{way}",
        who=listed(grant.get("src") or ()),
        what=listed(grant.get("dst") or ()),
        ports=listed(grant.get("ip") or ()),
        way=way,
    )


def _ceiling(found: Words, before: Entry, after: Entry) -> None:
    for kind, name in (("group", "groups"), ("user", "users")):
        gained, lost = _sets(before.get(name), after.get(name))
        if gained:
            found.granted.append(
                say("The operator may act as the {kind}s {names}.", kind=Markdown(kind), names=listed(gained))
            )
        if lost:
            found.taken.append(
                say("The operator may act as the {kind}s {names} no more.", kind=Markdown(kind), names=listed(lost))
            )
    old, new = before.get("anyUser"), after.get("anyUser")
    if new and not old:
        found.granted.append(say("The operator may act as **any user** of the cluster: {reason}.", reason=new))
    elif old and not new:
        found.taken.append(Markdown("The operator may act as any user of the cluster no more."))


def _egress(found: Words, before: Entry, after: Entry) -> None:
    gained, lost = _sets(*([_destination(each) for each in side.get("destinations") or ()] for side in (before, after)))
    if gained:
        found.egress.append(say("The cluster must reach {places}.", places=listed(gained)))
    if lost:
        found.egress.append(say("The cluster need not reach {places} any more.", places=listed(lost)))


def _destination(each: Entry) -> str:
    return f"{each.get('protocol')}:{each.get('host')}:{each.get('port')}"


def _sets(before: Any, after: Any) -> tuple[list[Any], list[Any]]:
    """What is only in the second, and only in the first, in the order of each."""
    old, new = list(before or ()), list(after or ())
    return [each for each in new if each not in old], [each for each in old if each not in new]
