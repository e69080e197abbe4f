"""What an environment writes in the policy opens exactly what its settings declare."""

from __future__ import annotations

from collections.abc import Callable

from components.settings import EnvironmentSettings
from components.tailnet.policy import grants, identity_sections

Build = Callable[..., EnvironmentSettings]


def test_a_grant_carries_a_port_and_the_capability_for_one_group(environment: Build) -> None:
    settings = environment()
    assert grants(settings.names, settings) == [
        {
            "src": ["group:highflame-sre"],
            "dst": ["tag:kube-acme-prod"],
            "ip": ["tcp:443"],
            "app": {"tailscale.com/cap/kubernetes": [{"impersonate": {"groups": ["highflame-sre"]}}]},
        }
    ]


def test_grants_reach_this_environment_alone(environment: Build) -> None:
    settings = environment(
        access=[
            {"from": "group:sre", "role": "read-only"},
            {"from": "group:lead", "role": "view", "impersonate": "highflame-lead"},
        ]
    )
    found = grants(settings.names, settings)
    assert {dst for grant in found for dst in grant["dst"]} == {"tag:kube-acme-prod"}
    assert [grant["src"] for grant in found] == [["group:sre"], ["group:lead"]]


def test_the_operator_owns_the_proxies_tags_and_nothing_owns_upwards(environment: Build) -> None:
    settings = environment()
    assert identity_sections(settings.names, settings)["tagOwners"] == {
        "tag:k8s-operator-acme": ["tag:support-access-deployer"],
        "tag:k8s-acme": ["tag:k8s-operator-acme"],
        "tag:cust-acme": ["tag:k8s-operator-acme"],
        "tag:kube-acme-prod": ["tag:support-access-deployer"],
    }


def test_the_number_of_server_tests_does_not_grow_with_access(environment: Build) -> None:
    few = environment()
    many = environment(access=[{"from": f"group:team{n}", "role": "view"} for n in range(20)])
    assert len(identity_sections(few.names, few)["tests"]) == len(identity_sections(many.names, many)["tests"]) == 1


def test_identity_lets_nobody_in(environment: Build) -> None:
    settings = environment()
    assert not {"grants", "acls", "ssh", "nodeAttrs"} & set(identity_sections(settings.names, settings))
