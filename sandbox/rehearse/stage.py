"""The stage of the rehearsal: a world in which one environment is up, to be cut, and others that must not notice.

Owns the project, the standing state and its restoration after a cell. The environment is made by the real `pulumi up`
before every cell that found it changed; the others are made once. Does not judge. Ends with its world.
"""

from __future__ import annotations

import json
import re
import shutil
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import httpx

from sandbox.definitions import wait_until_cleared
from sandbox.demo.observe import Cluster, SecurityGroup, Tailnet
from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.rehearse.command import LIMIT, Command, Ended, start
from sandbox.rehearse.plugins import kind
from sandbox.rehearse.standing import Environment, Standing
from sandbox.rehearse.state import comparable
from sandbox.world import World

CUT = "acme-prod"
SIBLING = "acme-dev"
OTHER = "globex-prod"
"""The one that is cut; another environment of the same customer, in handoff; another customer's, in a cluster."""

PROGRAM = ("components", "providers", ".venv")
REGION = "eu-central-1"
HANDOFF = f"""config:
  support-access:customer: {SIBLING.partition("-")[0]}
  support-access:environment: {SIBLING.partition("-")[2]}
  support-access:access:
    - from: group:highflame-sre
      role: read-only
"""
LABEL = "app.kubernetes.io/managed-by=support-access"


class StageError(Exception):
    """The standing state cannot be made or restored: nothing that follows would mean anything."""


