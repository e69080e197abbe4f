"""A tailnet's default posture, which is for people's devices, does not shut out pods that send to other pods."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx
import pytest

from components.settings.environment import EnvironmentSettings
from components.tailnet.machine_posture import CONDITIONS, posture_notices, with_machine_posture
from components.tailnet.policy import access_sections, identity_sections
from providers.tailnet import slice_check
from providers.tailnet.slice import Slice, applied
from providers.tailnet.tags import Environment
from tests.components.exposing import CONNECTOR, CROSS, EGRESS, INGRESS, LOCAL, SERVICE
from tests.components.test_relays import run
from tests.providers.tailnet_api import SEED, put_policy, running_api

Build = Callable[..., EnvironmentSettings]
DEFAULT = ("posture:managed-mac",)
RECORDER = {"storage": LOCAL}


def made(settings: EnvironmentSettings, default: tuple[str, ...] = DEFAULT) -> dict[str, Any]:
    return with_machine_posture(settings.names, access_sections(settings.names, settings), default)


def by_source(sections: dict[str, Any]) -> dict[str, list[str] | None]:
    return {grant["src"][0]: grant.get("srcPosture") for grant in sections["grants"]}


def test_the_recorder_hears_from_the_operator_although_its_pod_is_no_managed_mac(environment: Build) -> None:
    """With enforceRecorder every request is refused where the recorder is not reached."""
    settings = environment(recorder=RECORDER)
    sections = made(settings)
    [name] = sections["postures"]
    assert name.startswith("posture:acme-prod-")
    assert sections["postures"][name] == list(CONDITIONS)
    assert by_source(sections) == {
        "group:highflame-sre": None,
        "tag:kube-acme-prod": [name],
        "group:audit": None,
    }


def test_proxies_that_dial_for_workloads_carry_it_and_no_grant_to_people_does(environment: Build) -> None:
    settings = environment(expose=[EGRESS, CROSS, INGRESS, SERVICE, CONNECTOR])
    found = made(settings)["grants"]
    carrying = {grant["src"][0] for grant in found if "srcPosture" in grant}
    assert carrying
    assert all(source.startswith("tag:svc-acme-") for source in carrying)
    assert not any("srcPosture" in grant for grant in found if grant["src"][0].startswith("group:"))


def test_highly_available_proxies_send_recordings_too(environment: Build) -> None:
    settings = environment(
        recorder=RECORDER,
        operator={"apiServerProxy": {"replicas": 2}},
        credential={"acknowledge": ["devices:core", "services"]},
    )
    assert by_source(made(settings))["tag:api-acme-prod"] is not None


def test_tagged_machines_of_the_vendors_own_keep_the_tailnets_posture(environment: Build) -> None:
    """What they are is not known, and the default may be meant for them: a preview says that it applies."""
    settings = environment(access=[{"from": "tag:ci", "role": "view"}])
    assert by_source(made(settings)) == {"tag:ci": None}


def test_a_grant_with_its_own_posture_keeps_it(environment: Build) -> None:
    own = ["node:os == 'macos'"]
    settings = environment(access=[{"from": "group:sre", "role": "view", "posture": own}], recorder=RECORDER)
    sections = made(settings)
    assert len(sections["postures"]) == 2
    [kept] = by_source(sections)["group:sre"] or [""]
    assert sections["postures"][kept] == own


def test_without_a_default_posture_nothing_is_added(environment: Build) -> None:
    settings = environment(recorder=RECORDER, expose=[EGRESS])
    assert made(settings, ()) == access_sections(settings.names, settings)
    assert posture_notices(settings, made(settings, ()), ()) == []


def test_the_slice_takes_the_sections(environment: Build) -> None:
    settings = environment(recorder=RECORDER)
    inputs = {"part": "access", "customer": "acme", "environment": "prod", "sections": made(settings)}
    assert slice_check.problems(inputs) == []


def test_a_preview_says_to_which_grants_the_default_applies(environment: Build) -> None:
    settings = environment(
        access=[
            {"from": "group:highflame-sre", "role": "read-only"},
            {"from": "tag:ci", "role": "view"},
            {"from": "group:lead", "role": "view", "impersonate": "lead", "posture": ["node:os == 'macos'"]},
        ],
        recorder=RECORDER,
    )
    [people, machines, pods] = posture_notices(settings, made(settings), DEFAULT)
    assert "posture:managed-mac" in people
    assert "group:highflame-sre" in people
    assert "group:lead" not in people
    assert "tag:ci" in machines
    assert "support-access:access" in machines
    assert "tag:kube-acme-prod" in pods
    assert CONDITIONS[0] in pods


@pytest.mark.parametrize("default", [(), DEFAULT])
def test_a_stack_writes_what_the_document_asks_for(
    monkeypatch: pytest.MonkeyPatch, environment: Build, default: tuple[str, ...]
) -> None:
    nothing = {"omitDefaultRegions": False, "removed": [], "nodes": []}
    credential = {"acknowledge": ["devices:core"]}
    seen = run(monkeypatch, environment, nothing, posture=default, recorder=RECORDER, credential=credential)
    written, declared = (
        seen.rows["acme-prod-access"].inputs["sections"],
        seen.rows["acme-prod-identity"].inputs["declared"],
    )
    assert written == declared
    assert any("srcPosture" in grant for grant in written["grants"]) is bool(default)


def test_the_service_lets_the_operator_through_to_its_recorder(environment: Build) -> None:
    """With the sections as they were before, its own test of the same connection fails."""
    settings = environment(recorder=RECORDER)
    names = settings.names
    usual = access_sections(names, settings)
    document = SEED.replace(
        '"grants": [',
        '"postures": {"posture:managed-mac": ["node:os == \'macos\'"]}, "defaultSrcPosture": ["posture:managed-mac"],'
        ' "grants": [',
        1,
    ).replace('"groups": {', '"groups": {"group:audit": [],', 1)
    document = document.replace('"tagOwners": {', '"tagOwners": {"tag:support-access-sentinel": [],', 1)
    acme = Environment("acme", "prod")
    identity = Slice(part="identity", sections=identity_sections(names, settings), environment=acme)
    check = {"src": "tag:kube-acme-prod", "srcPostureAttrs": {"node:os": "linux"}, "accept": ["tag:rec-acme-prod:80"]}
    for sections, passes in ((usual, False), (made(settings), True)):
        access = Slice(part="access", sections=sections, environment=acme)
        text = applied(applied(document, identity).text, access).text
        with running_api(None) as api:
            put_policy(api, text)
            answer = httpx.post(
                f"{api.url}/api/v2/tailnet/-/acl/validate", json=[check], auth=(api.admin_key, "")
            ).json()
        assert (not answer.get("message")) is passes, answer
