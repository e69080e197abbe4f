"""A plugin that is ended with SIGKILL at any boundary of any API call leaves nothing that the next run does not mend.

Each operation is carried out once undisturbed, which tells its calls and its outcome. Then, for every call, the plugin
is killed before the call takes effect, and after it did and before the answer. The engine has saved nothing of an
operation that was never answered, so the next run asks for the same again; the world must end as if nothing had
happened.
"""

from __future__ import annotations

import copy
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

import pytest

from tests.providers.gate import Gate, When
from tests.providers.plugin import LIMIT_SECONDS, Plugin, plain, running_plugin
from tests.providers.policies import ACME, access, grant, identity, value
from tests.providers.tailnet_api import WHOLE, Api, running_api

DOCUMENT = WHOLE.replace("\n", "\r\n")

OF = {"customer": "acme", "environment": "prod"}
GRANTS = [grant(ACME), grant(ACME, "group:platform")]
IDENTITY = {**OF, "part": "identity", "sections": identity(ACME).sections, "declared": {"grants": GRANTS}}
NARROWER = {**IDENTITY, "declared": {"grants": GRANTS[:1]}}
ACCESS = {**OF, "part": "access", "sections": access(ACME, GRANTS[:1]).sections, "active": True}
WIDER = {**ACCESS, "sections": {"grants": GRANTS, "postures": {"posture:acme-prod-laptop": ["node:os == 'macos'"]}}}
PLATFORM = {"group:platform": ["ann@example.com"]}
SHARED = {"part": "shared", "sections": {"groups": PLATFORM, "tagOwners": {"tag:sentinel": []}}}
OTHER_SHARED = {"part": "shared", "sections": {"groups": {"group:oncall": ["bob@example.com"], **PLATFORM}}}
ENROLMENT = {**OF, "tag": ACME.kube_tag, "hostname": "acme-prod-kube", "wait": True, "timeoutSeconds": 60}

Step = tuple[str, dict[str, Any]]
ON_SHARED: list[Step] = [("PolicySlice", SHARED)]
STANDING: list[Step] = [*ON_SHARED, ("PolicySlice", IDENTITY)]
OPEN: list[Step] = [*STANDING, ("PolicySlice", ACCESS)]


@dataclass(frozen=True)
class Operation:
    """What is asked of the plugin after the slices of `first` were made: create, update (with `new`) or delete."""

    verb: str
    kind: str
    inputs: dict[str, Any]
    first: list[Step]
    new: dict[str, Any] | None = None

    def ask(self, plugin: Plugin, state: dict[str, Any]) -> Any:
        if self.verb == "create":
            return plugin.create(self.kind, self.inputs)
        if self.verb == "update":
            return plugin.update(self.kind, state, self.new or {})
        return plugin.delete(self.kind, state)

    def left(self) -> list[Step]:
        """Slices that stand when it is done, oldest first."""
        own = [(self.kind, self.new or self.inputs)] if self.kind == "PolicySlice" and self.verb != "delete" else []
        return [step for step in self.first if step[1] != self.inputs] + own


OPERATIONS = {
    "create shared": Operation("create", "PolicySlice", SHARED, []),
    "update shared": Operation("update", "PolicySlice", SHARED, ON_SHARED, OTHER_SHARED),
    "delete shared": Operation("delete", "PolicySlice", SHARED, ON_SHARED),
    "create identity": Operation("create", "PolicySlice", IDENTITY, ON_SHARED),
    "update identity": Operation(
        "update", "PolicySlice", IDENTITY, [*ON_SHARED, ("PolicySlice", WIDER), ("PolicySlice", IDENTITY)], NARROWER
    ),
    "delete identity": Operation("delete", "PolicySlice", IDENTITY, STANDING),
    "create access": Operation("create", "PolicySlice", ACCESS, STANDING),
    "update access": Operation("update", "PolicySlice", ACCESS, OPEN, WIDER),
    "delete access": Operation("delete", "PolicySlice", ACCESS, OPEN),
    "create enrolment": Operation("create", "Enrollment", ENROLMENT, STANDING),
    "update enrolment": Operation("update", "Enrollment", ENROLMENT, STANDING, {**ENROLMENT, "timeoutSeconds": 90}),
    "delete enrolment": Operation("delete", "Enrollment", ENROLMENT, STANDING),
    "create cleanup": Operation("create", "DeviceCleanup", OF, STANDING),
    "delete cleanup": Operation("delete", "DeviceCleanup", OF, STANDING),
}
ORDER = ("shared", "identity", "access")


