"""The kill: what goes, in which order, what nobody else loses, and what is said when something stays."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.tailnet.document import write
from providers.tailnet.severance import Mark
from providers.tailnet.slice import applied
from providers.tailnet.tags import Environment
from supportctl.kill.kill import GONE, LEFT, NOT_SEVERED, Order, kill
from supportctl.kill.record import Record, Step
from supportctl.kill.state import Cleared
from supportctl.kill.target import Target, TargetError, target
from tests.providers.policies import ACME, GLOBEX, TRAP, access, identity, names
from tests.providers.tailnet_api import Api, put_policy

DEV = Environment("acme", "dev")
MARK = Mark(who="ada", when="2026-11-21T12:00:00Z", why="rehearsal")


class State:
    """Stands for a stack's state: what was asked of it, and the answer."""

    def __init__(self, answer: Cleared) -> None:
        self.answer = answer
        self.asked: list[str] = []

    def __call__(self, name: str) -> Any:
        state = self

        class Stack:
            def __init__(self) -> None:
                self.name = name

            def clear(self, limit: float = 0) -> Cleared:
                state.asked.append(name)
                return state.answer

        return Stack()


def stand(api: Api, *environments: Environment) -> dict[str, str]:
    """The environments are up: policy, an OAuth client, a device and a Service each. Returns clients by environment."""
    api.use_oauth_client()
    with api.client() as client:
        for environment in environments:
            for part in (identity(environment), access(environment)):
                write(client, lambda text, _, part=part: applied(text, part))
    clients = {}
    for environment in environments:
        operator = [environment.operator_tag, environment.kube_tag]
        clients[environment.name] = make_key(
            api, environment.name, keyType="client", scopes=["auth_keys"], tags=operator
        )
        api.register(f"{environment.name}-kube", operator)
        api.serve(f"svc:{environment.name}", environment.kube_tag)
    return clients


def make_key(api: Api, description: str, **body: Any) -> str:
    answer = httpx.post(
        f"{api.url}/api/v2/tailnet/-/keys",
        json={"description": description, **body},
        headers={"Authorization": f"Bearer {api.admin_key}"},
    )
    assert answer.is_success, answer.text
    return answer.json()["id"]


def standing(api: Api, tag: str) -> dict[str, list[str]]:
    """What carries the tag, as an administrator sees it."""
    headers = {"Authorization": f"Bearer {api.admin_key}"}
    get = lambda path: httpx.get(f"{api.url}/api/v2/tailnet/-/{path}", headers=headers).json()  # noqa: E731
    return {
        "keys": [key["id"] for key in get("keys?all=true")["keys"] if tag in key.get("tags", [])],
        "devices": [device["name"] for device in get("devices")["devices"] if tag in device.get("tags", [])],
        "services": [service["name"] for service in get("vip-services")["vipServices"] if tag in service["tags"]],
    }


NOTHING = {"keys": [], "devices": [], "services": []}


def run(
    api: Api, aim: Target, *, state: State | None = None, path: Path | None = None, **more: Any
) -> tuple[int, Record]:
    said: list[Step] = []
    record = Record(target=aim.name, who="ada", why="rehearsal", path=path, say=said.append)
    with api.client() as client:
        code = kill(client, Order(target=aim, mark=MARK, stack=state, **more), record)
    assert said == record.steps
    return code, record


def test_everything_of_the_environment_goes_and_nothing_of_another(api: Api) -> None:
    stand(api, ACME, GLOBEX, TRAP)
    before = {environment.name: standing(api, environment.kube_tag) for environment in (GLOBEX, TRAP)}
    state = State(Cleared(clear=True))

    code, record = run(api, target("acme-prod", None), state=state)

    assert code == GONE, record.steps
    assert state.asked == ["acme-prod"]
    assert not names(api.text, ACME)
    assert "group:killed-acme-prod" in api.text
    assert standing(api, ACME.kube_tag) == NOTHING
    assert {environment.name: standing(api, environment.kube_tag) for environment in (GLOBEX, TRAP)} == before
    assert names(api.text, GLOBEX)
    assert names(api.text, TRAP)


