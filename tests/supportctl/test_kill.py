"""The kill: what goes, in which order, what nobody else loses, and what is said when something stays."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import httpx
import pytest

from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials
from providers.tailnet.document import write
from providers.tailnet.open_policy import is_open
from providers.tailnet.severance import Mark
from providers.tailnet.slice import applied
from providers.tailnet.tags import Environment
from sandbox.tailscale import console
from supportctl.kill.kill import GONE, LEFT, NOT_SEVERED, Order, kill
from supportctl.kill.left import Seen
from supportctl.kill.preflight import SCOPES
from supportctl.kill.record import Record, Step
from supportctl.kill.state import Cleared
from supportctl.kill.target import Target, TargetError, target
from tests.providers.policies import ACME, GLOBEX, TRAP, access, identity, names, value
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


def kill_client(api: Api, scopes: Sequence[str] = SCOPES, **more: Any) -> Client:
    """A client with a kill's own credential; closed by who uses it."""
    held = [*scopes, "devices:posture_attributes"]
    client_id, secret = console.new_oauth_client(api.state, held, ["tag:support-access-deployer"], "kill")
    environ = {"TAILSCALE_BASE_URL": api.url, "TAILSCALE_OAUTH_CLIENT_ID": client_id}
    return Client(credentials({**environ, "TAILSCALE_OAUTH_CLIENT_SECRET": secret}), **more)


def run(
    api: Api,
    aim: Target,
    *,
    state: State | None = None,
    path: Path | None = None,
    scopes: Sequence[str] = SCOPES,
    say: Callable[[Step], None] = lambda _: None,
    **more: Any,
) -> tuple[int, Record]:
    said: list[Step] = []

    def both(step: Step) -> None:
        said.append(step)
        say(step)

    record = Record(target=aim.name, who="ada", why="rehearsal", path=path, say=both)
    # A quick client that tries nothing twice, and a patient one that tries everything at once again.
    with (
        kill_client(api, scopes, patience=0) as client,
        kill_client(api, scopes, patience=5, sleep=lambda _: None) as patient,
    ):
        code = kill(client, Order(target=aim, mark=MARK, stack=state, **more), record, patient=patient)
    assert [step for step in said if step.status != "under way"] == record.steps
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


def test_a_dry_run_says_too_what_would_become_of_the_state(api: Api) -> None:
    stand(api, ACME)
    state = State(Cleared(clear=True))
    code, record = run(api, target("acme-prod", None), state=state, dry=True)
    assert (code, state.asked) == (GONE, [])
    last = record.steps[-1]
    assert (last.name, last.status) == ("state of acme-prod", "would be done")
    assert "pulumi destroy -s acme-prod --refresh" in last.what[0]


def test_kill_in_an_open_tailnet_says_until_when_everybody_reached_the_device_and_leaves_it_open(api: Api) -> None:
    stand(api, ACME)
    opened = {key: content for key, content in value(api.text).items() if key not in ("grants", "tests")}
    put_policy(api, json.dumps(opened))
    code, record = run(api, target("acme-prod", None))
    (devices, *_) = [step for step in record.steps if step.name == "devices"]
    said = [line for step in record.steps for line in step.what if "until they were deleted" in line]
    assert said == [devices.what[-1]], "once, with the devices"
    assert "every device of the tailnet could reach acme-prod's devices" in said[0]
    assert code == GONE
    assert standing(api, ACME.kube_tag) == NOTHING
    after = value(api.text)
    assert is_open(after)
    assert "tests" not in after


def test_kill_in_a_closed_tailnet_says_nothing_of_everybody(api: Api) -> None:
    stand(api, ACME)
    _, record = run(api, target("acme-prod", None))
    assert not any("until they were deleted" in line for step in record.steps for line in step.what)


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


def test_what_somebody_wrote_about_a_customers_shared_tags_goes_with_the_customer_alone(api: Api) -> None:
    stand(api, ACME)
    theirs = f'{{"src": ["tag:ci"], "dst": ["{ACME.proxy_tag}"], "ip": ["tcp:80"]}}'
    put_policy(api, api.text.replace('"grants": [', f'"grants": [\n    {theirs},'))
    code, record = run(api, target("acme-prod", None))
    assert (code, theirs in api.text) == (LEFT, True)
    assert any(line.startswith(f"{ACME.proxy_tag} stays in the policy document") for line in record.left)
    code, record = run(api, target(None, "acme"))
    assert code == GONE, record.left
    assert not any(tag in api.text for tag in ACME.chain_tags)
    assert '"dst": ["tag:ci"]' in api.text, "what else is granted stays"


