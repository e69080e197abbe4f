"""What the reader of `pulumi up` gets to see of an Enrollment, through the plugin's process and the engine's log."""

from __future__ import annotations

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2

from providers.tailnet.document import write
from providers.tailnet.slice import applied
from tests.providers.plugin import plain, running_engine, running_plugin, urn
from tests.providers.policies import ACME, identity
from tests.providers.tailnet_api import Api

ENROLMENT = {
    "customer": "acme",
    "environment": "prod",
    "tag": ACME.kube_tag,
    "hostname": "acme-prod-kube",
    "wait": True,
    "timeoutSeconds": 1,
}


@pytest.fixture(autouse=True)
def tagged(api: Api) -> None:
    write(api.client(), lambda text, _: applied(text, identity(ACME)))


def test_the_engine_is_told_of_the_wait_and_then_where_to_look_and_never_a_secret(api: Api) -> None:
    with running_engine() as (address, engine), running_plugin(api.environ, address) as plugin:
        with pytest.raises(grpc.RpcError) as raised:
            plugin.create("Enrollment", ENROLMENT).result()
        pending = plugin.create("Enrollment", {**ENROLMENT, "wait": False}).result()
        secret = api.environ["TAILSCALE_OAUTH_CLIENT_SECRET"]
    said = str(raised.value.details())  # type: ignore[attr-defined]
    for cause in ("egress", "certificate", "credential", "no device with tag:kube-acme-prod has registered"):
        assert cause in said
    progress = [told for told in engine.told if told.ephemeral]
    assert progress[0].message.startswith("waiting for acme-prod-kube")
    assert plain(pending.properties)["status"] == "pending"
    assert [told.severity for told in engine.told if not told.ephemeral] == [engine_pb2.WARNING]
    assert {told.urn for told in engine.told} == {urn("Enrollment")}
    assert secret not in said + str(engine.told)


def test_another_device_under_the_same_name_is_a_new_sight(api: Api) -> None:
    api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    with running_plugin(api.environ) as plugin:
        before = plain(plugin.create("Enrollment", ENROLMENT).result().properties)
        seen = {**before, "onlineSince": "2020-01-01T00:00:00Z"}
        again = plain(plugin.update("Enrollment", seen, ENROLMENT).result().properties)
        api.client().delete_device(before["nodeId"])
        api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
        after = plain(plugin.update("Enrollment", seen, ENROLMENT).result().properties)
    assert again == seen
    assert after["nodeId"] != before["nodeId"]
    assert after["onlineSince"] != seen["onlineSince"]