def test_the_grant_goes_before_anything_else_by_one_get_and_one_post(api: Api) -> None:
    stand(api, ACME)
    api.calls()
    run(api, target("acme-prod", None))
    calls = api.calls()
    assert calls[:3] == ["POST /oauth/token", "GET /tailnet/-/acl", "POST /tailnet/-/acl"]
    kinds = [call.split("/")[-2] for call in calls if call.startswith("DELETE")]
    assert kinds == ["keys", "device", "vip-services"]


def test_the_second_kill_finds_nothing_to_do(api: Api) -> None:
    stand(api, ACME)
    run(api, target("acme-prod", None))
    text = api.text
    code, record = run(api, target("acme-prod", None))
    assert code == GONE
    assert api.text == text
    assert {step.status for step in record.steps if step.name != "state"} == {"nothing to do"}


def test_a_dry_run_says_what_would_go_and_changes_nothing(api: Api) -> None:
    stand(api, ACME)
    text, there = api.text, standing(api, ACME.kube_tag)
    code, record = run(api, target("acme-prod", None), dry=True)
    assert code == GONE
    assert (api.text, standing(api, ACME.kube_tag)) == (text, there)
    assert [step.status for step in record.steps] == ["would be done"] * 4


def test_somebodys_test_that_relied_on_the_access_is_taken_out_and_named(api: Api) -> None:
    """By address: the removal itself cannot know whose it is, only the server can say so."""
    stand(api, ACME)
    address = api.register("second", [ACME.operator_tag, ACME.kube_tag])["addresses"][0]
    relies = f'{{"src": "ann@example.com", "accept": ["{address}:443", "tag:ci:22"]}},'
    put_policy(api, api.text.replace('"tests": [', f'"tests": [\n    {relies}'))

    code, record = run(api, target("acme-prod", None))

    assert code == GONE, record.steps
    assert not names(api.text, ACME)
    assert address not in api.text
    assert '"tag:ci:22"' in api.text, "what else the person asserted stays"
    assert f"took out somebody's test that ann@example.com reaches {address}:443" in record.steps[0].what


def test_a_policy_that_cannot_be_written_holds_up_no_credential_and_no_device(api: Api) -> None:
    stand(api, ACME)
    api.faults({"method": "POST", "path": "/tailnet/-/acl$", "kind": "status", "status": 403})
    code, record = run(api, target("acme-prod", None), state=State(Cleared(clear=True)))
    assert code == NOT_SEVERED
    assert names(api.text, ACME)
    assert standing(api, ACME.kube_tag) == NOTHING
    assert [step.name for step in record.failed] == ["policy"]

    api.faults()
    code, _ = run(api, target("acme-prod", None))
    assert code == GONE
    assert not names(api.text, ACME)


def test_what_carries_only_shared_tags_is_told_and_goes_with_the_customer(api: Api) -> None:
    stand(api, ACME, DEV, GLOBEX)
    shared = make_key(api, "shared", keyType="client", scopes=["auth_keys"], tags=[ACME.operator_tag])
    api.register("proxy", [ACME.proxy_tag])

    code, record = run(api, target("acme-prod", None))
    assert code == LEFT
    assert any(shared in line for line in record.left)
    assert any("proxy" in line for line in record.left)
    assert names(api.text, DEV)

    state = State(Cleared(clear=True))
    code, record = run(api, target(None, "acme"), state=state, known=(ACME.kube_tag,))
    assert code == GONE, record.steps
    assert state.asked == ["acme-dev", "acme-prod"]
    for tag in (*ACME.chain_tags, ACME.kube_tag, DEV.kube_tag):
        assert standing(api, tag) == NOTHING
        assert f'"{tag}"' not in api.text
    assert "group:killed-acme-dev" in api.text
    assert names(api.text, GLOBEX)