class World:
    """The API with its gate, and a plugin that is not killed, for what comes before and after."""

    def __init__(self, api: Api, gate: Gate, plugin: Plugin) -> None:
        self.api = api
        self.gate = gate
        self.plugin = plugin

    def begin(self, operation: Operation) -> dict[str, Any]:
        """Brings the tailnet to where the operation starts, and returns the state that the engine would hold."""
        self.restore({"policy": DOCUMENT, "devices": {}, "services": {}})
        for kind, inputs in sorted(operation.first, key=lambda step: ORDER.index(step[1]["part"])):
            self.plugin.create(kind, inputs).result()
        if operation.kind != "PolicySlice":
            self.api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
            self.api.register("acme-prod-tunnel", [ACME.operator_tag, ACME.kube_tag])
            self.api.register("internal", ["tag:internal"])
            self.api.serve("svc:acme-prod", ACME.kube_tag)
        if operation.verb == "create":
            return {}
        if operation.kind == "Enrollment":
            return plain(self.plugin.create(operation.kind, operation.inputs).result().properties)
        return {**operation.inputs, "status": "written"}

    def snapshot(self) -> dict[str, Any]:
        return copy.deepcopy({part: self.api.state.data[part] for part in ("policy", "devices", "services")})

    def restore(self, snapshot: dict[str, Any]) -> None:
        self.api.state.data.update(copy.deepcopy(snapshot))

    def remove_all(self, operation: Operation) -> None:
        for kind, inputs in sorted(operation.left(), key=lambda step: -ORDER.index(step[1]["part"])):
            self.plugin.delete(kind, inputs).result()


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    gates: list[Gate] = []

    def around(app: Any) -> Gate:
        gates.append(Gate(app))
        return gates[-1]

    with running_api(DOCUMENT, around) as api:
        api.use_oauth_client()
        with running_plugin(api.environ) as plugin:
            yield World(api, gates[0], plugin)


def seen(world: World) -> dict[str, Any]:
    """What of the world an operation is for: the document's bytes, and who is there."""
    data = world.api.state.data
    return {
        "policy": data["policy"],
        "devices": sorted(device["hostname"] for device in data["devices"].values()),
        "services": sorted(data["services"]),
    }


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_plugin_killed_at_any_call_leaves_what_the_next_run_completes(world: World, name: str) -> None:
    operation = OPERATIONS[name]
    state = world.begin(operation)
    start, before = world.snapshot(), seen(world)
    with running_plugin(world.api.environ) as plugin, world.gate.counted() as calls:
        answer = operation.ask(plugin, state).result()
    done, outcome = seen(world), _outcome(answer)
    assert len(calls) >= EXPECTED[name], calls
    assert (done != before) is (name not in LOOKING), "an operation that does nothing shows nothing"

    for call in range(len(calls)):
        for when in get_args(When):
            where = f"{name}, killed {when} {calls[call]} ({call})"
            world.restore(start)
            with running_plugin(world.api.environ) as plugin, world.gate.hold(call, when) as hold:
                asked = operation.ask(plugin, state)
                assert hold.reached.wait(LIMIT_SECONDS), where
                plugin.kill()
                assert asked.exception(10) is not None, where
            now = seen(world)
            value(now["policy"])
            assert now["policy"] in (before["policy"], done["policy"]), where

            again = operation.ask(world.plugin, state).result()
            assert seen(world) == done, where
            assert _outcome(again) == outcome, where
            world.remove_all(operation)
            assert world.api.text == DOCUMENT, where


# Calls that an operation cannot do without, the token's included: less would mean that the matrix tests nothing.
EXPECTED = {
    **{name: 4 for name in OPERATIONS if name.endswith(("shared", "identity", "access"))},  # GET, validate, POST
    **{f"delete {part}": 3 for part in ORDER},  # GET, POST
    **{"create enrolment": 2, "update enrolment": 2, "delete enrolment": 5},
    **{"create cleanup": 0, "delete cleanup": 6},
}
LOOKING = ("create enrolment", "update enrolment", "create cleanup")
"""Operations that change nothing at Tailscale."""


def _outcome(answer: Any) -> dict[str, Any]:
    """What the engine would save, without the time of the first sight."""
    properties = plain(answer.properties) if hasattr(answer, "properties") else {}
    return {name: item for name, item in properties.items() if name != "onlineSince"}
