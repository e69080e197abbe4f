"""Of an exposure only what was meant is accepted; everything else is refused with what, why and how to mend it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from components.cluster.exposed_services import exposed_problems
from components.settings.environment import EnvironmentSettings
from components.settings.expose import KINDS, backends, privileged, run_by_operator
from components.settings.expose_checks import check_backends
from components.settings.load import load
from components.settings.problems import SettingsError
from tests.components.exposing import ALL, CONNECTOR, CROSS, EGRESS, INGRESS, LOCAL, S3, SERVICE, SIDECAR, SRE

LEAST: dict[str, Any] = {
    "customer": "acme",
    "environment": "prod",
    "cluster": {"context": "acme-prod"},
    "access": [{"from": SRE, "role": "read-only"}],
    "credential": {"acknowledge": ["devices:core"]},
}


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text(json.dumps({"contexts": [{"name": "acme-prod", "context": {"cluster": "acme-prod"}}]}))
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.delenv("SUPPORT_ACCESS_CHART_REPOSITORY", raising=False)


def flat(keys: dict[str, Any]) -> dict[str, str]:
    return {f"support-access:{k}": v if isinstance(v, str) else json.dumps(v) for k, v in keys.items() if v is not None}


def loaded(expose: list[Any], **keys: Any) -> EnvironmentSettings:
    settings = load("acme-prod", flat({**LEAST, "expose": expose, **keys}))
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refusals(expose: list[Any], **keys: Any) -> dict[str, str]:
    """Key to all that is said of it."""
    with pytest.raises(SettingsError) as caught:
        load("acme-prod", flat({**LEAST, "expose": expose, **keys}))
    for problem in caught.value.problems:
        assert all((problem.key, problem.what, problem.why, problem.mend))
    return {problem.key.removeprefix("support-access:"): str(problem) for problem in caught.value.problems}


def test_there_is_an_example_of_every_kind() -> None:
    assert {one["kind"] for one in ALL} == set(KINDS)
    assert [exposure.kind for exposure in loaded(ALL).expose] == [one["kind"] for one in ALL]


def test_all_private_networks_together_are_no_exit_node() -> None:
    private = ["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fd00:aaaa::/32"]
    assert loaded([{**CONNECTOR, "routes": private}]).expose[0].routes == tuple(private)  # type: ignore[union-attr]


def test_ports_have_one_spelling() -> None:
    assert loaded([{**SERVICE, "ports": [5432, "tcp:80", "udp:53"]}]).expose[0].ports == (  # type: ignore[union-attr]
        "tcp:5432",
        "tcp:80",
        "udp:53",
    )


def test_names_come_from_the_environment_unless_somebody_chose_others() -> None:
    settings = loaded([SERVICE, {**INGRESS, "hostname": "bluebird"}], recorder={"storage": LOCAL})
    assert [settings.exposure_hostname(one) for one in settings.expose] == ["acme-prod-db", "bluebird"]
    assert settings.recorder_name == "acme-prod-rec"


@pytest.mark.parametrize(
    ("expose", "by_operator", "needs_privilege"),
    [([], False, False), ([SIDECAR], False, False), ([INGRESS], True, False), ([SERVICE], True, True)]
    + [([one], True, True) for one in (EGRESS, CROSS, CONNECTOR)],
)
def test_what_an_exposure_asks_of_operator_and_namespace(
    expose: list[Any], by_operator: bool, needs_privilege: bool
) -> None:
    declared = loaded(expose).expose
    assert (run_by_operator(declared), privileged(declared)) == (by_operator, needs_privilege)


@pytest.mark.parametrize(
    ("wrong", "key", "said"),
    [
        ({**SERVICE, "kind": "loadbalancer"}, "[0].kind", "'service', 'cross-cluster', 'ingress'"),
        ({"name": "db"}, "[0].kind", "missing"),
        ("studio", "[0]", "group of settings"),
        ({**SERVICE, "name": "my-db"}, "[0].name", "no hyphen"),
        ({**SERVICE, "name": "kube"}, "[0].name", "the operator itself"),
        ({**SERVICE, "name": "rec"}, "[0].name", "session recorder"),
        ({**SERVICE, "namespace": "tailscale"}, "[0].namespace", "no namespace of a customer's"),
        ({**SERVICE, "namespace": "kube-system"}, "[0].namespace", "no namespace of a customer's"),
        ({**SERVICE, "service": "Postgres"}, "[0].service", "lower-case"),
        ({**SERVICE, "namespace": "default", "service": "kubernetes"}, "[0].service", "the API server itself"),
        ({**INGRESS, "namespace": "default", "service": "kubernetes"}, "[0].service", "the API server itself"),
        ({**CROSS, "namespace": "default", "service": "kubernetes"}, "[0].service", "the API server itself"),
        ({**SERVICE, "ports": []}, "[0].ports", "empty"),
        ({**SERVICE, "ports": ["*"]}, "[0].ports", "not one port"),
        ({**SERVICE, "ports": ["1-65535"]}, "[0].ports", "not one port"),
        ({**SERVICE, "ports": [0]}, "[0].ports", "not one port"),
        ({**SERVICE, "ports": [70000]}, "[0].ports", "not one port"),
        ({**SERVICE, "ports": [True]}, "[0].ports", "not one port"),
        ({**SERVICE, "ports": [80, "tcp:80"]}, "[0].ports", "twice"),
        ({**SERVICE, "ports": 80}, "[0].ports", "list"),
        ({**SERVICE, "from": "autogroup:member"}, "[0].from", "not a group"),
        ({**SERVICE, "from": "ada@example.com"}, "[0].from", "not a group"),
        ({**SERVICE, "from": "tag:ci"}, "[0].from", "not a group"),
        ({**SERVICE, "from": "group:killed-acme-prod"}, "[0].from", "kill"),
        ({**INGRESS, "funnel": True}, "[0].funnel", "public on the internet"),
        ({**SERVICE, "funnel": True}, "[0].funnel", "public on the internet"),
        ({**INGRESS, "ports": [443]}, "[0].ports", '"port"'),
        ({**INGRESS, "hostname": "a.b"}, "[0].hostname", "host name"),
        ({**INGRESS, "hostname": "acme-prod-kube"}, "[0].hostname", "the operator"),
        ({**EGRESS, "fqdn": "artifacts.example.com"}, "[0].fqdn", "ts.net"),
        ({**EGRESS, "fqdn": "*.tail0000.ts.net"}, "[0].fqdn", "ts.net"),
        ({**EGRESS, "to": "group:highflame-sre"}, "[0].to", "not a tag"),
        ({**EGRESS, "to": "tag:kube-globex-prod"}, "[0].to", "customer's tag"),
        ({**EGRESS, "to": "tag:support-access-deployer"}, "[0].to", "customer's tag"),
        ({**EGRESS, "to": None}, "[0].peer", "Neither"),
        ({**EGRESS, "peer": {"environment": "dev", "exposure": "db"}}, "[0].peer", "Both"),
        ({**CROSS, "peer": {"environment": "dev-1", "exposure": "db"}}, "[0].peer.environment", "no hyphen"),
        ({**CONNECTOR, "routes": []}, "[0].routes", "missing"),
        ({**CONNECTOR, "routes": ["0.0.0.0/0"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["::/0"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["2000::/3"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["0.0.0.0/2", "64.0.0.0/3"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["8.0.0.0/7"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": [f"{first}.0.0.0/8" for first in range(1, 100)]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["2001:db8::/32", "2001:db9::/32", "2001:dba::/48"]}, "[0].routes", "exit node"),
        ({**CONNECTOR, "routes": ["10.20.0.1/24"]}, "[0].routes", "host bits"),
        ({**CONNECTOR, "routes": ["100.64.0.0/16"]}, "[0].routes", "tailnet's own"),
        ({**CONNECTOR, "routes": ["100.0.0.0/8"]}, "[0].routes", "tailnet's own"),
        ({**CONNECTOR, "routes": ["169.254.169.254/32"]}, "[0].routes", "no router forwards"),
        ({**CONNECTOR, "routes": ["64:ff9b::/96"]}, "[0].routes", "holds addresses of IPv4"),
        ({**CONNECTOR, "routes": ["64:ff9b::a9fe:a9fe/128"]}, "[0].routes", "holds addresses of IPv4"),
        ({**CONNECTOR, "routes": ["::ffff:10.0.0.0/104"]}, "[0].routes", "holds addresses of IPv4"),
        ({**CONNECTOR, "routes": ["168.63.129.0/24"]}, "[0].routes", "tells a node its credentials"),
        ({**CONNECTOR, "routes": ["fd00:ec2::254/128"]}, "[0].routes", "tells a node its credentials"),
        ({**CONNECTOR, "routes": ["fd20:ce::/32"]}, "[0].routes", "tells a node its credentials"),
        ({**CONNECTOR, "routes": ["10.0.0.0/8", "10.1.0.0/16"]}, "[0].routes", "overlap"),
        ({**CONNECTOR, "exitNode": True}, "[0].exitNode", "group of settings"),
        ({**CONNECTOR, "exitNode": {"reason": "because"}}, "[0].exitNode.reason", "not a reason"),
        ({**SIDECAR, "workload": {"kind": "Pod", "name": "x", "pods": "one"}}, "[0].workload.kind", "'Deployment'"),
    ],
)
def test_a_wrong_exposure_is_named_by_its_key(wrong: Any, key: str, said: str) -> None:
    given = {k: v for k, v in wrong.items() if v is not None} if isinstance(wrong, dict) else wrong
    assert said in refusals([given])[f"expose{key}"]


@pytest.mark.parametrize(
    ("second", "key", "said"),
    [
        ({**INGRESS, "name": "db"}, "expose[1].name", 'called "db" too'),
        ({**INGRESS, "hostname": "acme-prod-db"}, "expose[1].hostname", 'exposure "db" too'),
        ({**SERVICE, "name": "pg"}, "expose[1].service", "one set of annotations"),
        ({**CROSS, "service": "postgres"}, "expose[1].service", "one set of annotations"),
        ({**EGRESS, "service": "postgres"}, "expose[1].service", "must not be one that another"),
    ],
)
def test_two_exposures_do_not_take_each_others_place(second: Any, key: str, said: str) -> None:
    assert said in refusals([SERVICE, second])[key]


def test_names_that_a_cluster_takes_are_taken() -> None:
    """A namespace may begin with a digit, and what is no Service may have dots."""
    secret = {"storage": {**{k: v for k, v in S3.items() if k != "role"}, "secret": "2027.bucket"}}
    workload = {**SIDECAR["workload"], "name": "2.worker"}
    (exposed,) = loaded([{**SIDECAR, "namespace": "2027-shop", "workload": workload}], recorder=secret).expose
    assert exposed.namespace == "2027-shop"  # type: ignore[union-attr]


def test_two_connectors_do_not_lead_into_one_network() -> None:
    other = {**CONNECTOR, "name": "lab", "routes": ["10.0.0.0/8"]}
    assert "overlap" in refusals([CONNECTOR, other])["expose[1].routes"]
    assert loaded([CONNECTOR, {**other, "routes": ["10.30.0.0/16"]}]).expose


def test_a_service_may_be_exposed_and_served_over_https_too() -> None:
    assert len(loaded([SERVICE, {**INGRESS, "namespace": "data", "service": "postgres"}]).expose) == 2


def test_an_exit_node_needs_no_routes_but_a_reason() -> None:
    named = {**CONNECTOR, "exitNode": {"reason": "the licence server admits this address"}}
    named.pop("routes")
    assert loaded([named]).expose[0].exit_node is not None  # type: ignore[union-attr]


def test_a_sidecars_key_does_not_travel_by_hand() -> None:
    assert "the customer installs" in refusals([SIDECAR], cluster=None)["expose[0].kind"]


def test_no_two_stacks_have_one_host_name(tmp_path: Path) -> None:
    theirs = "config:\n  support-access:expose:\n  - {name: x, kind: ingress, hostname: acme-prod-db}\n"
    (tmp_path / "Pulumi.globex-prod.yaml").write_text(theirs)
    with pytest.raises(SettingsError) as caught:
        load("acme-prod", flat({**LEAST, "expose": [SERVICE]}), stacks_dir=tmp_path)
    assert ["globex-prod" in problem.what for problem in caught.value.problems] == [True]


@pytest.mark.parametrize(
    ("storage", "key", "said"),
    [
        ({"kind": "disk"}, "kind", "'s3', 'local'"),
        ({"kind": "local"}, "viewers", "missing"),
        ({**LOCAL, "viewers": "autogroup:admin"}, "viewers", "not a group"),
        ({**S3, "endpoint": "https://s3.example.com"}, "endpoint", "URL"),
        ({**S3, "endpoint": "s3.example.com:0"}, "endpoint", "no number"),
        ({**S3, "bucket": "a/b"}, "bucket", "bucket's name"),
        ({**S3, "secret": None}, "role", "Neither"),
        ({**S3, "role": "arn:aws:iam::1:role/x"}, "role", "Both"),
    ],
)
def test_a_wrong_recorder_is_named_by_its_key(storage: dict[str, Any], key: str, said: str) -> None:
    given = {name: value for name, value in storage.items() if value is not None}
    assert said in refusals([], recorder={"storage": given})[f"recorder.storage.{key}"]


def test_the_recorders_pod_has_room_for_its_name() -> None:
    assert "52" in refusals([], recorder={"storage": LOCAL, "hostname": "r" * 53})["recorder.hostname"]


LONGEST = {"customer": "a" * 32, "environment": "b" * 16}


def of_the_longest(expose: list[Any], **keys: Any) -> dict[str, str]:
    """Problems of the environment with the longest name, but that its kubeconfig is another's."""
    config = flat({**LEAST, **LONGEST, "expose": expose, **keys})
    with pytest.raises(SettingsError) as caught:
        load(f"{LONGEST['customer']}-{LONGEST['environment']}", {**config, "support-access:cluster": "{}"})
    found = {problem.key.removeprefix("support-access:"): problem.mend for problem in caught.value.problems}
    assert found.pop("cluster.context")
    return found