def test_another_environment_of_the_customer_is_not_called_a_leftover(api: Api) -> None:
    """Its operator carries a shared tag too: to name it would send somebody to cut it off."""
    stand(api, ACME, DEV)
    before = standing(api, DEV.kube_tag)
    code, record = run(api, target("acme-prod", None))
    assert (code, record.left) == (GONE, [])
    assert standing(api, DEV.kube_tag) == before


@pytest.mark.parametrize("kind", ["keys", "device"])
def test_one_that_cannot_be_removed_keeps_no_other(api: Api, kind: str) -> None:
    operator = [ACME.operator_tag, ACME.kube_tag]
    clients = stand(api, ACME)
    second = api.register("second", operator)
    make_key(api, "second", keyType="client", scopes=["auth_keys"], tags=operator)
    stubborn = clients["acme-prod"] if kind == "keys" else second["nodeId"]
    api.faults({"method": "DELETE", "path": f"/{kind}/{stubborn}$", "kind": "status", "status": 403})

    code, record = run(api, target("acme-prod", None))

    assert code == NOT_SEVERED
    assert len(record.failed) == 1
    assert "is not removed" in str(record.failed[0].error)
    left = standing(api, ACME.kube_tag)
    assert len(left["keys"]) + len(left["devices"]) == 1
    assert left["services"] == []


def test_a_state_that_cannot_be_cleared_is_named_with_the_way_on(api: Api) -> None:
    stand(api, ACME)
    answer = Cleared(clear=False, left=("acme-prod-operator-release",), in_cluster=(), error="it is unreachable")
    code, record = run(api, target("acme-prod", None), state=State(answer))
    assert code == LEFT
    assert standing(api, ACME.kube_tag) == NOTHING
    assert record.failed[0].what == ("still names acme-prod-operator-release",)
    assert any("helm uninstall tailscale-operator -n tailscale" in line for line in record.left)


def test_what_appeared_while_the_state_was_cleared_goes_as_well(api: Api) -> None:
    """An `up` that was under way had just minted an auth key, and its device came."""
    stand(api, ACME)

    class Meanwhile(State):
        def __call__(self, name: str) -> Any:
            late = applied(api.text.replace('"group:killed-acme-prod": [],', ""), identity(ACME)).text
            put_policy(api, late)
            api.register("late", [ACME.operator_tag, ACME.kube_tag])
            return super().__call__(name)

    code, record = run(api, target("acme-prod", None), state=Meanwhile(Cleared(clear=True)))
    assert code == GONE, record.steps
    assert standing(api, ACME.kube_tag) == NOTHING
    assert not names(api.text, ACME)


def test_the_record_says_who_when_why_and_what_and_holds_no_secret(api: Api, tmp_path: Path) -> None:
    stand(api, ACME)
    path = tmp_path / "kills" / "acme-prod.json"
    run(api, target("acme-prod", None), path=path)
    content = json.loads(path.read_text())
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (content["who"], content["why"], content["target"]) == ("ada", "rehearsal", "acme-prod")
    assert [step["name"] for step in content["steps"]][:4] == ["policy", "credentials", "devices", "services"]
    assert any("tag:kube-acme-prod" in line for line in content["steps"][0]["what"])
    assert "tskey" not in path.read_text()


@pytest.mark.parametrize(
    ("stack", "customer"),
    [(None, None), ("acme-prod", "acme"), ("acme", None), ("Acme-prod", None), (None, "Acme"), ("tailnet", None)],
)
def test_a_target_that_is_not_exactly_one_is_refused(stack: str | None, customer: str | None) -> None:
    with pytest.raises(TargetError):
        target(stack, customer)


def test_a_customer_never_owns_what_another_ones_longer_name_begins_with() -> None:
    aim = target(None, "acme")
    for tag in (ACME.kube_tag, DEV.api_tag, ACME.svc_tag("studio"), ACME.rec_tag, *ACME.chain_tags):
        assert aim.owns(tag)
    for tag in (TRAP.kube_tag, TRAP.svc_tag("studio"), *TRAP.chain_tags, GLOBEX.kube_tag, "tag:kube-acme", "tag:ci"):
        assert not aim.owns(tag)
