"""What an environment writes in the policy opens exactly what its settings declare."""

from __future__ import annotations

from collections.abc import Callable

from components.settings.environment import EnvironmentSettings
from components.tailnet.policy import access_sections, grants, identity_sections, isolation_tests
from providers.tailnet import slice_check

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


SOURCES = [
    {"from": "group:sre", "role": "read-only", "posture": ["node:osVersion >= '14'", "node:os == 'macos'"]},
    {"from": "ada@example.com", "role": "view"},
    {"from": "tag:ci-runner", "role": "view", "posture": ["posture:managed-linux"]},
    {"from": "tag:ci-runner", "role": "view", "impersonate": "runners"},
]


def test_each_kind_of_source_acts_as_what_it_is(environment: Build) -> None:
    settings = environment(access=SOURCES)
    found = [(g["src"], g["app"]["tailscale.com/cap/kubernetes"]) for g in grants(settings.names, settings)]
    assert found == [
        (["group:sre"], [{"impersonate": {"groups": ["sre"]}}]),
        (["ada@example.com"], [{"impersonate": {"groups": []}}]),
        (["tag:ci-runner"], [{"impersonate": {"groups": ["tag:ci-runner"]}}]),
        (["tag:ci-runner"], [{"impersonate": {"groups": ["runners"]}}]),
    ]


def test_conditions_become_a_posture_of_the_environments_own(environment: Build) -> None:
    settings = environment(access=SOURCES)
    sections = access_sections(settings.names, settings)
    ((name, conditions),) = sections["postures"].items()
    assert conditions == ["node:os == 'macos'", "node:osVersion >= '14'"]
    assert settings.names.tags.owns_name(name)
    postures = [grant.get("srcPosture") for grant in sections["grants"]]
    assert postures == [[name], None, ["posture:managed-linux"], None]


def test_without_conditions_there_is_no_section_of_postures(environment: Build) -> None:
    settings = environment()
    assert access_sections(settings.names, settings).keys() == {"grants"}


def test_other_conditions_are_another_posture_and_their_order_does_not_matter(environment: Build) -> None:
    def name(*conditions: str) -> str:
        settings = environment(access=[{"from": "group:sre", "role": "view", "posture": list(conditions)}])
        return access_sections(settings.names, settings)["grants"][0]["srcPosture"][0]

    mac, new = "node:os == 'macos'", "node:osVersion >= '14'"
    assert name(mac, new) == name(new, mac)
    assert len({name(mac), name(new), name(mac, new), name("node:os == 'linux'")}) == 4


def test_the_provider_takes_what_the_settings_make_as_wholly_the_environments_own(environment: Build) -> None:
    settings = environment(access=SOURCES)
    sections = access_sections(settings.names, settings)
    whose = {"customer": "acme", "environment": "prod"}
    identity = {"part": "identity", "sections": identity_sections(settings.names, settings), "declared": sections}
    assert slice_check.problems({**whose, "part": "access", "sections": sections}) == []
    assert slice_check.problems({**whose, **identity}) == []


def test_people_named_one_by_one_are_in_no_server_test(environment: Build) -> None:
    settings = environment(access=SOURCES)
    denied = ["group:sre:443", "tag:ci-runner:443", "tag:support-access-sentinel:443"]
    assert [test["deny"] for test in isolation_tests(settings.names, settings)] == [denied]