def test_a_name_that_comes_by_itself_has_room_too() -> None:
    recorder = {"storage": LOCAL}
    mend = of_the_longest([], recorder=recorder)["recorder.hostname"].split()[-1]
    assert of_the_longest([], recorder={**recorder, "hostname": mend}) == {}
    last = {**SERVICE, "name": "c" * 13}
    assert of_the_longest([last]) == {}, "63 characters"
    mend = of_the_longest([{**last, "name": "c" * 14}])["expose[0].hostname"].split()[-1]
    assert of_the_longest([{**last, "name": "c" * 14, "hostname": mend}]) == {}


# --- what only the cluster knows ---------------------------------------------------------------------------

POSTGRES = {"spec": {"clusterIP": "10.96.0.9", "ports": [{"port": 5432, "protocol": "TCP"}]}}


def backend_problems(expose: list[Any], services: dict[tuple[str, str], Any]) -> list[str]:
    return [str(problem) for problem in check_backends("acme-prod", loaded(expose).expose, services)]


def test_what_is_there_with_its_ports_is_right() -> None:
    assert backend_problems([SERVICE], {("data", "postgres"): POSTGRES}) == []


def test_a_service_that_is_not_there_is_told_with_those_that_are() -> None:
    found = backend_problems([SERVICE], {("data", "pg"): POSTGRES, ("web", "ui"): POSTGRES})
    assert 'has no Service "postgres"; it has pg.' in found[0]
    assert "it has none" in backend_problems([SERVICE], {})[0]


