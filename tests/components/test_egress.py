"""Egress opens TCP 443 outward and nothing else, and its list names all that the operator dials."""

from __future__ import annotations

import pytest

from components.egress.aws_security_group import ranges
from components.egress.destinations import CONTROL_RANGES_V4, CONTROL_RANGES_V6, allowlist, registry_hosts
from components.settings import AwsSecurityGroupEgress


def egress(**bent: object) -> AwsSecurityGroupEgress:
    least = {
        "target": "aws-security-group",
        "region": "eu-central-1",
        "securityGroup": "sg-0a0a0a0a0a0a0a0a0",
        "derp": "any443",
    }
    return AwsSecurityGroupEgress.model_validate({**least, **bent})


def test_ipv6_is_opened_only_on_request() -> None:
    assert ranges(egress()) == ["0.0.0.0/0"]
    assert ranges(egress(ipv6=True)) == ["0.0.0.0/0", "::/0"]


def test_a_list_of_ranges_is_the_customers_bound() -> None:
    own = ["203.0.113.0/24"]
    assert ranges(egress(derp=own)) == sorted([*CONTROL_RANGES_V4, *own])
    assert ranges(egress(derp=own, ipv6=True)) == sorted([*CONTROL_RANGES_V4, *CONTROL_RANGES_V6, *own])


@pytest.mark.parametrize(
    "host",
    ["controlplane.tailscale.com", "api.tailscale.com", "*.tailscale.com", "acme-v02.api.letsencrypt.org"],
)
def test_the_list_names_what_older_lists_forget(host: str) -> None:
    assert host in {row["host"] for row in allowlist(images=["tailscale/tailscale"])["destinations"]}


def test_a_mirror_takes_the_place_of_docker_hub() -> None:
    assert registry_hosts("mirror.example.com:5000/tailscale/k8s-operator") == ("mirror.example.com:5000",)
    assert "registry-1.docker.io" in registry_hosts("tailscale/k8s-operator")
    hosts = {row["host"] for row in allowlist(images=["mirror.example.com/a"])["destinations"]}
    assert not [host for host in hosts if "docker" in host]