class Stage:
    """A standing world. folder: for the project, the state and the logs; emptied first."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world = world
        shutil.rmtree(folder, ignore_errors=True)
        self.folder = folder.absolute()
        self.project = self.folder / "project"
        self.state = self.folder / "state"
        self.env = {**world.env, "PULUMI_BACKEND_URL": self.state.as_uri(), "PYTHONPATH": str(ROOT)}
        self.pulumi = Pulumi(self.env, self.project)
        self.environment = Environment(CUT)
        self.cluster = Cluster(CUT, world.env)
        self.plugins: dict[str, str] = {}
        self.bare = ""
        """The policy without the environment."""
        self.full = ""
        """The policy with it."""
        self.edits: list[str] = []
        """Lines that people saved in the policy during a cell, and must find again."""
        self.noted: list[str] = []
        """What a fault saw of the cut's end, and had to take away to undo itself."""
        self._commands = 0
        self._untouched = False
        self._made: tuple[object, ...] | None = None
        tailscale = world.facts["tailscale"]
        self.http = httpx.Client(
            base_url=tailscale["url"], headers={"Authorization": f"Bearer {tailscale['admin_key']}"}, timeout=30
        )
        self.api = Tailnet(tailscale["url"], tailscale["admin_key"])

    def hang_up(self) -> None:
        """Closes the connections. What stands ends with the world."""
        self.http.close()
        self.api.close()

    # --- making it ---------------------------------------------------------------------------

    def stand(self) -> None:
        """Makes everything that stands between two cells."""
        (self.project / "stacks").mkdir(parents=True)
        self.state.mkdir()
        for part in PROGRAM:
            (self.project / part).symlink_to(ROOT / part)
        for part in ("Pulumi.yaml", "__main__.py"):
            (self.project / part).symlink_to(ROOT / part)
        for stack in ("tailnet", OTHER, SIBLING):
            self.write(stack)
            self.pulumi.init(stack)
        self.pulumi.up("tailnet")
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.pulumi.up, (OTHER, SIBLING)))
        self.register(SIBLING)
        self.bare = self.tailnet()["policy"]
        self.write(CUT)
        self.pulumi.init(CUT)
        self.restore()
        self.plugins = {name: kind(name, self.env) for name in self.providers()}

    def write(self, stack: str) -> None:
        """Writes the stack's file: the repository's example."""
        text = HANDOFF if stack == SIBLING else (ROOT / "stacks" / f"Pulumi.{stack}.yaml").read_text()
        self.file(stack).write_text(text)

    def file(self, stack: str) -> Path:
        return self.project / "stacks" / f"Pulumi.{stack}.yaml"

    def restore(self) -> None:
        """Brings the environment back if a cell has changed it: `clean`, then `pulumi up`."""
        if self._untouched:
            return
        if self._made is not None and self._made == self._signature():
            self._untouched = True
            return
        self.clean()
        self.pulumi.up(CUT)
        self.full = self.tailnet()["policy"]
        standing = self.standing()
        if not (standing.grants and standing.credentials and standing.online):
            raise StageError(f"{CUT} does not stand after `pulumi up`: {standing}")
        self._made = self._signature()
        self._untouched = True

    def clean(self) -> None:
        """Ends the environment by the documented way: revive, destroy what is left, take away what had to stay."""
        self.faults()
        if f"group:killed-{CUT}" in self.tailnet()["policy"]:
            self._must("revive", [sys.executable, "-m", "supportctl", "revive", CUT, "--yes"])
        if self.rows():
            self.pulumi.run("cancel", "-s", CUT, "--yes", check=False)
            self.pulumi.destroy(CUT, "--refresh", "--continue-on-error")
        self._sweep()
        policy = self.tailnet()["policy"]
        if policy != self.bare:
            raise StageError(f"the policy is not as it was before {CUT}:\n{policy}")

    def touch(self) -> None:
        """From here on the environment may be changed."""
        self._untouched = False
        self.noted.clear()

    def end(self) -> None:
        """Ends everything that stands, so that the world can serve somebody else."""
        self.clean()
        with ThreadPoolExecutor(2) as pool:
            list(pool.map(self.pulumi.destroy, (OTHER, SIBLING)))
        self.pulumi.destroy("tailnet")
        self.hang_up()

    def _signature(self) -> tuple[object, ...]:
        """Everything of the environment: the same again means that a cell changed nothing."""
        policy, standing = self.tailnet()["policy"], self.standing()
        return (policy, standing, self.state_text(), self.in_cluster(), self.in_cloud())

    def _sweep(self) -> None:
        """Takes away what a cut had to leave in the cluster, with the commands that the kill names."""
        found = self.in_cluster()
        if any(name.startswith("release ") for name in found):
            self._must("helm", ["helm", "--kube-context", CUT, "uninstall", "tailscale-operator", "-n", "tailscale"])
        if "namespace tailscale" in found:
            self.cluster.kubectl("delete", "namespace", "tailscale")
        self.cluster.kubectl("delete", "clusterroles,clusterrolebindings", "-l", LABEL)
        wait_until_cleared(self.cluster)

    def _must(self, name: str, words: list[str]) -> None:
        ended = self.run(name, words)
        if ended.code != 0:
            raise StageError(f"{' '.join(words)} ended with {ended.code}:\n{ended.output}")

    def register(self, stack: str) -> None:
        """A device of that environment, as its customer's operator would bring it."""
        customer = stack.rpartition("-")[0]
        tags = [f"tag:k8s-operator-{customer}", f"tag:kube-{stack}"]
        body = {"capabilities": {"devices": {"create": {"preauthorized": True, "tags": tags}}}}
        key = self.http.post("/api/v2/tailnet/-/keys", json=body).raise_for_status().json()["key"]
        node = {"authKey": key, "hostname": f"{stack}-kube", "clientVersion": "1.96.5", "os": "linux"}
        self.http.post("/sandbox/register", json=node).raise_for_status()

    # --- doing -------------------------------------------------------------------------------

    def run(self, name: str, words: list[str], patience: float | None = None) -> Ended:
        """Runs a command in the project to its end. name: of its log. patience: seconds until it is interrupted."""
        return self.start(name, words).ended(LIMIT if patience is None else patience)

    def start(self, name: str, words: list[str]) -> Command:
        """Starts a command in the project. name: of its log."""
        self._commands += 1
        log = self.folder / "logs" / f"{self._commands:03}-{name}.log"
        return start(words, env=self.env, cwd=self.project, log=log)

    def faults(self, *faults: dict[str, Any]) -> None:
        """Puts these faults of the Tailscale API in place of all others."""
        self.http.put("/sandbox/faults", json=list(faults)).raise_for_status()

    def calls(self) -> list[str]:
        """`METHOD path` of every call of the Tailscale API since `forget_calls`."""
        rows = self.http.get("/sandbox/calls").raise_for_status().json()
        return [f"{row['method']} {row['path']}" for row in rows]

    def called(self, method: str, path: str) -> bool:
        """Whether such a call has begun. path: a pattern."""
        return any(call.startswith(f"{method} ") and re.search(path, call) for call in self.calls())

    def forget_calls(self) -> None:
        self.http.delete("/sandbox/calls").raise_for_status()

    def forget_edits(self) -> None:
        """People take back what they added during a cell, and everything else stays as the cut left it."""
        if not self.edits:
            return
        policy = self.tailnet()["policy"]
        text = "".join(line for line in policy.splitlines(keepends=True) if line.rstrip("\n") not in self.edits)
        self.edits.clear()
        self.http.post(
            "/api/v2/tailnet/-/acl", content=text, headers={"Content-Type": "application/hujson"}
        ).raise_for_status()

    # --- looking -----------------------------------------------------------------------------

    def tailnet(self) -> dict[str, Any]:
        """All that the tailnet is."""
        return self.http.get("/sandbox/state").raise_for_status().json()

    def standing(self) -> Standing:
        return self.environment.standing(self.tailnet())

    def checkpoint(self, stack: str) -> Path:
        """The file in which the backend keeps the state of a stack."""
        return self.state / ".pulumi" / "stacks" / "support-access" / f"{stack}.json"

    def rows(self) -> list[dict[str, Any]]:
        """Resources in the environment's state, outputs of the stack among them."""
        file = self.checkpoint(CUT)
        if not file.exists():
            return []
        latest = json.loads(file.read_text())["checkpoint"].get("latest") or {}
        return latest.get("resources") or []

    def state_text(self) -> str:
        """The environment's state, to be compared."""
        exported = self.pulumi.run("stack", "export", "-s", CUT, "--show-secrets")
        return comparable(json.loads(exported.output))

    def providers(self) -> list[str]:
        """Names of the providers that the state's resources have."""
        kinds = {row["type"] for row in self.rows()}
        return sorted(kind.rpartition(":")[2] for kind in kinds if kind.startswith("pulumi:providers:"))

    def locks(self) -> list[Path]:
        """Locks of the environment's stack in the backend."""
        return list((self.state / ".pulumi" / "locks").rglob(f"{CUT}/*.json"))

    def in_cluster(self) -> list[str]:
        """What the environment has in its cluster."""
        rows = json.loads(self.cluster.kubectl("get", "clusterroles,clusterrolebindings", "-l", LABEL, "-o", "json"))[
            "items"
        ]
        found = [f"{row['kind'].lower()} {row['metadata']['name']}" for row in rows]
        if "tailscale" in self.cluster.names("namespaces"):
            found.append("namespace tailscale")
        return [*found, *(f"release {name}" for name in self.cluster.releases())]

    def in_cloud(self) -> list[str]:
        """Rules of the customer's security group that the stack added."""
        cloud = self.world.facts["cloud"]
        rules = SecurityGroup(cloud["security_groups"][CUT], cloud["aws_url"], REGION).rules()
        return [rule for rule in rules if f"support access to {CUT}" in rule]
