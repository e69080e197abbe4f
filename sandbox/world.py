"""The whole embedded world in one folder: services, clusters, operators; their start, their end and how to reach them.

`world.json` in the folder (mode 0600: it holds secrets) says what is there; its shape is `World.facts`.
Nothing supervises a world: its processes run until `stop`, which anybody can call who has the folder.
Starting begins from an empty folder and throws away what an earlier world left in it. Stopping leaves the
logs to be read.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console

from sandbox import aws, chart, cluster, ports, process, tools
from sandbox.plugins import install
from sandbox.secret_file import write_secret

ROOT = Path(__file__).parent.parent
CLUSTERS = ("acme-prod", "globex-prod")
FACTS = "world.json"
SERVED = "services.json"  # what the services process says of itself, until world.json holds it
LOCK = "world.lock"  # also the mark of a folder that may be emptied
PASSPHRASE = "sandbox"  # noqa: S105 no secret: the salts in stacks/ belong to it
READY_SECONDS = 60.0
GRACE_SECONDS = 15.0

# Variables of the caller's own that would win over the world's: what runs in it must not see them.
FOREIGN = (
    "TAILSCALE_API_KEY",
    "TAILSCALE_OAUTH_SCOPES",
    "TAILSCALE_IDENTITY_TOKEN",
    "TAILSCALE_AUDIENCE",
    "IDENTITY_TOKEN",
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "PULUMI_ACCESS_TOKEN",
    "PULUMI_CONFIG_PASSPHRASE",
)

# The caller may need a proxy for the network; the world is none of its business.
DIRECT = {"NO_PROXY": f"{ports.LOOPBACK},localhost", "no_proxy": f"{ports.LOOPBACK},localhost"}


class WorldError(Exception):
    """A world cannot be started, stopped or found. The text says what, why and how to mend it."""


class World:
    """A world in `folder`. As a context manager it is up inside the block and gone after it.

    `say` is told each finished step, with the seconds since the start. `facts` is what world.json holds, `env` the
    variables that lead a program into the world.
    """

    def __init__(
        self,
        folder: Path,
        clusters: Sequence[str] = CLUSTERS,
        say: Callable[[str], None] = lambda _: None,
    ) -> None:
        self.folder = folder.absolute()
        self._clusters = tuple(clusters)
        self._say = say
        self._began = time.monotonic()

    @property
    def facts(self) -> dict[str, Any]:
        try:
            return json.loads((self.folder / FACTS).read_text())
        except FileNotFoundError as error:
            raise WorldError(f"No world is up in {self.folder}. Start one: python -m sandbox up") from error

    @property
    def env(self) -> dict[str, str]:
        return self.facts["env"]

    def __enter__(self) -> World:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Brings the world up from an empty folder. When it cannot, or is interrupted, nothing is left running."""
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if any(self.folder.iterdir()) and not (self.folder / LOCK).exists():
            raise WorldError(
                f"{self.folder} holds files that are not a world's, and a new world would throw them away.\n"
                "Name another folder in SUPPORT_ACCESS_SANDBOX, or empty this one."
            )
        with (self.folder / LOCK).open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                raise WorldError(f"A world is just being started in {self.folder}. Wait for it.") from error
            if process.running(self.folder):
                raise WorldError(f"A world already runs in {self.folder}. End it first: python -m sandbox down")
            self._empty()
            try:
                self._start()
            except BaseException:
                self.stop()
                raise

    def stop(self) -> None:
        """Ends every process of the world, also of one that was left half-started, and returns when none is left."""
        (self.folder / FACTS).unlink(missing_ok=True)
        for name in ("operator", "services"):
            process.stop([p for p in process.known(self.folder) if p.name == name], GRACE_SECONDS)
        cluster.stop(self.folder, GRACE_SECONDS)

    @property
    def running(self) -> list[process.Process]:
        return process.running(self.folder)

    def processes(self) -> list[process.Process]:
        """Those that were started and not stopped, living or not."""
        return process.known(self.folder)

    def _empty(self) -> None:
        for item in self.folder.iterdir():
            if item.is_dir() and not item.is_symlink():
                shutil.rmtree(item)
            elif item.name != LOCK:
                item.unlink()

    def _start(self) -> None:
        self._began = time.monotonic()
        found = tools.ensure(Console())
        repository = chart.repository(found["helm"])
        plugins = install.install(self.folder / "pulumi", Path(sys.executable))
        self._done("tools; " + ", ".join(f"{program}: {used}" for program, used in plugins.items()))
        contexts = self._clusters
        options = [f"--facts={self.folder / SERVED}", f"--chart={repository}", *(f"--cluster={c}" for c in contexts)]
        serving = self._python("services", options)
        clusters = cluster.start(self.folder, contexts, found, self._done)
        served = self._await_services(serving)
        self._done("Tailscale API, clouds, chart repository")
        options = [f"--kubeconfig={self.folder / cluster.KUBECONFIG}", *(f"--context={c}" for c in contexts)]
        tailscale = served["tailscale"]
        self._python(
            "operator", [*options, f"--tailscale={tailscale['url']}"], {"SANDBOX_ADMIN_KEY": tailscale["admin_key"]}
        )
        self._done("operators")
        deployer = served.pop("deployer")
        facts = {
            "pid": os.getpid(),
            "env": self._environment(found, served, deployer),
            **served,
            "kubeconfig": str(self.folder / cluster.KUBECONFIG),
            "clusters": {c.context: c.facts() for c in clusters},
            "processes": {p.name: p.pid for p in process.known(self.folder)},
        }
        write_secret(self.folder / FACTS, json.dumps(facts, indent=2))

    def _await_services(self, serving: process.Process) -> dict[str, Any]:
        file = self.folder / SERVED
        process.wait_ready(serving, file.exists, READY_SECONDS)
        served = json.loads(file.read_text())
        file.unlink()

        def answers() -> bool:
            try:
                return httpx.get(f"{served['chart']['repository']}/index.yaml", timeout=5, trust_env=False).is_success
            except httpx.TransportError:
                return False

        process.wait_ready(serving, answers, READY_SECONDS)
        return served

    def _environment(self, found: dict[str, Path], served: dict[str, Any], deployer: dict[str, str]) -> dict[str, str]:
        """What leads the program, its plugins and the command-line tools into this world."""
        state, helm, passphrase = self.folder / "state", self.folder / "helm", self.folder / "passphrase"
        state.mkdir()
        write_secret(passphrase, PASSPHRASE)
        folders = [Path(sys.executable).parent, *tools.on_path(found)]
        return {
            "TAILSCALE_BASE_URL": served["tailscale"]["url"],
            "TAILSCALE_OAUTH_CLIENT_ID": deployer["client_id"],
            "TAILSCALE_OAUTH_CLIENT_SECRET": deployer["client_secret"],
            "TAILSCALE_TAILNET": "-",
            "KUBECONFIG": str(self.folder / cluster.KUBECONFIG),
            "KUBECACHEDIR": str(self.folder / "kube-cache"),
            "AWS_ENDPOINT_URL": served["cloud"]["aws_url"],
            "AWS_ACCESS_KEY_ID": aws.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": aws.SECRET_ACCESS_KEY,
            "AWS_REGION": aws.REGION,
            "SANDBOX_CLOUD_URL": served["cloud"]["store_url"],
            "SUPPORT_ACCESS_CHART_REPOSITORY": served["chart"]["repository"],
            "PULUMI_BACKEND_URL": f"file://{state}",
            "PULUMI_HOME": str(self.folder / "pulumi"),
            "PULUMI_CONFIG_PASSPHRASE_FILE": str(passphrase),
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
            "HELM_CACHE_HOME": str(helm / "cache"),
            "HELM_CONFIG_HOME": str(helm / "config"),
            "HELM_DATA_HOME": str(helm / "data"),
            **DIRECT,
            "PATH": os.pathsep.join([*map(str, folders), os.environ.get("PATH", os.defpath)]),
        }

    def _python(self, module: str, options: list[str], secret: Mapping[str, str] | None = None) -> process.Process:
        """Starts a module of the sandbox. Secrets go by the environment: other users can read a command line."""
        env = {name: value for name, value in os.environ.items() if name not in FOREIGN}
        env |= {**DIRECT, "PYTHONPATH": str(ROOT), "PYTHONUNBUFFERED": "1", **(secret or {})}
        return process.start(self.folder, module, [sys.executable, "-m", f"sandbox.{module}", *options], env)

    def _done(self, step: str) -> None:
        self._say(f"{time.monotonic() - self._began:5.1f} s  {step}")
