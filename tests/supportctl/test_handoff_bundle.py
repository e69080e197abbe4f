"""The texts of a handoff say exactly what the stack declares."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
import yaml

from components.naming import OPERATOR_SERVICE_ACCOUNT
from supportctl.handoff.bundle import KINDS, bundle
from tests.components.exposing import ALL, LOCAL
from tests.supportctl.handing_over import USERS, declared, federated, texts


def test_the_objects_are_those_of_the_settings_and_the_allowlist_is_the_stacks() -> None:
    files = texts()
    role, binding, *others = yaml.safe_load_all(files["rbac.yaml"])
    assert {rule["resources"][0]: rule["resourceNames"] for rule in role["rules"]} == {
        "groups": ["highflame-sre"],
        "users": USERS,
    }
    assert [one["name"] for one in binding["subjects"]] == [OPERATOR_SERVICE_ACCOUNT]
    assert [one["kind"] for one in others] == ["ClusterRole", "ClusterRoleBinding", "ClusterRoleBinding"]
    hosts = {row["host"] for row in json.loads(files["egress.json"])["destinations"]}
    assert {"api.tailscale.com", "acme-v02.api.letsencrypt.org", "*.tailscale.com"} <= hosts
    assert all(f"`{host}`" in files["egress.md"] for host in hosts)
    assert "node:os == 'macos'" in files["README.md"]


@pytest.mark.parametrize("bent", [{}, federated()], ids=["secret", "federated"])
@pytest.mark.parametrize("name", ["install.sh", "verify.sh"])
def test_a_script_is_a_script(bent: dict[str, Any], name: str) -> None:
    text = texts(**bent)[name]
    subprocess.run(["sh", "-n"], input=text, text=True, check=True)
    assert "{{" not in text


def test_what_an_exposure_adds_is_installed_and_taken_back_by_the_same_words() -> None:
    exposed = {"kind": "service", "name": "db", "namespace": "shop", "service": "postgres", "ports": [5432]}
    files = texts(expose=[{**exposed, "from": "group:highflame-sre"}], credential={"acknowledge": ["devices:core"]})
    assert "annotate service postgres tailscale.com/expose=true" in files["install.sh"]
    assert "annotate service postgres tailscale.com/expose- " in files["uninstall.md"]
    assert "annotations on your Service shop/postgres" in files["README.md"]
    assert "delete every device of the tailnet" in files["README.md"], "the reach of the credential is told"


def test_who_may_be_anybody_is_said_and_no_check_denies_it() -> None:
    files = bundle(declared(anyUser={"reason": "people change daily at the vendor"}), [])
    assert "may act as any user of the cluster" in files["README.md"]
    assert "may not become just anybody" not in files["verify.sh"]
    assert "may not become system:masters" in files["verify.sh"]


AVAILABLE = {
    "operator": {"apiServerProxy": {"replicas": 2}},
    "credential": {"acknowledge": ["devices:core", "services"]},
}


CONNECTOR = {"kind": "connector", "name": "net", "routes": ["10.20.0.0/24"], "ports": [22], "from": "group:a"}


def switch(**more: Any) -> str:
    """The commands of the customer's kill switch with what is said about them."""
    text = texts(**more)["uninstall.md"]
    return text.split("## Cut it now")[1].split("## Check that it is gone")[0]


def test_the_customers_switch_is_the_release_and_the_namespace() -> None:
    said = switch()
    assert "kubectl --context CONTEXT delete namespace tailscale" in said
    assert said.index("helm uninstall tailscale-operator") < said.index("delete namespace tailscale")
    assert "support-access-proxies" not in texts()["uninstall.md"]
    assert "Either line ends every way in" in said


@pytest.mark.parametrize(
    "more",
    [AVAILABLE, {"expose": [CONNECTOR]}, {"recorder": {"storage": {"kind": "local", "viewers": "group:a"}}}],
    ids=["replicas", "connector", "recorder"],
)
def test_where_something_is_served_its_owner_is_deleted_while_the_operator_runs(more: dict[str, Any]) -> None:
    """The proxies are StatefulSets of the operator's making, and only it takes its finalizers off."""
    said = switch(**more)
    order = ("delete clusterrole support-access-proxies", "helm uninstall", "delete namespace tailscale")
    assert [said.index(step) for step in order] == sorted(said.index(step) for step in order)
    assert "Either line ends every way in" not in said
    assert "patch -f objects.yaml" in texts(**more)["uninstall.md"]


