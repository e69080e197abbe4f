"""Stacks in one folder do not share what each needs alone."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from components.settings.load import load
from components.settings.problems import SettingsError

ACCESS = [{"from": "group:highflame-sre", "role": "read-only"}]


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Two API servers; the second has two contexts."""
    urls = {"one": "https://one:6443", "two": "https://two:6443", "two-as-somebody-else": "https://two:6443"}
    document = {
        "contexts": [{"name": name, "context": {"cluster": name}} for name in urls],
        "clusters": [{"name": name, "cluster": {"server": url}} for name, url in urls.items()],
    }
    (tmp_path / "kubeconfig").write_text(json.dumps(document))
    monkeypatch.setenv("KUBECONFIG", str(tmp_path / "kubeconfig"))


def stack(folder: Path, customer: str, **keys: Any) -> dict[str, str]:
    """Writes the stack's file; returns its configuration as Pulumi hands it over."""
    config = {"customer": customer, "environment": "prod", "access": ACCESS, **keys}
    document = {"config": {f"support-access:{key}": value for key, value in config.items()}}
    (folder / f"Pulumi.{customer}-prod.yaml").write_text(yaml.safe_dump(document))
    return {f"support-access:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in config.items()}


def refused(folder: Path, customer: str, config: dict[str, str]) -> list[str]:
    try:
        load(f"{customer}-prod", config, stacks_dir=folder)
    except SettingsError as error:
        return [f"{problem.key.removeprefix('support-access:')}: {problem.what}" for problem in error.problems]
    return []


def test_two_environments_in_one_cluster_are_refused_from_either_side(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "one"})
    globex = stack(tmp_path, "globex", cluster={"context": "one", "kubeconfig": str(tmp_path / "kubeconfig")})
    assert refused(tmp_path, "acme", acme) == ['cluster: It is the cluster of stack "globex-prod" too.']
    assert refused(tmp_path, "globex", globex) == ['cluster: It is the cluster of stack "acme-prod" too.']


def test_two_contexts_of_one_api_server_are_one_cluster(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "two"})
    stack(tmp_path, "globex", cluster={"context": "two-as-somebody-else"})
    assert refused(tmp_path, "acme", acme) == ['cluster: It is the cluster of stack "globex-prod" too.']


def test_two_clusters_with_one_issuer_are_refused(tmp_path: Path) -> None:
    """Who administers the one could make a token for the other's operator."""
    shared, own = ({"federation": {"issuer": f"https://oidc.{name}.example"}} for name in ("shared", "own"))
    acme = stack(tmp_path, "acme", credential=shared)
    stack(tmp_path, "globex", credential=shared)
    assert refused(tmp_path, "acme", acme) == [
        'credential.federation.issuer: It is the issuer of stack "globex-prod" too.'
    ]
    stack(tmp_path, "globex", credential=own)
    assert refused(tmp_path, "acme", acme) == []


def test_what_a_file_says_as_json_in_a_text_counts_too(tmp_path: Path) -> None:
    """The program takes it for what it says, so it is no way past the comparison."""
    shared = {"federation": {"issuer": "https://oidc.shared.example"}}
    acme = stack(tmp_path, "acme", credential=shared, cluster={"context": "one"})
    stack(tmp_path, "globex", credential=json.dumps(shared), cluster=' {"context": "one"}')
    assert refused(tmp_path, "acme", acme) == [
        'cluster: It is the cluster of stack "globex-prod" too.',
        'credential.federation.issuer: It is the issuer of stack "globex-prod" too.',
    ]


def test_different_clusters_and_handoffs_stand_side_by_side(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "one"})
    stack(tmp_path, "globex", cluster={"context": "two"})
    stack(tmp_path, "initech")
    assert refused(tmp_path, "acme", acme) == []


def test_a_context_of_another_file_that_is_not_here_is_another_cluster(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "one"})
    stack(tmp_path, "globex", cluster={"context": "one", "kubeconfig": "/elsewhere/kubeconfig"})
    assert refused(tmp_path, "acme", acme) == []


