"""On a real API server: what install.sh makes is deleted with the namespace, or with the owner of what is served."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from components.settings.environment import EnvironmentSettings
from sandbox import chart, tools
from sandbox.world import World
from supportctl.handoff.bundle import bundle
from supportctl.handoff.folder import write_folder
from tests.components.exposing import INGRESS
from tests.sandbox.operator.conftest import eventually
from tests.supportctl.handing_over import SETTINGS, USERS

CONTEXT = "acme-prod"
SECONDS = 120
OURS = ("-A", "-l", "app.kubernetes.io/managed-by=support-access", "-o", "json")
HELM = """#!/bin/sh
exec kubectl --context {context} apply --server-side -f {definitions} >/dev/null
"""
"""In place of the chart only its definitions: an operator would need a tailnet."""
DECLARED = {
    "access": [
        {"from": "group:highflame-sre", "role": "read-only"},
        {"from": "group:network", "role": "namespaces", "namespaces": ["studio"]},
    ],
    "expose": [INGRESS],
    "credential": {"acknowledge": ["devices:core"]},
}


class Customer:
    """Who runs the scripts of one folder."""

    def __init__(self, world: World, folder: Path) -> None:
        self.folder = folder
        self._env = {**world.env, "PATH": f"{folder.parent}:{world.env['PATH']}"}

    def run(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        return subprocess.run(words, env=self._env, capture_output=True, text=True, check=check, timeout=SECONDS)

    def kubectl(self, *words: str, check: bool = True) -> str:
        return self.run("kubectl", "--context", CONTEXT, *words, check=check).stdout

    def script(self, name: str, *, check: bool = True) -> str:
        return self.run(str(self.folder / name), CONTEXT, check=check).stdout

    def install(self) -> None:
        """As the README says: the namespace first, then the credential, then the rest."""
        self.script("install.sh", check=False)
        given = ("-n", "tailscale", "create", "secret", "generic", "operator-oauth-1", "--from-literal=client_id=x")
        self.kubectl(*given, check=False)
        self.script("install.sh")

    def owners(self, kinds: str) -> dict[str, list[str]]:
        """Name of each object of ours to the uids of its owners."""
        items: list[dict[str, Any]] = json.loads(self.kubectl("get", kinds, *OURS))["items"]
        return {
            f"{one['kind']} {one['metadata']['name']}": [
                owner["uid"] for owner in one["metadata"].get("ownerReferences", [])
            ]
            for one in items
            if not one["metadata"].get("deletionTimestamp")
        }

    def given_owner(self, role: str, kind: str, name: str) -> None:
        """Gives a ClusterRole another owner, as install.sh does."""
        reference = {"apiVersion": "v1", "kind": kind, "name": name, "uid": self.uid(kind, name)}
        metadata = {"name": role, "ownerReferences": [reference]}
        file = self.folder.parent / "owner.json"
        file.write_text(
            json.dumps({"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "ClusterRole", "metadata": metadata})
        )
        self.kubectl("apply", "--server-side", "--field-manager=support-access-owner", "-f", str(file))

    def uid(self, kind: str, name: str) -> str:
        return self.kubectl("get", kind, name, "-o", "jsonpath={.metadata.uid}")


@pytest.fixture
def customer(world: World, tmp_path: Path) -> Iterator[Customer]:
    definitions = tools.module_folder(chart.PINNED, chart.MODULE) / chart.DEPLOY / "crds"
    (tmp_path / "helm").write_text(HELM.format(context=CONTEXT, definitions=definitions))
    (tmp_path / "helm").chmod(0o755)
    write_folder(tmp_path / "out", bundle(EnvironmentSettings.model_validate({**SETTINGS, **DECLARED}), USERS))
    customer = Customer(world, tmp_path / "out")
    customer.kubectl("create", "namespace", "studio")
    yield customer
    customer.kubectl("delete", "namespace", "tailscale", "studio", "--ignore-not-found")
    customer.kubectl("delete", "clusterroles,clusterrolebindings", *OURS[1:3])
    customer.kubectl("delete", "--ignore-not-found", "-f", str(definitions))


ROLES = "clusterroles,clusterrolebindings,rolebindings"
SERVED = "ingresses,proxyclasses"
HOLDER = "ClusterRole support-access-proxies"


def test_the_namespace_takes_all_roles_with_it_and_what_is_served_goes_with_its_owner(customer: Customer) -> None:
    customer.install()
    namespace, holder = customer.uid("namespace", "tailscale"), customer.uid("clusterrole", "support-access-proxies")
    roles = customer.owners(ROLES)
    assert roles.pop(HOLDER) == []
    assert {name.partition(" ")[0] for name in roles} == {"ClusterRole", "ClusterRoleBinding", "RoleBinding"}
    assert set(map(tuple, roles.values())) == {(namespace,)}
    served = customer.owners(SERVED)
    assert served.keys() == {"Ingress support-access-studio", "ProxyClass support-access"}
    assert set(map(tuple, served.values())) == {(holder,)}
    seen = customer.script("verify.sh", check=False)
    assert "ok    deleting namespace tailscale deletes every role and binding that gives access" in seen
    assert "ok    deleting ClusterRole support-access-proxies deletes everything that the operator serves" in seen

    # A reference to another uid, as an earlier namespace leaves it, is reported, and the next run replaces it.
    customer.given_owner("highflame-sre", "Namespace", "studio")
    assert "WRONG deleting namespace tailscale" in customer.script("verify.sh", check=False)
    customer.script("install.sh")
    assert customer.owners("clusterroles")["ClusterRole highflame-sre"] == [namespace]

    customer.kubectl("delete", "namespace", "tailscale")
    eventually(lambda: customer.owners(ROLES).keys() == {HOLDER}, SECONDS)
    assert customer.owners(SERVED) == served, "without the operator their finalizers would stay"

    # The namespace is made anew, under another uid.
    customer.install()
    assert customer.uid("namespace", "tailscale") != namespace
    again = customer.owners(ROLES)
    assert again.pop(HOLDER) == []
    assert again.keys() == roles.keys()
    assert set(map(tuple, again.values())) == {(customer.uid("namespace", "tailscale"),)}
    assert "WRONG deleting" not in customer.script("verify.sh", check=False)

    customer.kubectl("delete", "clusterrole", "support-access-proxies")
    eventually(lambda: customer.owners(SERVED) == {}, SECONDS)
    assert "WRONG deleting ClusterRole support-access-proxies" in customer.script("verify.sh", check=False)
