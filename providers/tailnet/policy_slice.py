"""The resource PolicySlice: a slice of the policy document under the engine's life cycle.

Owns the translation between the engine's requests and slice.py/document.py. It never replaces: deleting and creating
again would cut a live environment. `diff` compares with the live document, so that every preview shows drift and
every `up` mends it. Creating adopts what is there already. Deleting needs only the credential and the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .changes import changes
from .client import Client
from .document import judged, write
from .log import Log
from .ownership import canonical, section_of, strings
from .problems import ApiError, TailnetError
from .slice import Outcome, Slice, applied, read, refuse_killed, removed
from .slice_check import problems
from .tags import TAG_IN_TEXT, Environment
from .values import UNKNOWN, is_known

Properties = dict[str, Any]
_FIELDS = ("action", "src", "srcPosture", "target", "dst", "via", "proto", "ip", "attr", "app", "accept", "deny")
INPUTS = ("part", "customer", "environment", "sections", "declared", "active")


class PolicySlice:
    """Handles PolicySlice requests. Properties are plain values; `status` is `written` or `waiting`."""

    check = staticmethod(problems)

    def __init__(self, client: Client, log: Log) -> None:
        self.client = client
        self.log = log

    def identifier(self, inputs: Mapping[str, Any]) -> str:
        """`<part>` or `<part>/<customer>/<environment>`."""
        return "/".join(str(inputs[name]) for name in ("part", "customer", "environment") if name in inputs)

    def preview(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Tells in words what would change and which tests would fail; writes nothing."""
        if is_known(inputs):
            slice = _slice(inputs)
            before = _slice(previous) if previous else None
            policy = self.client.policy()
            if self._can_be_judged(slice, policy.text):
                outcome = applied(policy.text, slice, before)
                if outcome.text != policy.text:
                    outcome, warnings = judged(self.client, policy, _edit(slice, before))
                    for warning in warnings:
                        self.log.warning(warning)
                if previous is None or _declared_differences(previous, inputs):  # drift alone was told by `diff`
                    self._tell(outcome)
        return {**_inputs(inputs), "status": UNKNOWN}

    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Writes the slice; also for update, with the previous state."""
        slice = _slice(inputs)
        written = write(self.client, _edit(slice, _slice(previous) if previous else None))
        for warning in written.warnings:
            self.log.warning(warning)
        return {**_inputs(inputs), "status": _status(slice, written.outcome.after)}

    def read(self, state: Properties) -> Properties:
        """The state as the document has it: declared entries that are gone are gone from `sections`."""
        slice = _slice(state)
        document = read(self.client.policy().text)
        return {**_inputs(state), "sections": _present(slice, document), "status": _status(slice, document)}

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Property paths that differ from the state or from the live document, with add, delete or update."""
        found = _declared_differences(state, inputs)
        if not is_known(inputs):
            return found or {"sections": "update"}
        slice, policy = _slice(inputs), self.client.policy()
        if found or not self._can_be_judged(slice, policy.text):
            return found
        drift = applied(policy.text, slice, _slice(state))
        for change in changes(drift.before, drift.after):
            self.log.info(f"the policy document differs from what is declared; `up` makes it: {change}")
            found[f"sections.{change.path.split('[')[0]}"] = "update"
        if not found and state.get("status") != _status(slice, drift.after):
            found["status"] = "update"
        return found

    def delete(self, state: Properties) -> None:
        """Removes the slice's elements from the document."""
        slice = _slice(state)
        try:
            written = write(self.client, lambda text, _: removed(text, slice), removing=True)
        except ApiError as error:
            if error.status != 400 or slice.part != "access":
                raise
            # A document that the server refuses for somebody else's reasons must not stop what cuts next: devices
            # and credentials. The grants stay for identity, which removes everything or fails as this did.
            self.log.warning(f"the grants of {slice.own().name} are not removed yet, identity will try again: {error}")
            return
        for warning in written.warnings:
            self.log.warning(warning)

    def _can_be_judged(self, slice: Slice, text: str) -> bool:
        """Whether the live document can already carry the slice: at a first preview access lacks identity's tags."""
        if slice.part != "access":
            return True
        document = read(text)
        refuse_killed(document, slice.own())
        named = {tag for string in strings(slice.sections) for tag in TAG_IN_TEXT.findall(string)}
        return {*named, slice.own().kube_tag} <= (section_of(document, "tagOwners") or {}).keys()

    def _tell(self, outcome: Outcome) -> None:
        for change in changes(outcome.before, outcome.after):
            self.log.info(str(change))
        for warning in outcome.warnings:
            self.log.warning(warning)


