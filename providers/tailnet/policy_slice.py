"""The resource PolicySlice: a slice of the policy document under the engine's life cycle.

Owns the translation between the engine's requests and slice.py/document.py. It never replaces: deleting and creating
again would cut a live environment. `diff` compares with the live document, so that every preview shows drift and
every `up` mends it. Creating adopts what is there already. Deleting needs only the credential and the state.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from . import isolation, open_policy
from .changes import changes
from .client import Client
from .deployer import deployer_problem
from .document import Edit, judged, write
from .foreign import foreign_entries
from .log import Log
from .ownership import section_of, strings
from .problems import ApiError, PolicyError, TailnetError
from .slice import Outcome, Slice, applied, read, refuse_killed, removed, settled
from .slice_check import problems
from .slice_diff import declared_differences
from .slice_import import taken
from .slice_state import Properties, arranged, inputs_of, present, slice_of, status_of
from .tags import TAG_IN_TEXT
from .values import UNKNOWN, is_known


class PolicySlice:
    """Handles PolicySlice requests. Properties are plain values; `status` is `written` or `waiting`.

    `foreign`, an output of identity: the texts of entries that name the environment and that no slice declares, as
    people wrote them. Only reading sets it (`pulumi refresh`); writing removes the entries and the output.
    """

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
            slice = slice_of(inputs)
            before = slice_of(previous) if previous else None
            policy = self.client.policy()
            if self._can_be_judged(slice, policy.text):
                edit = _edit(slice, before, _exceptions(inputs), identity_is_to_come=True)
                outcome, warnings = judged(self.client, policy, edit)
                self._warn_of_open(slice, outcome.before)
                for warning in warnings:
                    self.log.warning(warning)
                if previous is None or declared_differences(previous, inputs):  # drift alone was told by `diff`
                    self._tell(outcome)
                    self._tell_isolation(slice, outcome, _exceptions(inputs))
            self._warn_of_deployer(slice)
        return {**inputs_of(inputs), "status": UNKNOWN}

    def create(self, inputs: Properties, previous: Properties | None = None, /) -> Properties:
        """Writes the slice; also for update, with the previous state."""
        slice = slice_of(inputs)
        written = write(self.client, _edit(slice, slice_of(previous) if previous else None, _exceptions(inputs)))
        self._warn_of_open(slice, written.outcome.before)
        for warning in written.warnings:
            self.log.warning(warning)
        return {**inputs_of(inputs), "status": status_of(slice, written.outcome.after)}

    def read(self, state: Properties) -> Properties:
        """The state as the document has it: declared entries that are gone are gone from `sections`.

        What others wrote about the environment, or added to what is its own, stands in `foreign`.
        """
        slice, text = slice_of(state), self.client.policy().text
        document = read(text)
        found = {**inputs_of(state), "sections": present(slice, document), "status": status_of(slice, document)}
        if slice.open_policy and open_policy.is_open(document):
            del found["openPolicy"]
        if slice.part == "identity":
            if open_policy.is_open(document):
                self.log.warning(open_policy.OPEN_MEANS)
            foreign = foreign_entries(text, *settled(text, slice))
            for entry in foreign:
                self.log.info(f"not declared by this stack, the next `up` removes it: {entry}")
            found |= {"foreign": foreign} if foreign else {}
        return found

    def import_(self, identifier: str) -> tuple[str, Properties, Properties] | None:
        """The id, inputs and state of what is there already (slice_import has the forms of ids); None for nothing."""
        found = taken(identifier, read(self.client.policy().text))
        if found is None:
            return None
        for note in found.notes:
            self.log.warning(note)
        inputs = arranged(found.inputs)
        return found.identifier, inputs, {**inputs, "status": "written"}

    def diff(self, state: Properties, inputs: Properties) -> dict[str, str]:
        """Property paths that differ from the state or from the live document, with add, delete or update."""
        found = declared_differences(state, inputs)
        found |= {f"foreign[{index}]": "delete" for index, _ in enumerate(state.get("foreign") or [])}
        if not is_known(inputs):
            return found or {"sections": "update"}
        slice, policy = slice_of(inputs), self.client.policy()
        if found or not self._can_be_judged(slice, policy.text):
            return found
        drift = applied(policy.text, slice, slice_of(state))
        told = [f"- {entry}" for entry in foreign_entries(policy.text, drift.before, drift.after)]
        for change in changes(drift.before, drift.after):
            if not change.takes_away:
                told.append(str(change))
            found[f"sections.{change.keys[0]}"] = "update"
        for line in told:
            self.log.info(f"the policy document differs from what is declared; `up` makes it: {line}")
        if slice.part == "identity":
            for line in isolation.warnings(drift.after, slice, _exceptions(inputs)):
                self.log.warning(line)
        if not found:
            self._warn_of_open(slice, drift.before)
            if state.get("status") != status_of(slice, drift.after):
                found["status"] = "update"
        return found

    def delete(self, state: Properties) -> None:
        """Removes the slice's elements from the document."""
        slice = slice_of(state)
        try:
            written = write(self.client, lambda text, _: removed(text, slice), removing=True)
        except TailnetError as error:
            if slice.part != "access" or not _is_of_the_document(error):
                raise
            # The state of the document, which is somebody else's doing, must not stop what cuts next: devices and
            # credentials. The grants stay for identity, which removes everything or fails as this did.
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

    def _tell_isolation(self, slice: Slice, outcome: Outcome, exceptions: isolation.Exceptions) -> None:
        """Tells who will reach the environment. Refuses here too: a preview is where it should be seen.

        Identity comes first, so it speaks for both slices.
        """
        if slice.part != "identity":
            return
        self.log.info(isolation.report(outcome.after, slice, exceptions))
        after = isolation.with_declared(outcome.after, slice)
        isolation.refuse_failures(outcome.before, after, slice, exceptions)

    def _warn_of_open(self, slice: Slice, before: Mapping[str, Any]) -> None:
        """Warns of an open document: what stops working when this slice closes it, or that it stays open. The slices of
        environments refuse it; one that declares nothing says nothing."""
        if slice.part != "shared" or not open_policy.is_open(before):
            return
        if slice.open_policy != open_policy.CLOSE:
            if slice.sections:
                self.log.warning(open_policy.stays_open())
            return
        try:
            self.log.warning(open_policy.closing(self.client.devices()))
        except TailnetError as error:
            self.log.warning(open_policy.closing(None, str(error)))

    def _warn_of_deployer(self, slice: Slice) -> None:
        """Warns when the credential in use fits none of the owners of the environment's tag."""
        if slice.part != "identity":
            return
        owners = (slice.sections.get("tagOwners") or {}).get(slice.own().kube_tag) or []
        found = [deployer_problem(self.client, owner) for owner in owners]
        if found and None not in found:
            self.log.warning(str(found[0]))


def _is_of_the_document(error: TailnetError) -> bool:
    """Whether the document is the reason (it cannot be read, is refused, or others never stop writing it), so that
    other calls may well succeed."""
    return isinstance(error, PolicyError) or (isinstance(error, ApiError) and error.status in (400, 412))


def _edit(
    slice: Slice, previous: Slice | None, exceptions: isolation.Exceptions, *, identity_is_to_come: bool = False
) -> Edit:
    """identity_is_to_come: the document still has what identity takes out before access is written, as at a preview."""

    def edit(text: str, narrowing_wins: bool) -> Outcome:
        outcome = applied(text, slice, previous, narrowing_wins=narrowing_wins)
        if slice.part == "access":
            after = isolation.with_declared_alone(outcome.after, slice) if identity_is_to_come else outcome.after
            isolation.refuse_failures(outcome.before, after, slice, exceptions)
        return outcome

    return edit


def _exceptions(inputs: Mapping[str, Any]) -> isolation.Exceptions:
    return inputs.get("exceptions") or []
