"""What the tailnet knows of an environment's operators: the proof that one was there before."""

from __future__ import annotations

import pytest

from providers.tailnet.operators import operators
from providers.tailnet.problems import TailnetError
from tests.providers.policies import ACME, TRAP
from tests.providers.tailnet_api import WHOLE, Api, put_policy


@pytest.fixture(autouse=True)
def tagged(api: Api) -> None:
    owners = "".join(f'"{tag}": ["autogroup:admin"], ' for tag in (ACME.kube_tag, TRAP.kube_tag))
    put_policy(api, WHOLE.replace('"tagOwners": {', f'"tagOwners": {{ {owners}'))


def test_each_is_told_with_when_it_was_last_seen_and_no_other_environments(api: Api) -> None:
    offline = api.register("acme-prod-kube", [ACME.kube_tag])
    api.poll(offline, online=False)
    api.register("acme-prod-kube", [ACME.kube_tag])
    api.register("trap", [TRAP.kube_tag])
    second, first = operators(api.client(), {"tag": ACME.kube_tag})  # by name: `-1` comes before the dot
    assert (first["name"], first["nodeId"], first["online"]) == (offline["name"], offline["nodeId"], False)
    assert first["lastSeen"].endswith("Z")
    assert second["online"] is True
    assert "lastSeen" not in second


def test_where_nothing_was_ever_installed_nothing_is_told(api: Api) -> None:
    assert operators(api.client(), {"tag": ACME.kube_tag}) == []


@pytest.mark.parametrize("tag", [None, "", "tag:ci", "tag:k8s-operator-acme", 7])
def test_another_tag_is_refused(api: Api, tag: object) -> None:
    """An empty one would ask for every device of the tailnet."""
    with pytest.raises(TailnetError, match="one environment"):
        operators(api.client(), {"tag": tag})