def test_a_port_that_it_has_not_is_told_with_those_that_it_has() -> None:
    found = backend_problems([{**SERVICE, "ports": [5432, 6432, "udp:5432"]}], {("data", "postgres"): POSTGRES})
    assert ["expose[0].ports" in problem for problem in found] == [True, True]
    assert "has no port tcp:6432; it has tcp:5432" in found[0]
    found = backend_problems([INGRESS], {("studio", "studio-ui"): POSTGRES})
    assert "expose[0].port\n" in found[0]


@pytest.mark.parametrize("address", ["None", "", None])
def test_a_service_without_an_address_of_its_own_cannot_be_exposed(address: Any) -> None:
    headless = {"spec": {**POSTGRES["spec"], "clusterIP": address}}
    assert "no address of its own" in backend_problems([SERVICE], {("data", "postgres"): headless})[0]


def test_only_what_stands_before_it_is_looked_at() -> None:
    assert [place[:2] for place in backends(loaded(ALL).expose)] == [
        ("data", "postgres"),
        ("studio", "studio-ui"),
        ("data", "reports"),
    ]


@pytest.mark.parametrize(
    ("tags", "said"),
    [
        ("tag:svc-acme-prod-pg", "in an update of its own first"),
        ("tag:k8s", "Mend: whoever has set it takes it off"),
        ("tag:svc-acme-prod-db", None),
        (None, None),
    ],
)
def test_a_service_that_has_a_tag_already_is_told_at_preview(tags: str | None, said: str | None) -> None:
    """The API server refuses ours, but for a patch only at `up`, when the policy has changed already."""
    notes = {"annotations": {"tailscale.com/tags": tags}} if tags else {}
    found = exposed_problems(lambda path: [{"metadata": {"name": "postgres", **notes}, **POSTGRES}], loaded([SERVICE]))
    assert len(found) == (said is not None)
    if said:
        assert f"it has {tags} already" in found[0]
        assert said in found[0]
        assert "kubectl annotate service postgres -n data tailscale.com/expose- tailscale.com/tags-" in found[0]