def test_where_no_script_made_owners_one_command_deletes_by_label() -> None:
    text = texts()["uninstall.md"]
    assert "GitOps" in text
    assert (
        "delete clusterrolebindings,rolebindings,clusterroles -A -l app.kubernetes.io/managed-by=support-access" in text
    )


def owners(script: str) -> dict[str, dict[str, Any]]:
    """`KIND/NAMESPACE/NAME` to the one owner that install.sh gives it."""
    found = [json.loads(line) for line in script.splitlines() if line.startswith('{"apiVersion"')]
    return {
        f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']}": owner
        for one in found
        for (owner,) in [one["metadata"]["ownerReferences"]]
    }


def test_the_script_gives_an_owner_to_everything_outside_of_the_namespace_but_to_owners() -> None:
    wide = {
        **AVAILABLE,
        "access": [
            {"from": "group:a", "role": "namespaces", "namespaces": ["shop"]},
            {"from": "group:b", "role": "read-only"},
        ],
        "expose": [one for one in ALL if one["kind"] != "sidecar"],
        "recorder": {"storage": LOCAL},
        "networkPolicy": {"form": "cilium-sni"},
    }
    files = texts(**wide)
    made = [*yaml.safe_load_all(files["rbac.yaml"]), *yaml.safe_load_all(files["objects.yaml"])]
    places = {f"{one['kind']}/{one['metadata'].get('namespace', '')}/{one['metadata']['name']}" for one in made}
    owned = owners(files["install.sh"])
    assert places - owned.keys() == {
        "ServiceAccount/tailscale/kube-apiserver-auth-proxy",
        "CiliumNetworkPolicy/tailscale/support-access",
        "ClusterRole//support-access-proxies",
    }
    assert owned.keys() <= places
    roles = ("ClusterRole", "ClusterRoleBinding", "RoleBinding")
    for place, owner in owned.items():
        namespace = ("Namespace", "tailscale")
        holder = ("ClusterRole", "support-access-proxies")
        assert (owner["kind"], owner["name"]) == (namespace if place.startswith(roles) else holder), place
        assert owner["uid"] == "OWNER_UID", "the uid is read from the cluster, at every run"
    assert not [name for name, text in files.items() if name.endswith(".yaml") and "ownerReferences" in text]


def test_the_audit_log_is_told_by_who_calls() -> None:
    def told(**more: Any) -> list[str]:
        text = texts(**more)["README.md"]
        return [line for line in text.splitlines() if line.startswith("Each call is in your audit log")]

    assert ["serviceaccount:tailscale:operator`" in line for line in told()] == [True]
    assert ["serviceaccount:tailscale:kube-apiserver-auth-proxy`" in line for line in told(**AVAILABLE)] == [True]
    own = [{"from": "group:highflame-sre", "role": "own-credential"}]
    noauth = told(access=own, operator={"apiServerProxy": {"mode": "noauth"}})
    assert ["serviceaccount" in line for line in noauth] == [False]


def test_what_is_exposed_beside_the_api_is_told_with_who_reaches_it_and_on_which_ports() -> None:
    expose = [one for one in ALL if one["kind"] != "sidecar"]
    wide = {"expose": expose, "credential": {"acknowledge": ["devices:core"]}, "recorder": {"storage": LOCAL}}
    said = texts(**wide)["README.md"]
    for line in (
        "| db | Service data/postgres | group:highflame-sre | tcp:5432 |",
        "| studio | Service studio/studio-ui, port 8080 | group:highflame-sre | tcp:443 |",
        "| artifacts | artifacts.tail0000.ts.net, by your Service data/artifacts | your workloads | tcp:443 |",
        "| reports | Service data/reports | your environment dev | tcp:9000, udp:9000 |",
        "| net | 10.20.0.0/24, 10.21.0.0/24 | group:network | tcp:22 |",
    ):
        assert line in said.splitlines()
    assert "Sessions of exec and attach are recorded" in said
    assert "## What else" not in texts()["README.md"]


