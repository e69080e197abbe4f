"""The engine's events of one preview, read into a Preview.

Owns which events count. `pulumi preview --json` prints one event a line when PULUMI_ENABLE_STREAMING_JSON_PREVIEW is
set, and blanks out what is marked as secret by itself. Shapes as in sdk/go/common/apitype/events.go at v3.250.0.

When a preview fails before the program has said its outputs, the engine shows the old ones as the new: then they are
not taken for the new ones.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from supportctl.ci.model import KEPT, Preview, Rbac, Remark, Slice, Step, Violation

STACK = "pulumi:pulumi:Stack"
SLICE = "tailnet:index:PolicySlice"
RBAC = "kubernetes:rbac.authorization.k8s.io/"
RULES = ("rules", "roleRef", "subjects")
GENERIC = "preview failed"
"""The engine's own last word on every failure."""
UNKNOWN = "04da6b54-80e4-46f7-96ec-b56ff0331ba9"
"""What the engine writes for what is known only after an update."""
LATER = "(known after the update)"
UNJUDGED = "can't run policy"
"""How the engine begins when a policy needs what is not known yet."""
_KEY = re.compile(r"tskey-[A-Za-z0-9_-]+")
NO_CHANGE = frozenset({"same", "read", "refresh"})


@dataclass(slots=True)
class Said:
    """What the events of one run say. config: the stack's flat configuration, as the program got it."""

    finished: bool = False
    succeeded: bool = False
    config: dict[str, str] = field(default_factory=dict)
    before: dict[str, Any] | None = None
    after: dict[str, Any] | None = None
    slices: list[Slice] = field(default_factory=list)
    roles: list[Rbac] = field(default_factory=list)
    violations: list[Violation] = field(default_factory=list)
    remarks: list[Remark] = field(default_factory=list)
    steps: list[Step] = field(default_factory=list)
    drifted: list[Step] = field(default_factory=list)
    """Of a refresh: resources that are not as the state says. Of a preview the same as steps."""

    @property
    def outputs_are_new(self) -> bool:
        """Whether `after` is what the program said in this run: a violation alone does not stop it, an error may."""
        return self.after is not None and not any(remark.severity == "error" for remark in self.remarks)

    def preview(self, stack: str, seconds: float) -> Preview:
        """The Preview, with the outputs where they are new."""
        new = self.after if self.outputs_are_new else None
        return Preview(
            stack=stack,
            kind="changed" if self.before is not None else "added",
            succeeded=self.succeeded,
            seconds=round(seconds, 1),
            before=kept(self.before) if self.before is not None else None,
            after=None if new is None else kept(new),
            source="unknown" if new is None else "outputs",
            slices=self.slices,
            roles=self.roles,
            violations=self.violations,
            remarks=self.remarks,
            steps=self.steps,
        )


def read(lines: Iterable[str]) -> Said:
    """Lines that are no event are passed over: the caller shows them when there is nothing else."""
    said = Said()
    for event in _events(lines):
        for kind, content in event.items():
            if isinstance(content, dict):
                _take(said, kind, content)
    return said


def kept(outputs: Mapping[str, Any]) -> dict[str, Any]:
    """Of a stack's outputs what says who gets in."""
    found = {name: outputs[name] for name in KEPT if name in outputs}
    scopes = (outputs.get("credential") or {}).get("scopes") if isinstance(outputs.get("credential"), dict) else None
    return found | ({"scopes": scopes} if scopes is not None else {})


def _events(lines: Iterable[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        try:
            event = json.loads(line)
        except ValueError:
            continue
        if isinstance(event, dict):
            yield _told(event)


def without_keys(text: str) -> str:
    """The text without Tailscale's keys: the engine blanks out what is marked, and a message of somebody's is not."""
    return _KEY.sub("tskey-(not shown)", text)


def _told(value: Any) -> Any:
    """The value with words in place of the engine's mark for what is not known, and of keys."""
    if isinstance(value, dict):
        return {without_keys(name): _told(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_told(item) for item in value]
    return LATER if value == UNKNOWN else without_keys(value) if isinstance(value, str) else value


def _take(said: Said, kind: str, content: dict[str, Any]) -> None:
    match kind:
        case "preludeEvent":
            said.config = content.get("config") or {}
        case "resourcePreEvent":
            _resource(said, content["metadata"])
        case "resOutputsEvent":
            _came(said, content["metadata"])
        case "diagnosticEvent" if content.get("severity") in ("info", "warning", "error"):
            text = str(content.get("message", "")).strip()
            if text and text != GENERIC:
                name = _name(content.get("urn") or "")
                said.remarks.append(Remark(severity=content["severity"], resource=name, text=text))
        case "policyEvent":
            text = str(content.get("message", "")).strip()
            level = "unjudged" if text.startswith(UNJUDGED) else _level(content)
            said.violations.append(
                Violation(
                    policy=str(content.get("policyName", "")),
                    level=level,
                    resource=_name(content.get("resourceUrn") or ""),
                    text=text,
                )
            )
        case "summaryEvent":
            said.finished = True
            said.succeeded = content.get("result") == "succeeded"


def _level(content: Mapping[str, Any]) -> Any:
    """What is not said to be advice stops the run."""
    return "advisory" if content.get("enforcementLevel") == "advisory" else "mandatory"


def _resource(said: Said, metadata: Mapping[str, Any]) -> None:
    kind, op = metadata["type"], metadata["op"]
    old, new = metadata.get("old") or {}, metadata.get("new") or {}
    if kind == STACK:
        outputs = old.get("outputs")
        said.before = said.before if outputs is None else outputs
        return
    if kind == SLICE:
        inputs = (old or new).get("inputs") or {}
        part, stays = str(inputs.get("part", "")), op != "delete"
        for what, section in ((part, "sections"), *([("declared", "declared")] if part == "identity" else [])):
            said.slices.append(
                Slice(
                    name=_name(metadata["urn"]),
                    part=what,
                    before=_inputs(old, section),
                    after=_inputs(new, section) if stays else None,
                )
            )
    if kind.startswith(RBAC):
        said.roles.append(_role(kind, old, new if op != "delete" else {}))
    if op not in NO_CHANGE:
        said.steps.append(Step(op=op, type=kind, name=_name(metadata["urn"])))


def _role(kind: str, *sides: Mapping[str, Any]) -> Rbac:
    inputs = [side.get("inputs") for side in sides]
    name = next((str(each["metadata"].get("name")) for each in reversed(inputs) if each and "metadata" in each), "")
    before, after = (None if each is None else {key: each[key] for key in RULES if each.get(key)} for each in inputs)
    return Rbac(kind=kind.rpartition(":")[2], name=name, before=before, after=after)


def _came(said: Said, metadata: Mapping[str, Any]) -> None:
    if metadata["type"] == STACK:
        said.after = (metadata.get("new") or {}).get("outputs") or {}
    elif metadata["op"] not in NO_CHANGE and not _still_waits(metadata):
        name = _name(metadata["urn"])
        said.drifted.append(Step(op=metadata["op"], type=metadata["type"], name=name))


def _still_waits(metadata: Mapping[str, Any]) -> bool:
    """Whether it is a slice that was not written yet and is not now: its operator has not come online."""
    sides = [((metadata.get(side) or {}).get("outputs") or {}).get("status") for side in ("old", "new")]
    return metadata["type"] == SLICE and sides == ["waiting", "waiting"]


def _inputs(row: Mapping[str, Any], name: str) -> dict[str, Any] | None:
    return dict((row.get("inputs") or {}).get(name) or {}) if row else None


def _name(urn: str) -> str:
    return urn.rpartition("::")[2] if "::" in urn else ""
