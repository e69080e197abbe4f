"""Whom an operator may impersonate is exactly who is named today, and nobody whom the policy smuggles in."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest
from pulumi.provider.experimental import provider as engine

from providers.tailnet.problems import PolicyError, TailnetError
from providers.tailnet.provider import TailnetProvider
from providers.tailnet.sources import source_users
from providers.tailnet.tags import Environment, is_scheme_tag
from providers.tailnet.values import UNKNOWN, plain_map, property_map
from tests.providers.tailnet_api import SEED, Api, put_policy

TAGS = '"tag:ci":       ["autogroup:admin"],'


def with_lines(tag_owners: str = TAGS, groups: str = "", postures: str = "") -> str:
    """The seed policy with other tags beside `tag:internal`, more groups and some postures."""
    text = SEED.replace(TAGS, tag_owners).replace('"groups": {', f'"groups": {{ {groups}')
    return text.replace('"grants": [', f'"postures": {{ {postures} }},\n "grants": [', 1)


def users(api: Api, *sources: str, postures: tuple[str, ...] = ()) -> dict[str, list[str]]:
    return source_users(api.client(), {"sources": list(sources), "postures": list(postures)})["users"]


def test_a_group_is_its_members_a_person_themselves_and_a_tag_its_nodes(api: Api) -> None:
    api.register("ci-2", ["tag:ci"])
    api.register("ci-1", ["tag:ci"])
    api.register("other", ["tag:internal"])
    suffix = api.state.data["dnsSuffix"]
    assert users(api, "group:highflame-sre", "ada@github", "tag:ci") == {
        "group:highflame-sre": ["ann@example.com", "bob@example.com"],
        "ada@github": ["ada@github"],
        "tag:ci": [f"ci-1.{suffix}", f"ci-2.{suffix}"],
    }


def test_people_are_spelled_as_the_service_does_and_what_the_document_spells_otherwise_is_named(api: Api) -> None:
    group = '"group:mixed": ["Ada@Example.com", "ada@example.com", "o\'brien@example.com"],'
    api.state.data["policy"] = with_lines(groups=group)
    found = source_users(api.client(), {"sources": ["group:mixed", "group:highflame-sre", "Bob@Example.com"]})
    assert found == {
        "users": {
            "group:mixed": ["ada@example.com", "o'brien@example.com"],
            "group:highflame-sre": ["ann@example.com", "bob@example.com"],
            "Bob@Example.com": ["bob@example.com"],
        },
        "respelled": {"group:mixed": ["Ada@Example.com"]},
    }


@pytest.mark.parametrize(
    ("source", "lines"),
    [
        ("group:one", {"groups": '"group:one": "ada@example.com",'}),
        ("tag:one", {"tag_owners": f'{TAGS} "tag:one": "autogroup:member",'}),
        ("tag:one", {"tag_owners": f'{TAGS} "tag:one": ["tag:two"], "tag:two": "tag:k8s-operator-globex",'}),
    ],
)
def test_a_list_that_is_written_as_a_text_is_refused_as_the_text_that_it_is(
    api: Api, source: str, lines: dict[str, str]
) -> None:
    api.state.data["policy"] = with_lines(**lines)
    with pytest.raises(PolicyError) as caught:
        users(api, source)
    text = str(caught.value)
    assert "is a text and must be a list" in text
    assert any(f'["{value}"]' in text for value in ("ada@example.com", "autogroup:member", "tag:k8s-operator-globex"))
    assert "'a'" not in text


def test_it_costs_one_read_of_the_policy_and_one_filtered_list_per_tag(api: Api) -> None:
    api.calls()
    users(api, "group:highflame-sre", "ada@example.com", "tag:ci", "tag:internal")
    calls = [call for call in api.calls() if not call.endswith("/oauth/token")]
    assert calls == ["GET /tailnet/-/acl", "GET /tailnet/-/devices", "GET /tailnet/-/devices"]


def test_a_tag_that_no_device_carries_stands_for_nobody(api: Api) -> None:
    assert users(api, "tag:ci") == {"tag:ci": []}


def test_null_stands_for_nobody(api: Api) -> None:
    """Go reads null as an empty list or text, so the service may keep a document with it."""
    api.state.data["policy"] = with_lines('"tag:ci": null, "tag:cd": [null],', '"group:nobody": null,')
    assert users(api, "group:nobody", "tag:ci", "tag:cd") == {"group:nobody": [], "tag:ci": [], "tag:cd": []}


def test_every_name_that_the_policy_does_not_define_is_told_at_once_with_its_mend(api: Api) -> None:
    with pytest.raises(PolicyError) as caught:
        users(api, "group:nobody", "tag:nothing", "group:highflame-sre", postures=("posture:managed-mac",))
    text = str(caught.value)
    assert "groups has no group:nobody: add it to the tailnet stack's groups" in text
    assert "tagOwners has no tag:nothing: declare it there" in text
    assert "postures has no posture:managed-mac: define it there" in text


def test_a_posture_that_is_defined_is_no_problem(api: Api) -> None:
    put_policy(api, with_lines(postures='"posture:managed-mac": ["node:os == \'macos\'"]'))
    assert users(api, "ada@example.com", postures=("posture:managed-mac",)) == {"ada@example.com": ["ada@example.com"]}


@pytest.mark.parametrize("member", ["system:kube-controller-manager", "system:serviceaccount:a@b", "*@example.com", ""])
def test_a_group_cannot_bring_a_user_of_the_cluster_itself(member: str, api: Api) -> None:
    api.state.data["policy"] = with_lines(groups=f'"group:trap": ["ann@example.com", "{member}"],')
    with pytest.raises(PolicyError, match="group:trap has members that are no logins"):
        users(api, "group:trap")


@pytest.mark.parametrize("source", ["system:admin", "*", "autogroup:member", "100.64.0.1", ""])
def test_what_is_no_source_is_refused(source: str, api: Api) -> None:
    with pytest.raises(PolicyError, match="neither a group, a tag nor a person's login"):
        users(api, source)


def test_a_node_of_a_customer_is_no_source_whatever_else_it_carries(api: Api) -> None:
    put_policy(api, with_lines(f'{TAGS} "tag:cust-globex": ["autogroup:admin"],'))
    api.register("smuggled", ["tag:ci", "tag:cust-globex"])
    with pytest.raises(PolicyError, match=r"the device smuggled.* carries tag:ci and tag:cust-globex"):
        users(api, "tag:ci")


def test_a_tag_that_a_customers_operator_may_give_is_no_source(api: Api) -> None:
    owners = '"tag:ci": ["tag:build"], "tag:build": ["tag:build", "tag:k8s-operator-globex"], '
    put_policy(api, with_lines(owners + '"tag:k8s-operator-globex": ["tag:support-access-deployer"],'))
    with pytest.raises(PolicyError, match="tag:ci is owned by tag:k8s-operator-globex"):
        users(api, "tag:ci")


@pytest.mark.parametrize("everybody", ["autogroup:member", "autogroup:members", "autogroup:shared"])
@pytest.mark.parametrize("owners", ['"{}"', '"tag:lab", "autogroup:admin"'])
def test_a_tag_that_whoever_joins_may_give_is_no_source(everybody: str, owners: str, api: Api) -> None:
    """They would tag a machine of their own, and the next update would write it into the ceiling."""
    put_policy(api, with_lines(f'"tag:ci": [{owners.format(everybody)}], "tag:lab": ["{everybody}"],'))
    with pytest.raises(PolicyError, match=f"tag:ci is owned by {everybody}"):
        users(api, "tag:ci")


def test_a_device_shared_into_the_tailnet_is_not_taken_for_one_of_its_own(api: Api) -> None:
    api.register("ci-1", ["tag:ci"])
    (device,) = api.state.data["devices"].values()
    device["isExternal"] = True
    assert users(api, "tag:ci") == {"tag:ci": []}


def test_when_devices_cannot_be_listed_the_error_names_the_tag(api: Api) -> None:
    api.faults({"kind": "status", "method": "GET", "path": "/api/v2/tailnet/-/devices", "status": 403})
    assert users(api, "group:highflame-sre")["group:highflame-sre"]
    with pytest.raises(PolicyError, match=r"the devices that carry tag:ci cannot be listed: .*devices:core"):
        users(api, "tag:ci")


def test_names_that_are_not_known_yet_are_refused_before_any_call(api: Api) -> None:
    api.calls()
    with pytest.raises(TailnetError, match="known before anything is made"):
        source_users(api.client(), {"sources": ["group:highflame-sre", UNKNOWN]})
    assert api.calls() == []


def test_the_plugin_serves_it_as_a_function(api: Api) -> None:
    def no_log(urn: str) -> NoReturn:
        raise AssertionError(f"a function has no resource to log beside: {urn}")

    provider = TailnetProvider(api.environ, no_log)
    try:

        def invoke(token: str, arguments: dict[str, Any]) -> dict[str, Any]:
            request = engine.InvokeRequest(token, property_map(arguments))
            return plain_map(asyncio.run(provider.invoke(request)).return_value or {})

        found = invoke("tailnet:index:getSourceUsers", {"sources": ["ada@example.com"]})
        assert found == {"users": {"ada@example.com": ["ada@example.com"]}, "respelled": {}}
        with pytest.raises(TailnetError, match="no function"):
            invoke("tailnet:index:getGroupMembers", {"groups": []})
    finally:
        provider.close()


def test_every_tag_of_the_scheme_is_recognised_in_any_case() -> None:
    acme = Environment("acme", "prod")
    tags = [acme.kube_tag, acme.api_tag, acme.rec_tag, acme.svc_tag("web"), *acme.chain_tags]
    assert all(is_scheme_tag(tag) and is_scheme_tag(tag.upper()) for tag in tags)
    assert not any(map(is_scheme_tag, ("tag:ci-runner", "tag:k8s", "tag:customer", "tag:service")))
