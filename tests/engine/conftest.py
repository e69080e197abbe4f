"""The real engine on a project of the test's own: the program is the repo's, the stacks and their state are not."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from sandbox.definitions import wait_until_cleared
from sandbox.demo.observe import Cluster, Tailnet
from sandbox.demo.pulumi import ROOT, Finished, Pulumi
from sandbox.world import World

RELEASE, NAMESPACE, OURS = "tailscale-operator", "tailscale", "app.kubernetes.io/managed-by=support-access"
PROGRAM = ("Pulumi.yaml", "__main__.py", "components", "providers", ".venv")
SEED = (ROOT / "sandbox" / "tailnet.hujson").read_text()


@pytest.fixture(scope="module")
def tailnet(world: World) -> Iterator[Tailnet]:
    """The Tailscale API of the world, seen with a key that may read everything."""
    observer = Tailnet(world.facts["tailscale"]["url"], world.facts["tailscale"]["admin_key"])
    yield observer
    observer.close()


@pytest.fixture(scope="module")
def policy_as_it_was(tailnet: Tailnet) -> Iterator[None]:
    """Modules share a tailnet. What one rightly leaves behind, an emptied section say, is not what the next expects."""
    before = tailnet.policy_text()
    yield
    if tailnet.policy_text() != before:
        url = f"{tailnet.url}/api/v2/tailnet/-/acl"
        httpx.post(url, content=before, auth=(tailnet.key, ""), timeout=10).raise_for_status()


@pytest.fixture(scope="module")
def clusters(world: World) -> dict[str, Cluster]:
    return {name: Cluster(name, world.env) for name in world.facts["clusters"]}


@pytest.fixture(scope="module")
def clusters_as_they_were(clusters: dict[str, Cluster]) -> Iterator[None]:
    """What a cut leaves in a cluster that did not answer stays there, and would be in the way of the next module."""
    yield
    for cluster in clusters.values():
        if cluster.releases():
            cluster.helm("uninstall", RELEASE, "--namespace", NAMESPACE)
        cluster.kubectl("delete", "namespaces,clusterroles,clusterrolebindings", "-l", OURS)
        wait_until_free(cluster.env)


@pytest.fixture(scope="module")
def pulumi(
    world: World, policy_as_it_was: None, clusters_as_they_were: None, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Pulumi]:
    """`pulumi` on a project of the module's own. Whatever stands at the end is destroyed, environments first."""
    project = tmp_path_factory.mktemp("project")
    for part in PROGRAM:
        (project / part).symlink_to(ROOT / part)
    (project / "stacks").mkdir()
    state = tmp_path_factory.mktemp("state")
    engine = Engine({**world.env, "PULUMI_BACKEND_URL": state.as_uri()}, project)
    yield engine
    standing = [row["name"] for row in engine.stacks() if row["resourceCount"]]
    for stack in sorted(standing, key=lambda name: name == "tailnet"):
        engine.destroy(stack)


@pytest.fixture(scope="module")
def example(pulumi: Pulumi) -> Example:
    return Example(pulumi)


class Engine(Pulumi):
    """`pulumi` whose destroy ends when the clusters are free for the next `up`."""

    def destroy(self, stack: str, *flags: str, check: bool = True) -> Finished:
        done = super().destroy(stack, *flags, check=check)
        if done.code == 0:
            wait_until_free(self.env)
        return done


def wait_until_free(env: dict[str, str]) -> None:
    """Returns when no cluster still clears what an uninstalled chart has defined: until then an `up` is refused."""
    for context in ("acme-prod", "globex-prod"):
        wait_until_cleared(Cluster(context, env))


class Example:
    """Writes stacks, from the repo's examples or from text, and makes them in the backend."""

    def __init__(self, pulumi: Pulumi) -> None:
        self._pulumi = pulumi

    def file(self, stack: str) -> Path:
        return self._pulumi.project / "stacks" / f"Pulumi.{stack}.yaml"

    def write(self, stack: str, text: str | None = None) -> None:
        """text: of the stack's file; the repo's own example when left out."""
        self.file(stack).write_text(text if text is not None else (ROOT / "stacks" / self.file(stack).name).read_text())
        self._pulumi.init(stack)

    def remove(self, stack: str) -> None:
        """Takes the stack's file away: the stacks beside it are looked at for clashes."""
        self.file(stack).unlink(missing_ok=True)