def test_a_handoff_with_privileged_proxies_names_the_platforms_that_refuse_them() -> None:
    acknowledged = {"credential": {"acknowledge": ["devices:core"]}}
    for expose, privileged in ((ALL, True), ([one for one in ALL if one["kind"] == "ingress"], False)):
        said = texts(expose=[one for one in expose if one["kind"] != "sidecar"], **acknowledged)["README.md"]
        for words in ("GKE Autopilot", "Fargate", "system:openshift:scc:privileged"):
            assert (words in said) is privileged


@pytest.mark.parametrize("mode", ["noauth", "none"])
def test_where_nobody_is_impersonated_there_are_no_roles_to_apply_or_to_tell_of(mode: str) -> None:
    """kubectl refuses a file without objects, and the installation would end there."""
    noauth = [{"from": "group:highflame-sre", "role": "own-credential"}]
    bent = {
        "access": noauth if mode == "noauth" else [],
        "expose": [one for one in ALL if one["kind"] == "ingress"],
        "operator": {"apiServerProxy": {"mode": mode}},
        "credential": {"acknowledge": ["devices:core"]},
    }
    files = bundle(declared(**bent), [])
    assert [name for name, text in files.items() if not text.strip()] == []
    assert "rbac.yaml" not in files
    assert [name for name, text in files.items() if "rbac.yaml" in text] == []
    assert "apply objects.yaml" in files["install.sh"]


def test_where_the_api_is_not_served_nobody_is_said_to_come_in_by_it() -> None:
    none = {
        "access": [],
        "expose": [one for one in ALL if one["kind"] == "service"],
        "operator": {"apiServerProxy": {"mode": "none"}},
        "credential": {"acknowledge": ["devices:core"]},
    }
    said = bundle(declared(**none), [])["README.md"]
    assert "The API of the cluster is not served" in said
    assert "brings a credential of yours" not in said
    assert "audit log" not in said


def test_nothing_is_applied_by_hand_before_the_script_has_looked_for_another_operator() -> None:
    """The namespace's labels alone would keep the pods of an operator of the customer's out of it."""
    files = texts()
    steps = files["README.md"].split("## Install")[1]
    assert steps.index("./install.sh CONTEXT") < steps.index("apply --server-side -f -")
    assert "-f namespace.yaml" not in steps
    script = files["install.sh"]
    looked, removed = script.index("another Tailscale operator"), script.index('delete "$kind"')
    assert looked < removed < script.index("apply namespace.yaml")


def test_every_object_that_is_handed_over_is_of_a_kind_that_a_later_handoff_takes_away() -> None:
    """One that is left out would stay as wide as it was."""
    everything = {
        **AVAILABLE,
        "access": [
            {"from": "group:a", "role": "namespaces", "namespaces": ["shop"]},
            {"from": "group:b", "role": "read-only"},
        ],
        "expose": [one for one in ALL if one["kind"] != "sidecar"],
        "recorder": {"storage": LOCAL},
        "networkPolicy": {"form": "cilium-sni"},
    }
    files = texts(**everything)
    handed = [*yaml.safe_load_all(files["rbac.yaml"]), *yaml.safe_load_all(files["objects.yaml"])]
    kinds = {one["kind"].lower() for one in handed}
    assert kinds >= {"serviceaccount", "rolebinding", "proxygroup", "proxyclass", "connector", "recorder", "ingress"}
    plurals = {plural.partition(".")[0] for plural in KINDS}
    assert [kind for kind in kinds if not {f"{kind}s", f"{kind}es", f"{kind[:-1]}ies"} & plurals] == []
    assert all(one["metadata"]["labels"].items() >= declared().names.labels.items() for one in handed)
    assert all(f"{one['kind']}/{one['metadata'].get('namespace', '')}/" in files["install.sh"] for one in handed)


def test_the_secret_of_an_earlier_credential_goes_once_the_operator_is_given_another() -> None:
    """Also of one that the cluster's own tokens have replaced. The one that is mounted stays."""
    for bent, kept in (
        ({}, " --field-selector 'metadata.name!=operator-oauth-1'"),
        ({"credential": {"generation": 2}}, " --field-selector 'metadata.name!=operator-oauth-2'"),
        (federated(), ""),
    ):
        script = texts(**bent)["install.sh"]
        (line,) = [line for line in script.splitlines() if "delete secret" in line]
        assert line == f'kube -n tailscale delete secrets -l "$ours"{kept}'
        assert script.index("helm upgrade") < script.index(line)