@pytest.mark.parametrize("tag", [DEV.api_tag, DEV.rec_tag, DEV.svc_tag("web")])
def test_an_environment_whose_operators_tag_was_taken_out_goes_with_the_customer(api: Api, tag: str) -> None:
    """A person began by hand, and took the best-known tag first: what the others open stands."""
    stand(api, ACME, TRAP)
    opened = f'{{"src": ["tag:ci"], "dst": ["{tag}"], "ip": ["tcp:443"]}}'
    text = api.text.replace('"grants": [', f'"grants": [\n    {opened},')
    put_policy(api, text.replace('"tagOwners": {', f'"tagOwners": {{\n    "{tag}": ["autogroup:admin"],'))
    code, record = run(api, target(None, "acme"))
    assert code == GONE, record.steps
    assert not names(api.text, DEV)
    assert DEV.killed_group in api.text
    assert names(api.text, TRAP)


def test_auth_keys_go_by_the_tags_that_they_give_to_devices(api: Api) -> None:
    """They carry none themselves. One that is left makes a device whenever somebody uses it."""
    stand(api, ACME, GLOBEX)
    create = {"reusable": True, "preauthorized": True}
    keys = {
        tag: make_key(api, "auth", capabilities={"devices": {"create": {**create, "tags": [tag]}}})
        for tag in (ACME.kube_tag, GLOBEX.kube_tag)
    }
    code, record = run(api, target("acme-prod", None))
    assert code == GONE, record.steps
    assert f"auth key {keys[ACME.kube_tag]}" in record.steps[1].what
    headers = {"Authorization": f"Bearer {api.admin_key}"}
    listed = httpx.get(f"{api.url}/api/v2/tailnet/-/keys?all=true", headers=headers).json()["keys"]
    good = [key["id"] for key in listed if not key.get("invalid")]
    assert (keys[ACME.kube_tag] in good, keys[GLOBEX.kube_tag] in good) == (False, True)


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
    answer = Cleared(clear=False, left=("acme-prod-operator-release",), in_cluster=(), look=False, error="away")
    code, record = run(api, target("acme-prod", None), state=State(answer))
    assert code == LEFT
    assert standing(api, ACME.kube_tag) == NOTHING
    assert record.failed[0].what == ("still names acme-prod-operator-release",)
    assert any("helm uninstall tailscale-operator -n tailscale" in line for line in record.left)


LOOKED_AT = [
    Cleared(clear=True),
    Cleared(clear=True, empty=True),
    Cleared(clear=True, in_cluster=()),
    Cleared(clear=False, in_cluster=()),
]
NOT_LOOKED_AT = [Cleared(clear=True, in_cluster=(), look=False), Cleared(clear=False)]


@pytest.mark.parametrize("answer", LOOKED_AT)
def test_a_cluster_is_looked_at_by_labels_whatever_the_state_says(answer: Cleared, api: Api) -> None:
    """The engine drops from the state what goes with the namespace, before the namespace is gone."""
    stand(api, ACME)
    line = "in the cluster of acme-prod: clusterroles/highflame-sre"
    given: list[tuple[str, Cleared]] = []

    def look(*asked: Any) -> Seen:
        given.append(asked)
        return Seen(done=["deleted clusterrolebindings/ours"], left=[line])

    code, record = run(api, target("acme-prod", None), state=State(answer), cluster=look)
    assert (code, record.left) == (LEFT, [line])
    assert given == [("acme-prod", answer)]
    (step,) = [step for step in record.steps if step.name == "cluster of acme-prod"]
    assert step.what == ("deleted clusterrolebindings/ours",)


@pytest.mark.parametrize("answer", NOT_LOOKED_AT)
def test_a_cluster_that_is_silent_or_another_one_is_not_looked_at(answer: Cleared, api: Api) -> None:
    stand(api, ACME)
    fails = pytest.fail
    run(api, target("acme-prod", None), state=State(answer), cluster=lambda *_: fails("looked"))
    run(api, target("acme-prod", None), cluster=lambda *_: fails("looked"))


def test_what_kubernetes_is_deleting_is_told_and_is_no_leftover(api: Api) -> None:
    stand(api, ACME)
    line = "customresourcedefinitions/connectors.tailscale.com, which is being deleted by Kubernetes"
    seen = Seen(done=[line])
    code, record = run(api, target("acme-prod", None), state=State(Cleared(clear=True)), cluster=lambda *_: seen)
    assert code == GONE
    assert record.left == []
    assert line in str(record.steps)


def test_what_may_take_long_is_said_before_it_begins(api: Api) -> None:
    stand(api, ACME)
    seen: list[tuple[str, str]] = []
    run(
        api,
        target("acme-prod", None),
        state=State(Cleared(clear=True)),
        say=lambda step: seen.append((step.name, step.status)),
    )
    assert seen[4:6] == [("state of acme-prod", "under way"), ("state of acme-prod", "done")]


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
