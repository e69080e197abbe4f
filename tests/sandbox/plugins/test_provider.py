"""What follows from the description of a kind: checks, previews, diffs, secrets, refresh and import."""

# ruff: noqa: RUF012 - ClassVar is declared in Kind

from __future__ import annotations

import asyncio
from unittest.mock import Mock

import grpc.aio
import pytest
from pulumi.provider.experimental.property_value import PropertyValue
from pulumi.runtime.proto import provider_pb2

from sandbox.plugins.kind import Failure, Input, Kind
from sandbox.plugins.server import Servicer
from sandbox.plugins.values import UNKNOWN, Properties
from tests.sandbox.plugins.conftest import Resource


class Box(Kind):
    """A kind whose service is a dict."""

    token = "test:index:Box"
    inputs = {
        "size": Input(required=True),
        "place": Input(replaces=True),
        "labels": Input(default=[], unordered=True),
        "owner": Input(served=True),
        "note": Input(default=""),
    }
    outputs = frozenset({"key", "touched"})
    volatile = frozenset({"touched"})
    secrets = frozenset({"key"})

    def __init__(self) -> None:
        self.service: dict[str, Properties] = {}

    async def create(self, inputs: Properties) -> tuple[str, Properties]:
        self.service["1"] = {"owner": "somebody", "key": "hidden", "touched": 1} | inputs
        return "1", self.service["1"]

    async def read(self, identity: str, state: Properties) -> Properties | None:
        return dict(self.service[identity]) if identity in self.service else None

    async def update(self, identity: str, state: Properties, inputs: Properties) -> Properties:
        self.service[identity] = state | inputs | {"touched": state["touched"] + 1}
        return self.service[identity]

    async def delete(self, identity: str, state: Properties) -> None:
        self.service.pop(identity, None)


def test_a_preview_knows_what_is_declared_and_nothing_that_the_service_decides() -> None:
    state = asyncio.run(Resource(Box()).preview({"size": 1, "place": UNKNOWN}))
    assert state == {
        "size": 1,
        "place": UNKNOWN,
        "labels": [],
        "note": "",
        "owner": UNKNOWN,
        "key": UNKNOWN,
        "touched": UNKNOWN,
    }


def test_a_preview_touches_nothing() -> None:
    box = Box()
    asyncio.run(Resource(box).preview({"size": 1}))
    assert box.service == {}


def test_missing_and_unknown_properties_are_refused_together() -> None:
    problems = asyncio.run(Resource(Box()).check({"colour": "red"}))
    assert {name for name, _ in problems} == {"size", "colour"}


def test_a_property_is_secret_when_its_input_is_or_its_kind_says_so() -> None:
    async def scenario() -> set[str]:
        box = Resource(Box(), secrets=("note",))
        await box.create({"size": 1, "note": "hidden"})
        await box.read()
        return box.secret_outputs

    assert asyncio.run(scenario()) == {"key", "note"}


def test_an_update_in_preview_keeps_what_it_leaves_alone() -> None:
    async def scenario() -> Properties:
        box = Resource(Box())
        await box.create({"size": 1})
        return await box.update({"size": 2}, preview=True)

    state = asyncio.run(scenario())
    assert (state["size"], state["key"], state["owner"], state["touched"]) == (2, "hidden", "somebody", UNKNOWN)


@pytest.mark.parametrize(
    ("inputs", "changed", "replacing"),
    [
        ({"size": 1, "labels": ["b", "a"], "place": "x"}, [], []),
        ({"size": 2, "labels": ["a", "b"], "place": "x"}, ["size"], []),
        ({"size": 1, "labels": ["a"], "place": "x"}, ["labels"], []),
        ({"size": 1, "labels": ["a", "b"], "place": "y"}, ["place"], ["place"]),
        ({"size": 1, "labels": ["a", "b"]}, ["place"], ["place"]),
        ({"size": 1, "labels": ["a", "b"], "place": UNKNOWN}, ["place"], ["place"]),
        ({"size": 1, "labels": ["a", "b"], "place": "x", "owner": "me"}, ["owner"], []),
        ({"size": 1, "labels": ["a", "b"], "place": "x", "note": ""}, [], []),
    ],
)
def test_a_diff_names_what_changed_and_what_forces_a_replacement(
    inputs: Properties, changed: list[str], replacing: list[str]
) -> None:
    async def scenario() -> tuple[bool | None, list[str], list[str]]:
        box = Resource(Box())
        await box.create({"size": 1, "labels": ["a", "b"], "place": "x"})
        diff = await box.diff(inputs)
        return diff.changes, diff.diffs, diff.replaces

    assert asyncio.run(scenario()) == (bool(changed), changed, replacing)


