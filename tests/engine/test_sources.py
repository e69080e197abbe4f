"""A group, a person and a tag, with postures: in the policy and the cluster as declared, then narrowed."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from sandbox.demo.access_review import operator
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import Pulumi
from sandbox.process import Process
from sandbox.world import World
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine

KUBE = "tag:kube-globex-prod"
TAILNET = """config:
  support-access:tailnet:
    groups:
      group:highflame-sre: [ada@highflame.example, grace@highflame.example]
"""
HEAD = """config:
  support-access:customer: globex
  support-access:environment: prod
  support-access:cluster:
    context: globex-prod
  support-access:access:
"""
GROUP = """    - from: group:highflame-sre
      role: read-only
      posture: ["node:os == 'macos'", "node:osVersion >= '14'"]
"""
PERSON = """    - from: lin@highflame.example
      role: view
"""
TAG = """    - from: tag:runner
      role: view
      posture: ["posture:managed-linux"]
"""
WRITTEN = """"tagOwners": {
		"tag:runner": ["group:platform"],"""
POSTURE = '"postures": {"posture:managed-linux": ["node:os == \'linux\'"]},\n\t"tests": ['


class Person:
    """An administrator at the console, who edits the policy and enrols machines."""

    def __init__(self, tailnet: Tailnet) -> None:
        self._http = httpx.Client(base_url=tailnet.url, auth=(tailnet.key, ""), timeout=10)

    def policy(self, text: str) -> None:
        self._http.post("/api/v2/tailnet/-/acl", content=text).raise_for_status()

    def enrol(self, hostname: str, tag: str) -> dict[str, Any]:
        create = {"reusable": False, "preauthorized": True, "tags": [tag]}
        key = self._http.post(
            "/api/v2/tailnet/-/keys", json={"capabilities": {"devices": {"create": create}}, "expirySeconds": 3600}
        )
        node = {"authKey": key.raise_for_status().json()["key"], "hostname": hostname, "os": "linux"}
        return self._http.post("/sandbox/register", json={**node, "clientVersion": "1.96.5"}).raise_for_status().json()

    def remove(self, device: dict[str, Any]) -> None:
        self._http.delete(f"/api/v2/device/{device['nodeId']}").raise_for_status()

    def close(self) -> None:
        self._http.close()


@pytest.fixture(scope="module")
def person(tailnet: Tailnet) -> Iterator[Person]:
    person = Person(tailnet)
    yield person
    person.close()


@pytest.fixture(scope="module", autouse=True)
def runner(tailnet: Tailnet, person: Person) -> Iterator[dict[str, Any]]:
    """A machine of the vendor's own, with a tag and a shared posture that people wrote into the policy by hand.

    Set up before any stack, so taken away after the last one.
    """
    before = tailnet.policy_text()
    person.policy(before.replace('"tagOwners": {', WRITTEN, 1).replace('"tests": [', POSTURE, 1))
    device = person.enrol("runner-1", "tag:runner")
    yield device
    person.remove(device)
    person.policy(before)


@pytest.fixture
def standing(runner: dict[str, Any], pulumi: Pulumi, example: Example) -> dict[str, Any]:
    """The environment with all three, whatever the test before left."""
    example.write("tailnet", TAILNET)
    pulumi.up("tailnet")
    example.write("globex-prod", HEAD + GROUP + PERSON + TAG)
    pulumi.up("globex-prod")
    return runner


def sources(tailnet: Tailnet) -> list[str]:
    return sorted(grant["src"][0] for grant in tailnet.grants_to(KUBE))


def own_postures(tailnet: Tailnet) -> dict[str, list[str]]:
    postures = tailnet.policy().get("postures", {})
    return {name: held for name, held in postures.items() if name.startswith("posture:globex-prod-")}


def test_the_policy_and_the_output_say_who_gets_in_from_what_as_what(
    standing: dict[str, Any], pulumi: Pulumi, tailnet: Tailnet
) -> None:
    ((posture, conditions),) = own_postures(tailnet).items()
    assert conditions == ["node:os == 'macos'", "node:osVersion >= '14'"]
    found = {
        grant["src"][0]: (
            grant.get("srcPosture"),
            grant["app"]["tailscale.com/cap/kubernetes"][0]["impersonate"]["groups"],
        )
        for grant in tailnet.grants_to(KUBE)
    }
    assert found == {
        "group:highflame-sre": ([posture], ["highflame-sre"]),
        "lin@highflame.example": (None, []),
        "tag:runner": (["posture:managed-linux"], ["tag:runner"]),
    }
    assert pulumi.outputs("globex-prod")["access"] == [
        {
            "from": "group:highflame-sre",
            "as": {"group": "highflame-sre"},
            "role": "read-only",
            "posture": ["node:os == 'macos'", "node:osVersion >= '14'"],
        },
        {"from": "lin@highflame.example", "as": {"user": "lin@highflame.example"}, "role": "view", "posture": []},
        {"from": "tag:runner", "as": {"group": "tag:runner"}, "role": "view", "posture": ["posture:managed-linux"]},
    ]
    pulumi.preview("globex-prod", "--expect-no-changes")
    pulumi.up("globex-prod", "--expect-no-changes")
    pulumi.run("refresh", "-s", "globex-prod", "--preview-only", "--expect-no-changes")


def test_the_cluster_answers_the_operator_for_those_and_for_no_others(
    standing: dict[str, Any], clusters: dict[str, Cluster]
) -> None:
    ada, lin, node = "ada@highflame.example", "lin@highflame.example", standing["name"].removesuffix(".")
    questions = ("list pods", "get nodes", "get secrets", "create pods/exec", "delete pods")
    with operator("globex-prod", clusters["globex-prod"].env) as asked:

        def allowed(user: str, group: str | None) -> list[str]:
            return [question for question in questions if asked.can_i(question, user=user, group=group)]

        assert allowed(ada, "highflame-sre") == ["list pods", "get nodes"]
        assert allowed(lin, None) == allowed(node, "tag:runner") == ["list pods"]  # view reads no nodes
        # Acting as somebody is one thing, what they then may another: ada is nobody by herself.
        assert allowed(ada, None) == []
        assert allowed(node, None) == []
        for user, group in (("mallory@highflame.example", None), ("runner-2.tail0000.ts.net", "tag:runner")):
            assert allowed(user, group) == []
        for group in ("system:masters", "tag:kube-globex-prod", "tag:ci"):
            assert allowed(lin, group) == []
        assert not asked.may_impersonate("users", "system:kube-controller-manager")


def test_a_narrowed_source_loses_grant_and_posture_before_the_cluster_is_asked(
    standing: dict[str, Any],
    world: World,
    pulumi: Pulumi,
    example: Example,
    tailnet: Tailnet,
    clusters: dict[str, Cluster],
) -> None:
    example.write("globex-prod", HEAD + PERSON + TAG)
    server = Process(world.folder, "apiserver-globex-prod")
    server.signal_group(signal.SIGSTOP)
    try:
        failed = pulumi.up("globex-prod", check=False)
    finally:
        server.signal_group(signal.SIGCONT)
    assert failed.code != 0
    assert sources(tailnet) == ["lin@highflame.example", "tag:runner"]
    assert own_postures(tailnet) == {}

    pulumi.up("globex-prod")
    assert sources(tailnet) == ["lin@highflame.example", "tag:runner"]
    assert "posture:managed-linux" in tailnet.policy()["postures"]
    with operator("globex-prod", clusters["globex-prod"].env) as asked:
        assert not asked.may_impersonate("groups", "highflame-sre")
        assert not asked.may_impersonate("users", "ada@highflame.example")
        assert asked.can_i("list pods", user="lin@highflame.example", group=None)


def test_one_edit_takes_an_entry_out_and_puts_another_in_its_place(
    standing: dict[str, Any], pulumi: Pulumi, example: Example, tailnet: Tailnet
) -> None:
    """A person's `pulumi up` previews first, and what goes still stands in the policy then."""
    for entries, left in ((PERSON, ["lin@highflame.example"]), (GROUP, ["group:highflame-sre"])):
        example.write("globex-prod", HEAD + entries)
        pulumi.preview("globex-prod")
        pulumi.up("globex-prod")
        assert sources(tailnet) == left


def test_a_tag_is_the_machines_that_carry_it_at_each_update(
    standing: dict[str, Any], pulumi: Pulumi, person: Person, clusters: dict[str, Cluster]
) -> None:
    second = person.enrol("runner-2", "tag:runner")
    try:
        with operator("globex-prod", clusters["globex-prod"].env) as asked:
            name = second["name"].removesuffix(".")
            assert not asked.may_impersonate("users", name)
            pulumi.up("globex-prod")
            assert asked.can_i("list pods", user=name, group="tag:runner")
    finally:
        person.remove(second)
    pulumi.up("globex-prod")
    with operator("globex-prod", clusters["globex-prod"].env) as asked:
        assert not asked.may_impersonate("users", name)


def test_nothing_of_it_is_left_after_destroy(
    standing: dict[str, Any], pulumi: Pulumi, tailnet: Tailnet, clusters: dict[str, Cluster]
) -> None:
    pulumi.destroy("globex-prod")
    assert "globex" not in tailnet.policy_text()
    assert "posture:managed-linux" in tailnet.policy()["postures"]
    assert not tailnet.devices(KUBE)
    assert [device["name"] for device in tailnet.devices("tag:runner")] == [standing["name"]]
    label = ("-l", "app.kubernetes.io/managed-by=support-access")
    assert [clusters["globex-prod"].names(kind, *label) for kind in ("clusterroles", "clusterrolebindings")] == [[], []]


@pytest.mark.parametrize(
    ("entry", "said"),
    [
        ("    - from: tag:nobodys\n      role: view\n", "tagOwners has no tag:nobodys"),
        ("    - from: group:nobody\n      role: view\n", "groups has no group:nobody"),
        (
            '    - from: group:platform\n      role: view\n      posture: ["posture:nothing"]\n',
            "postures has no posture:nothing",
        ),
        ("    - from: tag:cust-acme\n      role: view\n", "customer's tag"),
    ],
    ids=["tag", "group", "posture", "customer"],
)
def test_a_source_that_the_policy_does_not_know_stops_the_preview(
    entry: str, said: str, pulumi: Pulumi, example: Example
) -> None:
    example.write("globex-prod", HEAD + entry)
    refused = pulumi.preview("globex-prod", check=False)
    assert refused.code != 0
    assert said in " ".join(refused.output.split())
