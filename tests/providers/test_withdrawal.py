"""A withdrawal waits as long as the operator is at work, and holds up nothing."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from providers.cluster.look import Found
from providers.cluster.problems import ClusterUnknownError
from providers.tailnet import withdrawal
from providers.tailnet.problems import ApiError, CancelledError, TailnetError
from providers.tailnet.withdrawal import Withdrawal
from tests.providers.policies import ACME, GLOBEX
from tests.providers.test_resources import Recorder

TAGS = [ACME.svc_tag("web"), ACME.svc_tag("db")]
STATE = {
    "customer": "acme",
    "environment": "prod",
    "tags": TAGS,
    "held": [],
    "context": "acme-eks",
    "kubeconfig": "",
}
WEB = "/api/v1/namespaces/shop/services/web"
CLASS = "/apis/tailscale.com/v1alpha1/proxyclasses/support-access"


class Tailnet:
    """A client whose devices change as its clock goes on. story: second to the devices from then on, `{tag: online}`;
    None in place of the devices is an API that refuses."""

    def __init__(self, story: dict[float, dict[str, bool] | None]) -> None:
        self.story, self.now, self.asked = story, 0.0, 0

    def clock(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def devices(self, tag: str) -> list[dict[str, Any]]:
        self.asked += 1
        standing = self.story[max(second for second in self.story if second <= self.now)]
        if standing is None:
            raise ApiError("the token is refused", status=401)
        if tag not in standing:
            return []
        return [{"nodeId": tag, "name": f"{tag}.ts.net", "connectedToControl": standing[tag]}]


def withdrawn(story: dict[float, dict[str, bool] | None]) -> tuple[Tailnet, Recorder]:
    tailnet, log = Tailnet(story), Recorder()
    Withdrawal(tailnet, log).delete(STATE)  # type: ignore[arg-type]
    return tailnet, log


def test_it_ends_as_soon_as_no_proxy_is_left() -> None:
    web, db = TAGS
    tailnet, log = withdrawn({0: {web: True, db: True}, 3: {web: False, db: True}, 8: {db: False}, 11: {}})
    assert tailnet.now == 11
    assert log.warnings == []


def test_nothing_to_wait_for_takes_no_time() -> None:
    assert withdrawn({0: {}})[0].now == 0


def test_an_operator_that_does_nothing_is_not_waited_for_and_it_is_told() -> None:
    tailnet, log = withdrawn({0: {TAGS[0]: True}})
    assert tailnet.now == withdrawal.QUIET
    assert "has not taken back tag:svc-acme-prod-web.ts.net" in log.warnings[0]


def test_each_sign_of_work_gives_it_more_time_but_not_for_ever() -> None:
    flapping = {float(second): {TAGS[0]: second % 20 == 0} for second in range(0, 1000, 10)}
    tailnet, log = withdrawn(dict(flapping))
    assert tailnet.now == withdrawal.LONGEST
    assert len(log.warnings) == 1


def test_an_api_that_refuses_holds_up_nothing() -> None:
    _, log = withdrawn({0: None})
    assert "is not known: the token is refused" in log.warnings[0]


def test_a_token_that_cannot_be_had_holds_up_nothing() -> None:
    tailnet, log = Tailnet({0: {}}), Recorder()

    def expired(_tag: str) -> list[dict[str, Any]]:
        raise TailnetError("the identity token in TAILSCALE_IDENTITY_TOKEN has expired")

    tailnet.devices = expired  # type: ignore[method-assign]
    Withdrawal(tailnet, log).delete(STATE)  # type: ignore[arg-type]
    assert "is not known: the identity token" in log.warnings[0]


def test_a_cancelled_wait_is_no_end() -> None:
    tailnet = Tailnet({0: {TAGS[0]: True}})

    def cancelled(_seconds: float) -> None:
        raise CancelledError("cancelled while waiting")

    tailnet.sleep = cancelled  # type: ignore[method-assign]
    with pytest.raises(TailnetError, match="cancelled"):
        Withdrawal(tailnet, Recorder()).delete(STATE)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ([], "one or more"),
        ("tag:svc-acme-prod-web", "one or more"),
        ([GLOBEX.svc_tag("web")], "not a tag of acme-prod"),
    ],
)
def test_it_waits_for_proxies_of_its_own_environment_alone(tags: Any, said: str) -> None:
    assert [said in problem for _, problem in Withdrawal.check({**STATE, "tags": tags})] == [True]
    assert Withdrawal.check(STATE) == []


@pytest.mark.parametrize("path", ["services/web", "", 3])
def test_what_is_held_is_named_by_its_path(path: Any) -> None:
    ((name, _),) = Withdrawal.check({**STATE, "held": [WEB, path]})
    assert name == "held"
    assert Withdrawal.check({**STATE, "held": [WEB, CLASS]}) == []


def test_highly_available_proxies_are_gone_when_their_service_is() -> None:
    tailnet = Tailnet({0: {}})
    served = [{"name": "svc:acme-prod-api", "tags": [ACME.api_tag]}, {"name": "svc:theirs", "tags": ["tag:ci"]}]
    tailnet.services = lambda: served if tailnet.now < 4 else served[1:]  # type: ignore[attr-defined]
    Withdrawal(tailnet, log := Recorder()).delete({**STATE, "tags": [ACME.api_tag]})  # type: ignore[arg-type]
    assert (tailnet.now, log.warnings) == (4, [])


class Cluster:
    """A cluster whose objects change as the clock goes on. story: second to the metadata from then on, by path; None in
    place of it is a cluster that does not say."""

    def __init__(self, tailnet: Tailnet, story: dict[float, dict[str, Found] | None]) -> None:
        self.tailnet, self.story, self.asked = tailnet, story, list[str]()
        self.opened: list[tuple[str, Path | None]] = []

    def connect(self, context: str, kubeconfig: Path | None) -> Cluster:
        self.opened.append((context, kubeconfig))
        return self

    def one(self, path: str) -> Found | None:
        self.asked.append(path)
        standing = self.story[max(second for second in self.story if second <= self.tailnet.now)]
        if standing is None:
            raise ClusterUnknownError("the API server does not answer: frozen")
        return standing.get(path)

    def all(self, path: str, labels: str = "") -> list[Found]:
        raise AssertionError(f"only the objects themselves are asked for, not {path} {labels}")


def held(path: str, *others: str, deleted: bool = False) -> Found:
    place = {"namespace": "shop"} if "/namespaces/" in path else {}
    gone = {"deletionTimestamp": "2026-01-01T00:00:00Z"} if deleted else {}
    finalizers = [*others, "tailscale.com/finalizer"]
    return {"name": path.rpartition("/")[2], **place, **gone, "finalizers": finalizers}


def released(
    story: dict[float, dict[str, Found] | None],
    *,
    devices: dict[float, dict[str, bool] | None] | None = None,
    **more: Any,
) -> tuple[Tailnet, Cluster, Recorder]:
    tailnet, log = Tailnet(devices or {0: {}}), Recorder()
    cluster = Cluster(tailnet, story)
    state = {**STATE, "held": [WEB, CLASS], **more}
    Withdrawal(tailnet, log, cluster.connect).delete(state)  # type: ignore[arg-type]
    return tailnet, cluster, log


def test_it_ends_when_nothing_is_held_and_not_when_no_device_is_left() -> None:
    """Kubernetes collects a class long after its proxies are gone, or where there never was one."""
    story: dict[float, dict[str, Found] | None] = {
        0: {WEB: held(WEB, "example.com/theirs"), CLASS: held(CLASS)},
        4: {WEB: {"name": "web", "finalizers": ["example.com/theirs"]}, CLASS: held(CLASS)},
        30: {CLASS: held(CLASS, deleted=True)},
        32: {},
    }
    tailnet, cluster, log = released(story, devices={0: {TAGS[0]: True}, 2: {}})
    assert (tailnet.now, log.warnings) == (32, [])
    assert cluster.asked[-2:] == [CLASS, CLASS], "the Service was let go of and is not asked about again"
    assert "proxyclasses.tailscale.com support-access" in log.progressed[-1]
    assert cluster.opened == [("acme-eks", None)]


def test_collection_that_begins_late_gives_it_more_time() -> None:
    tailnet, _, log = released({0: {CLASS: held(CLASS)}, 40: {CLASS: held(CLASS, deleted=True)}, 70: {}})
    assert (tailnet.now, log.warnings) == (70, [])


def test_what_is_never_let_go_of_is_named_with_the_command_that_takes_our_finalizer_alone() -> None:
    tailnet, _, log = released({0: {WEB: held(WEB, "example.com/theirs"), CLASS: held(CLASS, deleted=True)}})
    assert tailnet.now == withdrawal.QUIET
    assert log.warnings[0].splitlines()[1:] == [
        "kubectl --context acme-eks patch services web -n shop --type=merge -p "
        """'{"metadata": {"finalizers": ["example.com/theirs"]}}'""",
        "kubectl --context acme-eks patch proxyclasses.tailscale.com support-access --type=merge -p "
        """'{"metadata": {"finalizers": []}}'""",
    ]


def test_a_cluster_that_does_not_say_is_asked_once_and_holds_up_nothing() -> None:
    tailnet, cluster, log = released({0: None})
    assert (tailnet.now, cluster.asked) == (0, [WEB])
    assert "services web, proxyclasses.tailscale.com support-access" in log.warnings[0]
    assert "frozen" in log.warnings[0]


def test_a_kubeconfig_that_leads_nowhere_holds_up_nothing(tmp_path: Path) -> None:
    log = Recorder()
    state = {**STATE, "held": [WEB], "kubeconfig": str(tmp_path / "none")}
    Withdrawal(Tailnet({0: {}}), log).delete(state)  # type: ignore[arg-type]
    assert f"there is no kubeconfig {tmp_path / 'none'}" in log.warnings[0]


def test_a_state_of_before_has_no_objects_and_asks_no_cluster() -> None:
    state = {name: STATE[name] for name in ("customer", "environment", "tags")}
    log = Recorder()
    Withdrawal(Tailnet({0: {}}), log, lambda *_: pytest.fail("asked")).delete(state)  # type: ignore[arg-type]
    assert log.warnings == []
