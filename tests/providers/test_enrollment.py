"""What the reader of `pulumi up` gets to see of an Enrollment, through the plugin's process and the engine's log."""

from __future__ import annotations

import grpc
import pytest
from pulumi.runtime.proto import engine_pb2

from providers.tailnet.document import write
from providers.tailnet.enrollment import Enrollment
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


def test_an_operator_that_is_lost_is_told_and_no_update_waits_for_it(api: Api) -> None:
    device = api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    with running_engine() as (address, engine), running_plugin(api.environ, address) as plugin:
        state = plain(plugin.create("Enrollment", ENROLMENT).result().properties)
        assert not plugin.diff("Enrollment", state, ENROLMENT).result().diffs
        assert not engine.told
        api.poll(device, online=False)
        assert not plugin.diff("Enrollment", state, ENROLMENT).result().diffs
        (offline,) = [told.message for told in engine.told]
        api.client().delete_device(state["nodeId"])
        assert not plugin.diff("Enrollment", state, ENROLMENT).result().diffs
    assert "registered and offline" in offline
    assert "uninstalled" in offline
    assert "no device carries tag:kube-acme-prod any more" in engine.told[1].message


AVAILABLE = {**ENROLMENT, "apiTag": ACME.api_tag, "wait": False}


def test_an_operator_whose_api_proxies_are_all_away_lets_nobody_in(api: Api) -> None:
    wanted = identity(ACME)
    wanted.sections["tagOwners"][ACME.api_tag] = [ACME.kube_tag]
    write(api.client(), lambda text, _: applied(text, wanted))
    api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    with running_engine() as (address, engine), running_plugin(api.environ, address) as plugin:
        alone = plain(plugin.create("Enrollment", AVAILABLE).result().properties)
        api.register("acme-prod-api-proxy-0", [ACME.api_tag])
        served = plain(plugin.update("Enrollment", alone, AVAILABLE).result().properties)
    assert (alone["status"], served["status"]) == ("pending", "online")
    assert served["deviceName"].startswith("acme-prod-kube.")
    assert "no API proxy is (0 with tag:api-acme-prod registered)" in str(engine.told)


def test_the_tag_of_the_api_proxies_is_the_environments_own() -> None:
    found = Enrollment.check({**AVAILABLE, "apiTag": "tag:api-acme-dev"})
    assert found == [("apiTag", "'tag:api-acme-dev' is not a tag of acme-prod")]
    assert Enrollment.check(AVAILABLE) == []


@pytest.mark.parametrize(("seen", "warned"), [({"deviceName": "acme-prod-kube.tail1.ts.net"}, True), ({}, False)])
def test_the_end_of_a_name_that_had_a_certificate_reports_the_limit(
    api: Api, seen: dict[str, str], warned: bool
) -> None:
    state = {**ENROLMENT, "wait": False, "status": "online" if seen else "pending", **seen}
    with running_engine() as (address, engine), running_plugin(api.environ, address) as plugin:
        plugin.delete("Enrollment", state).result()
    said = [told.message for told in engine.told if "5 certificates" in told.message]
    assert len(said) == warned
    assert all("acme-prod-kube.tail1.ts.net" in line and "operator.hostname" in line for line in said)