def test_one_host_name_is_not_given_twice(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme")
    stack(tmp_path, "globex", operator={"hostname": "acme-prod-kube"})
    assert refused(tmp_path, "acme", acme) == [
        'operator.hostname: Stack "globex-prod" has the host name "acme-prod-kube" too.'
    ]


EXPOSED = {
    "name": "db",
    "kind": "service",
    "namespace": "shop",
    "service": "pg",
    "ports": [5432],
    "from": "group:highflame-sre",
    "hostname": "falcon",
}
RECORDED = {"storage": {"kind": "local", "viewers": "group:audit"}}


@pytest.mark.parametrize(
    ("theirs", "hostname"),
    [
        ({"operator": {"hostname": "falcon"}}, "falcon"),
        ({"operator": {"apiServerProxy": {"replicas": 2, "hostname": "falcon"}}}, "falcon"),
        ({"expose": [EXPOSED]}, "falcon"),
        ({"recorder": RECORDED}, "globex-prod-rec-0"),
        ({"recorder": {**RECORDED, "hostname": "falcon"}}, "falcon-0"),
    ],
)
def test_no_two_devices_of_two_stacks_have_one_name(tmp_path: Path, theirs: dict[str, Any], hostname: str) -> None:
    """A code name for the operator of one is not that of another's exposure, recorder or API either."""
    acme = stack(tmp_path, "acme", operator={"hostname": hostname})
    stack(tmp_path, "globex", **theirs)
    assert refused(tmp_path, "acme", acme) == [
        f'operator.hostname: Stack "globex-prod" has the host name "{hostname}" too.'
    ]


def test_an_exposures_name_is_not_another_stacks_operator(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", expose=[EXPOSED], credential={"acknowledge": ["devices:core"]})
    stack(tmp_path, "globex", operator={"hostname": "falcon"})
    assert refused(tmp_path, "acme", acme) == [
        'expose[0].hostname: Stack "globex-prod" has the host name "falcon" too.'
    ]


def test_one_security_group_is_one_stacks(tmp_path: Path) -> None:
    egress = {
        "target": "aws-security-group",
        "region": "eu-central-1",
        "securityGroup": "sg-01234567",
        "derp": "any443",
    }
    bounded = {**egress, "derp": ["198.51.100.0/24"], "certificateAuthority": "elsewhere"}
    acme = stack(tmp_path, "acme", egress=[{**egress, "securityGroup": "sg-89abcdef"}, egress])
    stack(tmp_path, "globex", egress=[bounded])
    assert refused(tmp_path, "acme", acme) == [
        'egress[1].securityGroup: Stack "globex-prod" has aws-security-group sg-01234567 too.'
    ]


def test_a_priority_is_one_stacks(tmp_path: Path) -> None:
    dns = {"target": "aws-dns-firewall", "region": "eu-central-1", "vpc": "vpc-01234567", "priority": 101}
    acme = stack(tmp_path, "acme", egress=[dns])
    stack(tmp_path, "globex", egress=[{**dns, "priority": 102}])
    assert refused(tmp_path, "acme", acme) == []
    stack(tmp_path, "initech", egress=[dns])
    assert refused(tmp_path, "acme", acme) == [
        'egress[0].priority: Stack "initech-prod" has aws-dns-firewall vpc-01234567 101 too.'
    ]


@pytest.mark.parametrize(
    "contents", ["", "config: 7", "config: {support-access:cluster: 7}", "[", "config: {7: 8}", "\x00"]
)
def test_a_stack_that_does_not_load_holds_up_no_other(tmp_path: Path, contents: str) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "one"})
    (tmp_path / "Pulumi.globex-prod.yaml").write_text(contents)
    assert refused(tmp_path, "acme", acme) == []


def test_a_wrong_stack_still_hears_of_its_neighbours(tmp_path: Path) -> None:
    acme = stack(tmp_path, "acme", cluster={"context": "one"}, operator={"version": "latest"})
    stack(tmp_path, "globex", cluster={"context": "one"})
    assert len(refused(tmp_path, "acme", acme)) == 2
