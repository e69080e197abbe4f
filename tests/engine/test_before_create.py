"""What is asked before something is made, under the real engine: at preview and at update, and never on the way out."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from components.naming import Names
from tests.providers.cluster.api_server import Answer, serving
from tests.providers.policies import ACME
from tests.providers.tailnet_api import SEED, Api, put_policy, running_api
from tests.sandbox.pulumi_project import Project

pytestmark = pytest.mark.engine

ROOT = Path(__file__).parents[2]
HEAD = f"""
import sys
sys.path.insert(0, {str(ROOT)!r})
import pulumi
from datetime import datetime
from components.naming import Names
names = Names("acme", "prod")
"""
UNINSTALLED = """
from components.cluster.reinstall import ask_before_reinstall
from providers.tailnet.resources import DeviceCleanup, Provider
tailnet = Provider("tailnet")
hooks = pulumi.ResourceHookBinding(before_create=[ask_before_reinstall(names, {agreed}, tailnet)])
options = pulumi.ResourceOptions(provider=tailnet, hooks=hooks)
DeviceCleanup("release", customer="acme", environment="prod", opts=options)
"""
"""What stands for the release is a resource that makes nothing; the question is the program's own."""

THERE = """
import pulumi_kubernetes as kubernetes
from components.cluster.leftovers import refuse_leftovers
from components.settings.environment import Cluster
hooks = refuse_leftovers(names, Cluster(context="acme-prod"))
in_cluster = kubernetes.Provider("in-cluster", context="acme-prod")
options = pulumi.ResourceOptions(provider=in_cluster, hooks=hooks)
kubernetes.core.v1.Namespace("namespace", metadata={"name": "tailscale"}, opts=options)
kubernetes.rbac.v1.ClusterRole("role", metadata={"name": "highflame-sre"}, rules=[], opts=options)
"""


@pytest.fixture
def api() -> Iterator[Api]:
    with running_api(SEED) as api:
        put_policy(api, api.text.replace('"tagOwners": {', f'"tagOwners": {{ "{ACME.kube_tag}": ["autogroup:admin"],'))
        yield api


@pytest.fixture
def project(api: Api, tmp_path: Path) -> Project:
    found = Project(tmp_path, {**api.environ, "KUBECONFIG": str(tmp_path / "kubeconfig")})
    with (found.folder / "Pulumi.yaml").open("a") as file:
        file.write(f"plugins:\n  providers:\n    - name: tailnet\n      path: {ROOT / 'providers' / 'tailnet'}\n")
    return found


def uninstalled(agreed: datetime | None) -> str:
    when = "None" if agreed is None else f"datetime.fromisoformat({agreed.isoformat()!r})"
    return HEAD + UNINSTALLED.format(agreed=when)


def test_an_installation_that_was_there_is_asked_about_and_its_end_is_not(project: Project, api: Api) -> None:
    project.program(uninstalled(None))
    project.up()
    project.run("preview", "--expect-no-changes")
    project.run("destroy", "--yes", "--skip-preview")  # runs no program, so no hook: with one, it would refuse

    api.poll(api.register("acme-prod-kube", [ACME.kube_tag]), online=False)
    for command in (("preview",), ("up", "--yes", "--skip-preview")):
        said = project.run(*command, fails=True)
        assert "the operator of acme-prod was in the cluster before (acme-prod-kube." in said
        assert "pulumi config set --stack acme-prod --path support-access:operator.reinstall" in said
        assert "Traceback" not in said

    project.program(uninstalled(datetime.now(UTC) - timedelta(hours=1)))
    assert "somebody has uninstalled it" in project.run("up", "--yes", "--skip-preview", fails=True)
    project.program(uninstalled(datetime.now(UTC)))
    project.up()
    project.run("destroy", "--yes", "--skip-preview")


def holds(labels: dict[str, dict[str, str]]) -> Callable[[str, dict[str, str]], Answer]:
    """Answers of an API server that holds these objects, name to labels, whatever their kind."""

    def answer(path: str, _: dict[str, str]) -> Answer:
        name = path.rpartition("/")[2]
        return (200, {"metadata": {"name": name, "labels": labels[name]}}) if name in labels else (404, {})

    return answer


def test_what_is_in_the_cluster_already_is_told_at_preview_all_at_once(project: Project, tmp_path: Path) -> None:
    project.program(HEAD + THERE)
    of_ours, others = Names("acme", "prod").labels, Names("globex", "prod").labels
    with serving(holds({"highflame-sre": of_ours, "tailscale": others})) as server:
        kubeconfig = {
            "clusters": [{"name": "c", "cluster": {"server": server.url}}],
            "contexts": [{"name": "acme-prod", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
        }
        (tmp_path / "kubeconfig").write_text(json.dumps(kubeconfig))
        said = project.run("preview", fails=True)
        assert "Namespace tailscale is in the cluster acme-prod already and belongs to globex-prod" in said
        assert (
            "ClusterRole highflame-sre is in the cluster acme-prod already and carries the labels of acme-prod" in said
        )
        assert "kubectl --context acme-prod delete clusterrole highflame-sre" in said
        assert "Traceback" not in said
