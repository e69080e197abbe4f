"""What the policy document says for every device of the tailnet is read as the service reads it."""

from __future__ import annotations

import asyncio
from typing import Any, NoReturn

import pytest
from pulumi.provider.experimental import provider as engine

from providers.tailnet.problems import PolicyError
from providers.tailnet.provider import TailnetProvider
from providers.tailnet.tailnet_defaults import tailnet_defaults
from providers.tailnet.values import plain_map, property_map
from tests.providers.tailnet_api import SEED, Api

NONE = {"derpMap": {"omitDefaultRegions": False, "removed": [], "nodes": []}, "srcPosture": []}


def asked(api: Api, sections: str) -> dict[str, Any]:
    api.state.data["policy"] = SEED.replace('"grants": [', f'{sections} "grants": [', 1)
    return tailnet_defaults(api.client(), {})


def nodes(api: Api, *written: str) -> list[dict[str, Any]]:
    text = ",".join(written)
    return asked(api, f'"derpMap": {{"Regions": {{"900": {{"Nodes": [{text}]}}}}}},')["derpMap"]["nodes"]


def test_a_document_that_says_nothing_has_the_services_own_relays_and_no_posture(api: Api) -> None:
    assert asked(api, "") == NONE


def test_it_costs_one_read(api: Api) -> None:
    api.calls()
    tailnet_defaults(api.client(), {})
    assert [call for call in api.calls() if not call.endswith("/oauth/token")] == ["GET /tailnet/-/acl"]


def test_a_relay_is_told_with_its_defaults(api: Api) -> None:
    assert nodes(api, '{"Name": "900a", "HostName": "derp.example.com"}') == [
        {
            "region": 900,
            "host": "derp.example.com",
            "port": 443,
            "stunPort": 3478,
            "stunOnly": False,
            "addresses": [],
            "insecure": False,
        }
    ]


def test_every_part_of_a_relay_is_told(api: Api) -> None:
    written = (
        '{"HostName": "derp.example.com", "DERPPort": 8443, "STUNPort": -1, "IPv4": "203.0.113.9", "IPv6": "none",'
        ' "InsecureForTests": true}'
    )
    assert nodes(api, written) == [
        {
            "region": 900,
            "host": "derp.example.com",
            "port": 8443,
            "stunPort": -1,
            "stunOnly": False,
            "addresses": ["203.0.113.9"],
            "insecure": True,
        }
    ]


def test_a_port_beyond_every_number_is_one_that_nobody_can_dial(api: Api) -> None:
    [node] = nodes(api, '{"HostName": "derp.example.com", "DERPPort": 1e999}')
    assert node["port"] == -2


def test_names_of_members_count_in_any_case(api: Api) -> None:
    """The service is written in Go, whose decoder takes them so; comments and commas at the end are allowed too."""
    found = asked(
        api,
        '"DERPmap": {"omitdefaultregions": true, "REGIONS": {"900": {"nodes": ['
        '{"hostname": "derp.example.com", "derpport": 8443, "stunonly": true, "ipv6": "2001:db8::1"}, // ours\n]}}},',
    )["derpMap"]
    assert found["omitDefaultRegions"] is True
    [node] = found["nodes"]
    assert (node["host"], node["port"], node["stunOnly"], node["addresses"]) == (
        "derp.example.com",
        8443,
        True,
        ["2001:db8::1"],
    )


def test_a_region_that_is_null_is_one_that_is_removed(api: Api) -> None:
    found = asked(api, '"derpMap": {"Regions": {"1": null, "12": null, "900": {"Nodes": null}}},')["derpMap"]
    assert found == {"omitDefaultRegions": False, "removed": [1, 12], "nodes": []}


@pytest.mark.parametrize(
    "written",
    ['"here"', "7", "[]", '{"Regions": []}', '{"Regions": {"x": null}}', '{"Regions": {"1": {"Nodes": [7]}}}'],
)
def test_what_is_no_relay_map_is_refused(api: Api, written: str) -> None:
    with pytest.raises(PolicyError, match="derpMap"):
        asked(api, f'"derpMap": {written},')


@pytest.mark.parametrize("written", ["null", "{}", '{"Regions": null}', '{"Regions": {}, "OmitDefaultRegions": false}'])
def test_an_empty_map_says_nothing(api: Api, written: str) -> None:
    assert asked(api, f'"derpMap": {written},') == NONE


def test_the_default_posture_is_told(api: Api) -> None:
    found = asked(api, '"postures": {"posture:mac": ["node:os == \'macos\'"]}, "defaultSrcPosture": ["posture:mac"],')
    assert found["srcPosture"] == ["posture:mac"]


def test_the_plugin_serves_it_as_a_function_and_no_member_is_lost_on_the_way(api: Api) -> None:
    def no_log(urn: str) -> NoReturn:
        raise AssertionError(f"a function has no resource to log beside: {urn}")

    api.state.data["policy"] = SEED.replace('"grants": [', '"derpMap": {"Regions": {"1": null}}, "grants": [', 1)
    provider = TailnetProvider(api.environ, no_log)
    try:
        request = engine.InvokeRequest("tailnet:index:getTailnetDefaults", property_map({}))
        found = plain_map(asyncio.run(provider.invoke(request)).return_value or {})
    finally:
        provider.close()
    assert found == {"defaults": {**NONE, "derpMap": {**NONE["derpMap"], "removed": [1]}}}