def _slice(properties: Mapping[str, Any]) -> Slice:
    environment = None
    if properties.get("part") != "shared":
        if "customer" not in properties or "environment" not in properties:
            raise TailnetError(
                "a PolicySlice cannot be imported: declare it and run `pulumi up`, which adopts what is there already"
            )
        environment = Environment(properties["customer"], properties["environment"])
    return Slice(
        part=properties["part"],
        environment=environment,
        sections=_arranged(properties.get("sections") or {}),
        declared=_arranged(properties.get("declared") or {}),
        active=properties.get("active", True),
    )


def _arranged(value: Any) -> Any:
    """The same value with members in the order in which people write them: the engine gives them in any order."""
    if isinstance(value, Mapping):
        ordered = sorted(value, key=lambda name: (_FIELDS.index(name) if name in _FIELDS else len(_FIELDS), name))
        return {name: _arranged(value[name]) for name in ordered}
    if isinstance(value, list):
        return [_arranged(element) for element in value]
    return value


def _edit(slice: Slice, previous: Slice | None) -> Any:
    return lambda text, narrowing_wins: applied(text, slice, previous, narrowing_wins=narrowing_wins)


def _inputs(properties: Mapping[str, Any]) -> Properties:
    return {name: properties[name] for name in INPUTS if name in properties}


def _present(slice: Slice, document: Mapping[str, Any]) -> Properties:
    present: Properties = {}
    for section, declared in slice.sections.items():
        there = section_of(document, section)
        if isinstance(declared, list):
            entries = {canonical(entry) for entry in there or []}
            present[section] = [entry for entry in declared if canonical(entry) in entries]
        elif section == "autoApprovers":
            present[section] = _both(declared, there)
        else:
            present[section] = {name: there[name] for name in declared if name in (there or {})}
    return present


def _both(declared: Any, there: Any) -> Any:
    """What of declared approvers stands in the document."""
    if isinstance(declared, Mapping) and isinstance(there, Mapping):
        return {key: _both(value, there[key]) for key, value in declared.items() if key in there}
    if isinstance(declared, list) and isinstance(there, list):
        return [element for element in declared if element in there]
    return there


def _status(slice: Slice, document: Mapping[str, Any]) -> str:
    if slice.active or canonical(_present(slice, document)) == canonical(slice.sections):
        return "written"
    return "waiting"


def _declared_differences(state: Mapping[str, Any], inputs: Mapping[str, Any]) -> dict[str, str]:
    """Where the declaration changed: per entry of a list or name in a section, else per property."""
    found: dict[str, str] = {}
    for name in INPUTS:
        old, new = state.get(name), inputs.get(name)
        if not is_known(new) and not isinstance(new, Mapping):
            found[name] = "update"
        elif name in ("sections", "declared") and isinstance(old, Mapping) and isinstance(new, Mapping):
            for section in dict.fromkeys((*old, *new)):
                found |= _section_differences(f"{name}.{section}", old.get(section), new.get(section))
        elif (True if name == "active" and old is None else old) != (True if name == "active" and new is None else new):
            found[name] = "add" if old is None else "delete" if new is None else "update"
    return found


def _section_differences(path: str, old: Any, new: Any) -> dict[str, str]:
    if not is_known(new):
        return {path: "update"}
    if canonical(old) == canonical(new):
        return {}
    if isinstance(old, Mapping) and isinstance(new, Mapping):
        return {
            f'{path}["{name}"]': "add" if name not in old else "delete" if name not in new else "update"
            for name in dict.fromkeys((*old, *new))
            if canonical(old.get(name)) != canonical(new.get(name)) or (name in old) != (name in new)
        }
    if isinstance(old, list) and isinstance(new, list):
        before, after = {canonical(entry) for entry in old}, {canonical(entry) for entry in new}
        found = {f"{path}[{i}]": "delete" for i, entry in enumerate(old) if canonical(entry) not in after}
        for i, entry in enumerate(new):
            if canonical(entry) not in before:
                found[f"{path}[{i}]"] = "update" if f"{path}[{i}]" in found else "add"
        return found or {path: "update"}
    return {path: "add" if old is None else "delete" if new is None else "update"}