def test_a_refresh_finds_drift_and_drops_what_is_gone() -> None:
    async def scenario() -> None:
        kind = Box()
        box = Resource(kind)
        await box.create({"size": 1, "labels": ["a", "b"]})
        kind.service["1"] |= {"size": 5, "labels": ["b", "a"], "owner": "else"}
        state, inputs = await box.read() or ({}, {})
        assert (state["size"], state["labels"], state["owner"]) == (5, ["a", "b"], "else")
        assert inputs == {"size": 5, "labels": ["a", "b"]}
        kind.service.clear()
        assert await box.read() is None

    asyncio.run(scenario())


def test_a_framework_provider_names_what_differs_and_leaves_the_details_to_the_engine() -> None:
    async def scenario() -> None:
        box = Resource(Box(), framework=True)
        await box.create({"size": 1, "place": "x"})
        assert not (await box.diff({"size": 1, "place": "x"})).changes
        update = await box.diff({"size": 2, "place": "x"})
        replacement = await box.diff({"size": 1, "place": "y"})
        assert [(d.diffs, d.replaces, d.detailed_diff) for d in (update, replacement)] == [
            (["size", "touched"], [], {}),
            (["place"], ["place"], {}),
        ]

    asyncio.run(scenario())


@pytest.mark.parametrize("framework", [True, False])
def test_a_diff_without_details_does_not_claim_to_have_them(framework: bool) -> None:
    async def scenario() -> provider_pb2.DiffResponse:
        box = Resource(Box(), framework=framework)
        await box.create({"size": 1})
        assert not await box.check({"size": 2})
        old, new = PropertyValue.marshal_map(box.state), PropertyValue.marshal_map(box.inputs)
        servicer = Servicer([], "1.0.0", box.provider, "127.0.0.1:0")
        request = provider_pb2.DiffRequest(urn=box.urn, id=box.identity, olds=old, news=new)
        return await servicer.Diff(request, Mock(spec=grpc.aio.ServicerContext))

    answer = asyncio.run(scenario())
    assert answer.changes == provider_pb2.DiffResponse.DIFF_SOME
    assert (answer.hasDetailedDiff, set(answer.detailedDiff)) == (not framework, set() if framework else {"size"})


def test_a_framework_provider_names_the_refused_property_in_the_text_alone() -> None:
    problems = asyncio.run(Resource(Box(), framework=True).check({"size": 1, "colour": "red"}))
    assert [name for name, _ in problems] == [""]
    assert problems[0][1].endswith("Examine values at 'example.colour'.")


def test_a_refresh_of_a_framework_provider_declares_nothing_that_the_program_did_not() -> None:
    async def scenario() -> None:
        for framework, declared in ((True, {"size": 5}), (False, {"size": 5, "note": "by hand"})):
            kind = Box()
            box = Resource(kind, framework=framework)
            await box.create({"size": 1})
            kind.service["1"] |= {"size": 5, "note": "by hand"}
            state, inputs = await box.read() or ({}, {})
            assert (state["note"], inputs) == ("by hand", declared)

    asyncio.run(scenario())


@pytest.mark.parametrize("framework", [True, False])
def test_framework_provider_keeps_the_id_and_sorted_sets_in_the_state(framework: bool) -> None:
    """As the real tailscale plugin does: its state has `id` beside the rest, and sets in order of their elements."""

    async def scenario() -> None:
        kind = Box()
        box = Resource(kind, framework=framework)
        declared = {"size": 1, "labels": ["b", "a"]}
        planned = await box.preview(declared)
        states = [
            await box.create(declared),
            (await box.read() or ({}, {}))[0],
            await box.update(declared | {"size": 2}),
        ]
        if not framework:
            assert not any("id" in state for state in (planned, *states))
            assert all(state["labels"] == ["b", "a"] for state in states)
            return
        assert (planned["id"], planned["labels"]) == (UNKNOWN, ["a", "b"])
        assert kind.service["1"]["labels"] == ["a", "b"]
        assert [(state["id"], state["labels"]) for state in states] == [("1", ["a", "b"])] * 3
        _, inputs = await box.read() or ({}, {})
        assert inputs["labels"] == ["a", "b"]
        assert not (await box.diff(declared | {"size": 2})).changes

    asyncio.run(scenario())


def test_an_import_declares_what_is_there() -> None:
    async def scenario() -> None:
        kind = Box()
        await Resource(kind).create({"size": 1, "place": "x"})
        box = Resource(kind, identity="1")
        _, inputs = await box.read() or ({}, {})
        assert inputs == {"size": 1, "place": "x", "owner": "somebody"}
        assert not (await box.diff(inputs)).changes

    asyncio.run(scenario())


def test_a_kind_that_the_stand_in_lacks_is_named() -> None:
    class Chest(Box):
        token = "test:index:Chest"

    resource = Resource(Chest())
    resource.urn = "urn:pulumi:dev::tiny::test:index:Drawer::example"
    with pytest.raises(Failure, match="has no test:index:Drawer"):
        asyncio.run(resource.check({}))
