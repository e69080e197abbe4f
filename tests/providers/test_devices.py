"""What cannot be removed does not keep the rest, and the end by time names what is left."""

from __future__ import annotations

import pytest

from providers.tailnet import devices
from providers.tailnet.client import Client
from providers.tailnet.document import write
from providers.tailnet.problems import ApiError, TailnetError
from providers.tailnet.slice import applied
from tests.providers.policies import ACME, identity
from tests.providers.tailnet_api import Api


@pytest.fixture(autouse=True)
def standing(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    """Three devices, the first of which is going to be stuck, and a Service."""
    write(api.client(), lambda text, _: applied(text, identity(ACME)))
    for name in ("acme-prod-kube", "acme-prod-tunnel", "acme-prod-other"):
        api.register(name, [ACME.operator_tag, ACME.kube_tag])
    api.serve("svc:acme-prod", ACME.kube_tag)
    monkeypatch.setattr(devices, "PATIENCE", 1.0)  # two rounds


def client_of(api: Api, **more: float) -> Client:
    """A client whose time passes only while it waits: how fast this machine is does not matter."""
    passed: list[float] = []
    return api.client(sleep=passed.append, clock=lambda: sum(passed), **more)


def left(api: Api) -> list[str]:
    return [device["hostname"] for device in api.state.data["devices"].values()]


def test_a_device_that_cannot_be_removed_is_named_and_the_others_are_gone(api: Api) -> None:
    stuck = next(iter(api.state.data["devices"].values()))
    api.faults({"kind": "status", "status": 500, "method": "DELETE", "path": f"/device/{stuck['nodeId']}$"})
    told: list[str] = []
    with pytest.raises(TailnetError, match="are left after") as raised:
        devices.remove_all(client_of(api, patience=0.1), ACME, told.append)
    assert stuck["hostname"] in str(raised.value)
    assert "500" in str(raised.value)
    assert left(api) == [stuck["hostname"]]
    assert any(line.startswith("removing ") and stuck["hostname"] in line for line in told)


def test_devices_go_also_when_services_cannot_be_listed(api: Api) -> None:
    api.faults({"kind": "status", "status": 403, "path": "/vip-services"})
    with pytest.raises(ApiError, match="may not"):
        devices.remove_all(client_of(api), ACME)
    assert left(api) == []


def test_a_credential_that_may_not_is_told_at_once(api: Api) -> None:
    api.faults({"kind": "status", "status": 403, "method": "DELETE"})
    with pytest.raises(ApiError) as raised:
        devices.remove_api_devices(client_of(api), ACME)
    assert raised.value.status == 403


def test_an_operator_that_comes_back_does_not_hold_up_the_end_of_its_credential(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Before that end its device would come back for ever; what comes back is for the cleanup, which is after it."""
    old = left(api)
    delete = Client.delete_device

    def delete_and_return(client: Client, node_id: str) -> bool:
        name = api.state.data["devices"][node_id]["hostname"]
        deleted = delete(client, node_id)
        api.register(name, [ACME.operator_tag, ACME.kube_tag])
        return deleted

    monkeypatch.setattr(Client, "delete_device", delete_and_return)
    before = set(api.state.data["devices"])
    assert len(devices.remove_api_devices(client_of(api), ACME)) == len(old)
    assert not before & set(api.state.data["devices"])
    with pytest.raises(TailnetError, match="come back as fast as they are removed"):
        devices.remove_all(client_of(api), ACME)
