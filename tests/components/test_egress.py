"""The list names all that the declared features dial, in the spelling that each kind of rule understands."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from components.egress.destinations import By, Needs, Spelling, allowlist, registry_ends, required, spelled
from components.endpoints import derp_map
from components.endpoints.hosts import host_problem
from components.endpoints.published import CERTIFICATE_AUTHORITY

PLAIN = Needs(images=("tailscale/tailscale", "tailscale/k8s-operator"))


def hosts(needs: Needs) -> set[str]:
    return {row.host for row in required(needs)}


@pytest.mark.parametrize(
    "host",
    [
        "controlplane.tailscale.com",
        "login.tailscale.com",
        "api.tailscale.com",
        "*.tailscale.com",
        "acme-v02.api.letsencrypt.org",
        "registry-1.docker.io",
        "production.cloudfront.docker.com",
        "pkgs.tailscale.com",
    ],
)
def test_the_list_names_what_older_lists_forget(host: str) -> None:
    assert host in hosts(PLAIN)


def test_the_certificate_authority_is_for_who_serves_https() -> None:
    images = PLAIN.images
    assert CERTIFICATE_AUTHORITY in hosts(Needs(images=images, api_proxy=True))
    assert CERTIFICATE_AUTHORITY in hosts(Needs(images=images, api_proxy=False, ingress=True))
    assert CERTIFICATE_AUTHORITY not in hosts(Needs(images=images, api_proxy=False))


def test_what_nobody_asked_for_is_not_on_the_list() -> None:
    assert "log.tailscale.com" not in hosts(PLAIN)
    assert {row.protocol for row in required(PLAIN)} == {"tcp"}
    assert {row.port for row in required(PLAIN)} == {443}
    assert "log.tailscale.com" in hosts(Needs(images=PLAIN.images, logs=True))


def test_udp_says_what_it_opens() -> None:
    def udp(needs: Needs) -> list[tuple[str, int | None]]:
        return [(row.host, row.port) for row in required(needs) if row.protocol == "udp"]

    assert udp(Needs(images=(), udp="stun")) == [("*", 3478)]
    assert udp(Needs(images=(), udp="any")) == [("*", None)]


def test_a_mirror_takes_the_place_of_docker_hub() -> None:
    assert registry_ends("mirror.example.com:5000/tailscale/k8s-operator") == (("mirror.example.com", 5000),)
    assert ("registry-1.docker.io", 443) in registry_ends("tailscale/k8s-operator")
    assert registry_ends("ghcr.io/tailscale/k8s-operator") == (
        ("ghcr.io", 443),
        ("pkg-containers.githubusercontent.com", 443),
    )
    assert not [host for host in hosts(Needs(images=("mirror.example.com/a",))) if "docker" in host]


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io", "registry.hub.docker.com"])
def test_every_spelling_of_docker_hub_is_docker_hub(host: str) -> None:
    assert registry_ends(f"{host}/tailscale/k8s-operator") == registry_ends("tailscale/k8s-operator")


def test_the_chart_is_fetched_by_whoever_runs_helm() -> None:
    rows = required(Needs(images=(), chart="https://charts.example.com:8443/stable"))
    assert [(row.host, row.port) for row in rows if row.by is By.DEPLOYER] == [("charts.example.com", 8443)]
    assert ("charts.example.com", 8443) not in spelled(rows, Spelling.WILDCARD)


def test_recordings_go_where_they_are_stored() -> None:
    rows = required(Needs(images=(), recordings="s3.eu-central-1.amazonaws.com"))
    assert ("s3.eu-central-1.amazonaws.com", 443) in spelled(rows, Spelling.NODES)
    assert ("minio.example.com", 9000) in spelled(
        required(Needs(images=(), recordings="minio.example.com:9000")), Spelling.SUFFIX
    )


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("https://s3.example.com", "URL"),
        ("s3.example.com/bucket", "path"),
        ("*.example.com", "wildcard"),
        ("*", "wildcard"),
        ("s3.example.com.", "dot"),
        ("S3.example.com", "lower case"),
        (".example.com", "host name"),
        ("", "host name"),
        ("a" * 64 + ".com", "host name"),
        ('x"; drop', "host name"),
    ],
)
def test_what_is_no_host_name_is_refused(name: str, reason: str) -> None:
    assert reason in (host_problem(name) or "")
    if name:
        with pytest.raises(ValueError, match="is not a host"):
            required(Needs(images=(), recordings=name))


def test_each_spelling_covers_every_relay_and_the_certificate_authority() -> None:
    for spelling in Spelling:
        names = [host for host, _ in spelled(required(PLAIN), spelling)]
        assert CERTIFICATE_AUTHORITY in names
        assert len(names) == len(set(names))
    nodes = set(derp_map.node_names())
    assert nodes <= {host for host, _ in spelled(required(PLAIN), Spelling.NODES)}
    wildcard = [host for host, _ in spelled(required(PLAIN), Spelling.WILDCARD)]
    assert "*.tailscale.com" in wildcard
    assert [host for host in wildcard if host.endswith(".tailscale.com")] == ["*.tailscale.com"]
    suffix = [host for host, _ in spelled(required(PLAIN), Spelling.SUFFIX)]
    assert all(node.endswith(".tailscale.com") for node in nodes)
    assert ".tailscale.com" in suffix
    aliases = {host for host, _ in spelled(required(PLAIN), Spelling.ALIASES)}
    assert {f"derp{region}-all.tailscale.com" for region in range(1, 29)} <= aliases
    assert {"controlplane.tailscale.com", "api.tailscale.com"} <= aliases


def test_no_spelling_has_a_wildcard_where_rules_know_none() -> None:
    for spelling in (Spelling.ALIASES, Spelling.NODES):
        assert [host_problem(host) for host, _ in spelled(required(PLAIN), spelling) if host_problem(host)] == []


def test_a_mirror_that_is_dialled_by_address_has_no_name_to_let_through() -> None:
    rows = required(Needs(images=("10.0.0.5:5000/tailscale/tailscale",)))
    assert "10.0.0.5" in {row.host for row in rows}
    assert "10.0.0.5" not in {host for host, _ in spelled(rows, Spelling.WILDCARD)}


def test_the_output_is_plain_data_with_its_date_and_source() -> None:
    plain = allowlist(PLAIN)
    assert plain["asOf"]
    assert plain["source"]
    row = next(row for row in plain["destinations"] if row["host"] == "controlplane.tailscale.com")
    assert row == {
        "host": "controlplane.tailscale.com",
        "port": 443,
        "protocol": "tcp",
        "ranges": ["192.200.0.0/24", "2606:b740:49::/48"],
        "by": "operator pod",
        "why": "control plane and token: the operator does not come online",
    }


def published() -> dict[str, Any]:
    """A map in the form of the published one, with our copy's names."""
    regions: dict[str, Any] = {}
    for region in derp_map.regions():
        letters = derp_map.NODES[region] or [""]
        nodes = [{"HostName": f"derp{region}{letter}.tailscale.com", "IPv4": "192.0.2.1"} for letter in letters]
        regions[str(region)] = {"RegionID": region, "Nodes": nodes}
    return {"Regions": regions}


