"""A withdrawal waits as long as the operator is at work, and holds up nothing."""

from __future__ import annotations

from typing import Any

import pytest

from providers.tailnet import withdrawal
from providers.tailnet.problems import ApiError, TailnetError
from providers.tailnet.withdrawal import Withdrawal
from tests.providers.policies import ACME, GLOBEX
from tests.providers.test_resources import Recorder

TAGS = [ACME.svc_tag("web"), ACME.svc_tag("db")]
STATE = {"customer": "acme", "environment": "prod", "tags": TAGS}


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
    assert "finalizer" in log.warnings[0]


def test_each_sign_of_work_gives_it_more_time_but_not_for_ever() -> None:
    flapping = {float(second): {TAGS[0]: second % 20 == 0} for second in range(0, 1000, 10)}
    tailnet, log = withdrawn(dict(flapping))
    assert tailnet.now == withdrawal.LONGEST
    assert len(log.warnings) == 1


def test_an_api_that_refuses_holds_up_nothing() -> None:
    _, log = withdrawn({0: None})
    assert "is not known: the token is refused" in log.warnings[0]


def test_a_cancelled_wait_is_no_end() -> None:
    tailnet = Tailnet({0: {TAGS[0]: True}})

    def cancelled(_seconds: float) -> None:
        raise TailnetError("cancelled while waiting")

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


def test_highly_available_proxies_are_gone_when_their_service_is() -> None:
    tailnet = Tailnet({0: {}})
    served = [{"name": "svc:acme-prod-api", "tags": [ACME.api_tag]}, {"name": "svc:theirs", "tags": ["tag:ci"]}]
    tailnet.services = lambda: served if tailnet.now < 4 else served[1:]  # type: ignore[attr-defined]
    Withdrawal(tailnet, log := Recorder()).delete({**STATE, "tags": [ACME.api_tag]})  # type: ignore[arg-type]
    assert (tailnet.now, log.warnings) == (4, [])
