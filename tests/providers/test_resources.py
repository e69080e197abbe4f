"""The provider's resources through its own requests, against the sandbox's API."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Coroutine, Iterator
from typing import Any

import pytest
from pulumi.provider.experimental import provider as engine

from providers.tailnet import enrollment
from providers.tailnet.problems import CancelledError, PolicyError, TailnetError
from providers.tailnet.provider import TailnetProvider
from providers.tailnet.slice import removed
from providers.tailnet.tags import Environment
from providers.tailnet.values import UNKNOWN, plain_map, property_map
from tests.providers.policies import ACME, GLOBEX, TRAP, access, grant, identity, names, value
from tests.providers.tailnet_api import SEED, Api, put_policy

OF = {"customer": "acme", "environment": "prod"}
IDENTITY = {
    **OF,
    "part": "identity",
    "sections": identity(ACME).sections,
    "declared": {"grants": [grant(ACME)]},
}
ACCESS = {**OF, "part": "access", "sections": access(ACME).sections, "active": True}
ENROLLMENT = {**OF, "tag": ACME.kube_tag, "hostname": "acme-prod-kube", "wait": False, "timeoutSeconds": 60}


class Recorder:
    """A log that remembers."""

    def __init__(self) -> None:
        self.infos: list[str] = []
        self.warnings: list[str] = []
        self.progressed: list[str] = []

    def info(self, message: str) -> None:
        self.infos.append(message)

    def progress(self, message: str) -> None:
        self.progressed.append(message)

    def warning(self, message: str) -> None:
        self.warnings.append(message)


class Stack:
    """Plays the engine for single resources: check, diff, create or update, read, delete."""

    def __init__(self, api: Api) -> None:
        self.log = Recorder()
        self.provider = TailnetProvider(api.environ, lambda _: self.log)
        self.state: dict[str, dict[str, Any]] = {}

    @staticmethod
    def urn(kind: str) -> str:
        return f"urn:pulumi:acme-prod::support-access::my:index:SupportAccess$tailnet:index:{kind}::it"

    def do(self, request: Coroutine[Any, Any, Any]) -> Any:
        return asyncio.run(request)

    def check(self, kind: str, inputs: dict[str, Any], old: dict[str, Any] | None = None) -> list[str]:
        answer = self.do(
            self.provider.check(engine.CheckRequest(self.urn(kind), property_map(old or {}), property_map(inputs), b""))
        )
        return [f"{failure.property}: {failure.reason}" for failure in answer.failures]

    def diff(self, kind: str, inputs: dict[str, Any]) -> dict[str, str]:
        old = property_map(self.state[kind + inputs.get("part", "")])
        answer = self.do(self.provider.diff(engine.DiffRequest(self.urn(kind), "x", old, property_map(inputs), [])))
        assert answer.replaces == []
        assert answer.changes == bool(answer.detailed_diff)
        return {path: change.kind.name.lower() for path, change in answer.detailed_diff.items()}

    def up(self, kind: str, inputs: dict[str, Any], *, preview: bool = False) -> dict[str, Any]:
        key = kind + inputs.get("part", "")
        assert self.check(kind, inputs, self.state.get(key)) == []
        news = property_map(inputs)
        if key not in self.state:
            answer = self.do(self.provider.create(engine.CreateRequest(self.urn(kind), news, 0, preview)))
        else:
            olds = property_map(self.state[key])
            answer = self.do(
                self.provider.update(engine.UpdateRequest(self.urn(kind), "x", olds, news, 0, [], preview))
            )
        state = plain_map(answer.properties)
        if not preview:
            self.state[key] = state
        return state

    def refresh(self, kind: str, part: str = "") -> dict[str, Any]:
        old = property_map(self.state[kind + part])
        answer = self.do(self.provider.read(engine.ReadRequest(self.urn(kind), "x", old, {})))
        self.state[kind + part] = plain_map(answer.properties)
        return self.state[kind + part]

    def destroy(self, kind: str, part: str = "") -> None:
        properties = property_map(self.state.pop(kind + part))
        self.do(self.provider.delete(engine.DeleteRequest(self.urn(kind), "x", properties, 0)))


@pytest.fixture
def stack(api: Api) -> Iterator[Stack]:
    stack = Stack(api)
    yield stack
    stack.provider.close()


# --- PolicySlice -------------------------------------------------------------------------------------------


def test_the_life_of_a_stack(api: Api, stack: Stack) -> None:
    assert stack.up("PolicySlice", IDENTITY)["status"] == "written"
    assert stack.up("PolicySlice", {**ACCESS, "active": False})["status"] == "waiting"
    assert not value(api.text)["grants"][1:]
    assert stack.diff("PolicySlice", ACCESS) == {"active": "update"}
    assert stack.up("PolicySlice", ACCESS)["status"] == "written"
    assert grant(ACME) in value(api.text)["grants"]
    assert stack.diff("PolicySlice", ACCESS) == {}
    assert stack.diff("PolicySlice", IDENTITY) == {}
    api.calls()
    stack.destroy("PolicySlice", "access")
    assert value(api.text)["grants"] == value(SEED)["grants"]
    stack.destroy("PolicySlice", "identity")
    assert value(api.text) == {**value(SEED), "autoApprovers": {"services": {}}}
    assert api.calls() == ["GET /tailnet/-/acl", "POST /tailnet/-/acl"] * 2, "nothing is asked on the way out"


def test_a_first_preview_tells_what_will_change_and_writes_nothing(api: Api, stack: Stack) -> None:
    before = api.text
    assert stack.up("PolicySlice", IDENTITY, preview=True)["status"] is UNKNOWN
    assert any(ACME.kube_tag in line for line in stack.log.infos)
    stack.up("PolicySlice", {**ACCESS, "active": UNKNOWN}, preview=True)
    stack.up("PolicySlice", ACCESS, preview=True)
    assert api.text == before
    assert not [call for call in api.calls() if call == "POST /tailnet/-/acl"]


def test_a_preview_tells_which_tests_would_fail(stack: Stack) -> None:
    tests = [{"src": ACME.kube_tag, "accept": ["tag:internal:443"]}]
    inputs = {**IDENTITY, "sections": {**IDENTITY["sections"], "tests": tests}}
    with pytest.raises(PolicyError, match="tag:internal:443"):
        stack.up("PolicySlice", inputs, preview=True)


def test_a_grant_that_somebody_added_is_seen_and_removed_by_the_next_up(api: Api, stack: Stack) -> None:
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    clean = api.text
    wide = '"grants": [\n    {"src": ["*"], "dst": ["tag:kube-acme-prod"], "ip": ["*"]}, // to try\n'
    put_policy(api, api.text.replace('"grants": [\n', wide))
    assert stack.diff("PolicySlice", ACCESS) == {}
    assert stack.diff("PolicySlice", IDENTITY) == {"sections.grants": "update"}
    assert any('"*"' in line for line in stack.log.infos)
    stack.up("PolicySlice", IDENTITY)
    assert api.text == clean


def test_an_entry_that_somebody_took_away_is_seen_and_restored(api: Api, stack: Stack) -> None:
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    clean = api.text
    put_policy(api, removed(clean, access(ACME)).text)
    assert stack.refresh("PolicySlice", "access")["sections"]["grants"] == []
    assert stack.diff("PolicySlice", ACCESS) == {"sections.grants[0]": "add"}
    stack.up("PolicySlice", ACCESS)
    assert value(api.text) == value(clean)


def test_an_up_after_a_kill_is_refused_also_when_nothing_changed(api: Api, stack: Stack) -> None:
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    put_policy(api, api.text.replace('"groups": {', f'"groups": {{\n    // cut by ann\n    "{ACME.killed_group}": [],'))
    for inputs in (IDENTITY, ACCESS):
        with pytest.raises(PolicyError, match="was cut off"):
            stack.diff("PolicySlice", inputs)
    stack.destroy("PolicySlice", "access")
    stack.destroy("PolicySlice", "identity")
    assert not names(api.text, ACME)
    assert ACME.killed_group in value(api.text)["groups"]


def test_narrowing_needs_neither_access_nor_anything_between(api: Api, stack: Stack) -> None:
    stack.up("PolicySlice", IDENTITY)
    stack.up("PolicySlice", ACCESS)
    narrower = {**IDENTITY, "declared": {"grants": []}}
    assert stack.diff("PolicySlice", narrower) == {"declared.grants[0]": "delete"}
    stack.up("PolicySlice", narrower)
    assert value(api.text)["grants"] == value(SEED)["grants"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"part": "all"}, "part: 'all'"),
        ({"customer": "Acme"}, "customer:"),
        ({"environment": None}, "environment:"),
        ({"declared": None}, "declared:"),
        ({"sections": {"grants": []}}, "sections.grants: a slice of part identity has no such section"),
        ({"sections": {"tagOwners": {GLOBEX.kube_tag: []}}}, "is not a tag of acme-prod"),
        ({"sections": {"tagOwners": {TRAP.kube_tag: []}}}, "is not a tag of acme-prod"),
        ({"sections": {"tagOwners": []}}, "must be an object"),
        ({"sections": {"nodeAttrs": [{"target": ["*"], "attr": ["funnel"]}]}}, "sections.nodeAttrs[0]"),
        ({"sections": {"tests": [{"src": "group:x", "deny": ["tag:ci:1"]}]}}, "source of a test"),
        ({"declared": {"grants": [grant(GLOBEX)]}}, "declared.grants[0]"),
        ({"declared": {"grants": [{**grant(ACME), "dst": ["*", ACME.kube_tag]}]}}, "declared.grants[0]"),
        ({"declared": {"postures": {"posture:laptop": []}}}, "posture:acme-prod-<word>"),
    ],
)
def test_what_a_slice_cannot_own_is_refused_before_any_call(stack: Stack, change: dict[str, Any], words: str) -> None:
    inputs = {key: item for key, item in {**IDENTITY, **change}.items() if item is not None}
    found = stack.check("PolicySlice", inputs)
    assert any(words in line for line in found), found


def test_a_shared_slice_declares_nothing_of_an_environment(stack: Stack) -> None:
    shared = {"part": "shared", "sections": {"tagOwners": {ACME.kube_tag: []}, "groups": {"group:killed-a-b": []}}}
    assert len(stack.check("PolicySlice", shared)) == 2


def test_a_resource_does_not_move_to_another_environment(stack: Stack) -> None:
    found = stack.check("PolicySlice", {**IDENTITY, "environment": "dev", "sections": {}, "declared": {}}, IDENTITY)
    assert any("cannot change from 'prod' to 'dev'" in line for line in found)


# --- Enrollment and DeviceCleanup --------------------------------------------------------------------------


@pytest.fixture
def tagged(api: Api, stack: Stack) -> Api:
    """The API with acme's and globex's tags declared."""
    stack.up("PolicySlice", IDENTITY)
    sections = {"tagOwners": {**identity(GLOBEX).sections["tagOwners"], GLOBEX.api_tag: [], GLOBEX.rec_tag: []}}
    more = {"part": "identity", "customer": "globex", "environment": "prod", "sections": sections}
    other = Stack(api)
    other.up("PolicySlice", {**more, "declared": {}})
    other.provider.close()
    return api


def test_handoff_is_pending_until_the_device_is_there(tagged: Api, stack: Stack) -> None:
    assert stack.up("Enrollment", ENROLLMENT) == {**ENROLLMENT, "status": "pending"}
    assert stack.diff("Enrollment", ENROLLMENT) == {}
    tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    assert stack.diff("Enrollment", ENROLLMENT) == {"status": "update"}
    state = stack.up("Enrollment", ENROLLMENT)
    assert state["status"] == "online"
    assert state["deviceName"].startswith("acme-prod-kube.")
    assert state["clientVersion"] == "1.96.5"
    assert state["addresses"]
    assert stack.refresh("Enrollment") == state
    assert stack.diff("Enrollment", ENROLLMENT) == {}


def test_managed_waits_until_the_device_is_online(tagged: Api, stack: Stack, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(enrollment, "INTERVAL", 0.05)
    tags = [ACME.operator_tag, ACME.kube_tag]
    later = threading.Timer(0.3, lambda: tagged.register("acme-prod-kube", tags))
    later.start()
    assert stack.up("Enrollment", {**ENROLLMENT, "wait": True})["status"] == "online"
    later.join()
    assert "waiting for acme-prod-kube" in stack.log.progressed[0]


def test_a_wait_that_ends_says_what_was_seen_and_where_to_look(tagged: Api, stack: Stack) -> None:
    device = tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    tagged.poll(device, online=False)
    with pytest.raises(TailnetError, match="registered and offline") as raised:
        stack.up("Enrollment", {**ENROLLMENT, "wait": True, "timeoutSeconds": 1})
    assert "egress" in str(raised.value)


def test_a_name_that_was_taken_is_accepted_and_explained(tagged: Api, stack: Stack) -> None:
    old = tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    tagged.poll(old, online=False)
    tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    state = stack.up("Enrollment", ENROLLMENT)
    assert state["deviceName"].startswith("acme-prod-kube-1.")
    assert any("is taken by another device" in line for line in stack.log.warnings)


def test_a_device_of_another_name_is_not_taken_for_the_operator(tagged: Api, stack: Stack) -> None:
    tagged.register("acme-prod-kube-proxy", [ACME.kube_tag])
    assert stack.up("Enrollment", ENROLLMENT)["status"] == "pending"
    assert any("acme-prod-kube-proxy" in line for line in stack.log.warnings)


def devices(api: Api) -> set[str]:
    return {device["name"].split(".")[0] for device in api.client().devices()}


def test_deleting_an_enrolment_removes_its_devices_at_once_and_no_others(tagged: Api, stack: Stack) -> None:
    tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    tagged.register("globex-prod-kube", [GLOBEX.operator_tag, GLOBEX.kube_tag])
    tagged.register("acme-proxy", [ACME.proxy_tag])
    stack.up("Enrollment", ENROLLMENT)
    stack.destroy("Enrollment")
    assert devices(tagged) == {"globex-prod-kube", "acme-proxy"}


def test_cleanup_removes_devices_and_services_in_bad_weather(tagged: Api, stack: Stack) -> None:
    globex = {"customer": "globex", "environment": "prod"}
    for name, tags in {
        "globex-a": [GLOBEX.kube_tag],
        "globex-b": [GLOBEX.proxy_tag, GLOBEX.rec_tag],
        "globex-c": [GLOBEX.api_tag],
        "acme-prod-kube": [ACME.kube_tag],
    }.items():
        tagged.register(name, tags)
    tagged.serve("svc:globex", GLOBEX.api_tag)
    tagged.serve("svc:acme", ACME.kube_tag)
    stack.up("DeviceCleanup", globex)
    tagged.faults(
        {"kind": "status", "status": 500, "method": "DELETE", "path": "/device/", "count": 2},
        {"kind": "status", "status": 429, "retryAfter": 0, "method": "DELETE", "count": 1},
        {"kind": "reset", "when": "after", "method": "DELETE", "path": "/device/", "count": 1},
    )
    stack.destroy("DeviceCleanup")
    assert devices(tagged) == {"acme-prod-kube"}
    assert [service["name"] for service in tagged.client().services()] == ["svc:acme"]


def test_cleanup_leaves_what_the_customers_other_environments_and_the_chain_carry(tagged: Api, stack: Stack) -> None:
    staging = Environment("acme", "staging")
    other = Stack(tagged)
    sections = identity(staging).sections
    other.up(
        "PolicySlice",
        {"part": "identity", "customer": "acme", "environment": "staging", "sections": sections, "declared": {}},
    )
    other.provider.close()
    tagged.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    tagged.register("acme-staging-kube", [ACME.operator_tag, staging.kube_tag])
    tagged.register("acme-proxy", [ACME.proxy_tag, ACME.customer_tag])
    tagged.serve("svc:acme-prod", ACME.kube_tag)
    tagged.serve("svc:acme-staging", staging.kube_tag)
    tagged.serve("svc:acme", ACME.proxy_tag)
    stack.up("DeviceCleanup", OF)
    stack.destroy("DeviceCleanup")
    assert devices(tagged) == {"acme-staging-kube", "acme-proxy"}
    assert {service["name"] for service in tagged.client().services()} == {"svc:acme-staging", "svc:acme"}


def test_a_device_that_comes_back_is_removed_again(tagged: Api, stack: Stack) -> None:
    tagged.register("acme-prod-kube", [ACME.kube_tag])
    stack.up("DeviceCleanup", OF)
    client = stack.provider._connected()
    delete, left = client.delete_device, [1]

    def delete_and_come_back(node_id: str) -> bool:
        gone = delete(node_id)
        if left[0]:
            left[0] -= 1
            tagged.register("acme-prod-kube", [ACME.kube_tag])
        return gone

    client.delete_device = delete_and_come_back  # type: ignore[method-assign]
    stack.destroy("DeviceCleanup")
    assert devices(tagged) == set()


# --- the rest ----------------------------------------------------------------------------------------------


def test_a_wait_ends_when_the_engine_cancels(tagged: Api, stack: Stack) -> None:
    later = threading.Timer(0.3, stack.provider._cancelled.set)
    later.start()
    with pytest.raises(CancelledError, match="cancelled"):
        stack.up("Enrollment", {**ENROLLMENT, "wait": True, "timeoutSeconds": 30})
    later.join()