def test_the_copy_has_the_published_numbers_of_regions_and_nodes() -> None:
    assert (len(derp_map.regions()), len(derp_map.node_names()), len(set(derp_map.node_names()))) == (28, 88, 88)
    older = {f"derp{number}.tailscale.com" for number in range(1, 31)}
    assert older & set(derp_map.node_names()) == {"derp6.tailscale.com"}


def test_the_same_map_has_no_differences() -> None:
    assert not derp_map.compare(published())


def test_each_difference_is_told_as_what_it_is() -> None:
    theirs = copy.deepcopy(published())
    del theirs["Regions"]["28"]
    theirs["Regions"]["29"] = {"Nodes": [{"HostName": "derp29b.tailscale.com"}]}
    theirs["Regions"]["1"]["Nodes"][0] = {"HostName": "Relay.Example.com", "DERPPort": 8443}
    theirs["Regions"]["2"]["Nodes"][0]["STUNPort"] = 3479
    theirs["Regions"]["2"]["Nodes"][1]["STUNPort"] = -1
    found = derp_map.compare(theirs)
    assert found
    assert (found.new_regions, found.gone_regions) == ((29,), (28,))
    assert found.new_nodes == ("derp29b.tailscale.com", "relay.example.com")
    assert set(found.gone_nodes) == {"derp1f.tailscale.com", *(f"derp28{n}.tailscale.com" for n in "bcd")}
    assert found.outside == ("relay.example.com",)
    assert found.odd_ports == ("derp2d.tailscale.com", "relay.example.com")


@pytest.mark.parametrize(
    "junk",
    [
        None,
        [],
        "<html>blocked by proxy</html>",
        {},
        {"Regions": {}},
        {"Regions": []},
        {"Regions": {"one": {"Nodes": [{"HostName": "a"}]}}},
        {"Regions": {"1": {"Nodes": []}}},
        {"Regions": {"1": {"Nodes": [{}]}}},
        {"Regions": {"1": {"Nodes": [{"HostName": 7}]}}},
    ],
)
def test_what_is_no_map_is_not_taken_for_an_empty_one(junk: Any) -> None:
    with pytest.raises(ValueError, match="Not a relay map"):
        derp_map.compare(junk)