@pytest.mark.parametrize(
    ("address", "version", "refused"),
    [
        ("fd00:10:96::9", "v1.96.5", True),
        ("fd00:10:96::9", "v1.98.10", True),
        ("fd00:10:96::9", "v1.100.0", False),
        ("10.96.0.9", "v1.96.5", False),
    ],
)
def test_preview_refuses_an_ingress_to_ipv6_with_an_operator_that_cannot_reach_it(
    address: str, version: str, refused: bool
) -> None:
    service = {"metadata": {"name": "studio-ui"}, "spec": {"clusterIP": address, "ports": [{"port": 8080}]}}
    found = exposed_problems(lambda path: [service], loaded([INGRESS], operator={"version": version}))
    assert len(found) == refused
    if refused:
        assert "studio/studio-ui has the ClusterIP fd00:10:96::9" in found[0]
        assert "https://github.com/tailscale/tailscale/issues/19338" in found[0]
        assert found[0].endswith("support-access:operator.version v1.100.0")


def test_each_namespace_is_asked_once_and_only_where_something_is_exposed() -> None:
    asked: list[str] = []

    def whole(path: str) -> list[dict[str, Any]]:
        asked.append(path)
        return [{"metadata": {"name": "postgres"}, **POSTGRES}]

    found = exposed_problems(whole, loaded(ALL))
    assert asked == ["/api/v1/namespaces/data/services", "/api/v1/namespaces/studio/services"]
    assert ["expose[1].service" in found[0], "expose[3].service" in found[1]] == [True, True]
    asked.clear()
    assert exposed_problems(whole, loaded([SIDECAR])) == []
    assert asked == []
