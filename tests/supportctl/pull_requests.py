"""Pull requests, made up: a repository with this program and three stacks that stand, and changes of it.

Real are the engine, the program, the policy pack, git and the provider; the Tailscale API is the sandbox's. The
environments are handed over, so no cluster is asked; the one that has a cluster cannot reach it.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from sandbox import chart, tools
from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.plugins.install import install
from tests.providers.tailnet_api import Api, running_api

COPIED = ("components", "providers", "policy", "Pulumi.yaml", "__main__.py", ".gitignore")
TAILNET = """config:
  support-access:tailnet:
    groups:
      group:highflame-sre: [ada@example.com, grace@example.com]
    magicDns: true
    https: true
"""
ENVIRONMENT = """config:
  support-access:customer: {customer}
  support-access:environment: {environment}
  support-access:deployer: autogroup:admin
  support-access:access:
    - from: group:highflame-sre
      role: read-only
"""
CLUSTER = """  support-access:cluster:
    kubeconfig: {kubeconfig}
    context: acme-prod
"""
KUBECONFIG = """apiVersion: v1
kind: Config
clusters: [{name: acme-prod, cluster: {server: "https://127.0.0.1:1"}}]
users: [{name: acme-prod, user: {token: none}}]
contexts: [{name: acme-prod, context: {cluster: acme-prod, user: acme-prod}}]
"""
INJECTION = "on call **now** @highflame/owners #1 [ok](https://example.com) <img src=x> ``` | <!--"


class Repository:
    """A work tree at branch `main`, with `tailnet`, `acme-dev` and `globex-prod` standing. environ leads to them;
    api is their tailnet."""

    def __init__(self, folder: Path, environ: dict[str, str], api: Api) -> None:
        self.folder, self.environ, self.api = folder, environ, api

    def git(self, *words: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(self.folder), "-c", "user.name=Ada", "-c", "user.email=ada@example.com", *words],
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stdout

    def file(self, stack: str) -> Path:
        return self.folder / "stacks" / f"Pulumi.{stack}.yaml"

    def edit(self, path: str | Path, old: str, new: str) -> None:
        file = self.folder / path
        text = file.read_text()
        assert old in text
        file.write_text(text.replace(old, new))

    @contextmanager
    def request(self, change: Callable[[Repository], None]) -> Iterator[None]:
        """The change on a branch of its own; afterwards the work tree is at main again."""
        self.git("switch", "-q", "-c", "change")
        change(self)
        self.git("add", "-A")
        self.git("commit", "-q", "-m", "the change")
        try:
            yield
        finally:
            self.git("switch", "-q", "-f", "main")
            self.git("branch", "-q", "-D", "change")


def one_stack(repository: Repository) -> None:
    """Another person, and only from a device that is looked after."""
    entry = """      role: read-only
    - from: ann@example.com
      impersonate: highflame-view
      role: view
      posture: ["node:os == 'macos'"]
"""
    repository.edit(repository.file("globex-prod"), "      role: read-only\n", entry)


def component(repository: Repository) -> None:
    """A component asks for one more scope, in every environment."""
    repository.edit(
        "components/features.py",
        "return list(dict.fromkeys([*_needed(settings)",
        'return list(dict.fromkeys(["devices:core:read", *_needed(settings)',
    )


def tailnet(repository: Repository) -> None:
    """One engineer goes, another one comes."""
    repository.edit(repository.file("tailnet"), "grace@example.com", "bob@example.com")


def added(repository: Repository) -> None:
    repository.file("initech-prod").write_text(ENVIRONMENT.format(customer="initech", environment="prod"))


def removed(repository: Repository) -> None:
    repository.file("globex-prod").unlink()


def malicious(repository: Repository) -> None:
    """Everything for everybody, said in a text that would look like the comment's own."""
    file = repository.file("globex-prod")
    repository.edit(
        file,
        "      role: read-only\n",
        f"      role: cluster-admin\n      reason: '{INJECTION}'\n      until: '2099-12-31'\n",
    )


def hidden(repository: Repository) -> None:
    """The settings say nothing of it: a component writes a grant of its own."""
    end = "    return sections\n"
    more = '    sections["grants"].append({"src": ["*"], "dst": [names.tags.kube_tag], "ip": ["*"]})\n'
    repository.edit("components/tailnet/policy.py", end, more + end)


def unreachable(repository: Repository) -> None:
    """A new environment whose API server does not answer from where CI runs."""
    kubeconfig = repository.folder.parent / "kubeconfig"
    kubeconfig.write_text(KUBECONFIG)
    text = ENVIRONMENT.format(customer="acme", environment="prod") + CLUSTER.format(kubeconfig=kubeconfig)
    repository.file("acme-prod").write_text(text)


def admin(repository: Repository) -> None:
    """As unreachable, and its engineers are to be everything in the cluster, which nobody has agreed to."""
    unreachable(repository)
    wide = "      role: cluster-admin\n      reason: on call engineers repair what the customer cannot\n"
    repository.edit(repository.file("acme-prod"), "      role: read-only\n", wide)


REQUESTS: dict[str, Callable[[Repository], None]] = {
    each.__name__: each
    for each in (one_stack, component, tailnet, added, removed, malicious, hidden, unreachable, admin)
}


class Quiet(SimpleHTTPRequestHandler):
    """Says nothing of what it serves."""

    def log_message(self, format: str, *args: object) -> None:
        pass


@contextmanager
def charts() -> Iterator[str]:
    """The chart's repository on loopback: its URL."""
    handler = partial(Quiet, directory=str(chart.repository(tools.locate()["helm"])))
    with ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


@contextmanager
def repository(folder: Path) -> Iterator[Repository]:
    """The repository in an empty folder, with its stacks standing."""
    home, state, work = folder / "home", folder / "state", folder / "work"
    for each in (state, work / "stacks"):
        each.mkdir(parents=True)
    for part in COPIED:
        source = ROOT / part
        if source.is_dir():
            shutil.copytree(source, work / part, ignore=shutil.ignore_patterns("__pycache__", ".venv"))
        else:
            shutil.copy(source, work / part)
    (work / ".venv").symlink_to(ROOT / ".venv")
    (work / "policy" / ".venv").symlink_to(ROOT / "policy" / ".venv")
    install(home, Path(sys.executable))
    with running_api() as api, charts() as charts_url:
        environ = {
            **{name: value for name, value in os.environ.items() if not name.startswith(("TAILSCALE_", "PULUMI_"))},
            **api.environ,
            "PATH": os.pathsep.join([*map(str, tools.on_path(tools.locate())), os.environ["PATH"]]),
            "SUPPORT_ACCESS_CHART_REPOSITORY": charts_url,
            "HELM_CACHE_HOME": str(folder / "helm"),
            "PULUMI_HOME": str(home),
            "PULUMI_BACKEND_URL": state.as_uri(),
            "PULUMI_CONFIG_PASSPHRASE": "made-up",
            "PULUMI_SKIP_UPDATE_CHECK": "true",
            "PULUMI_DISABLE_AUTOMATIC_PLUGIN_ACQUISITION": "true",
        }
        made = Repository(work, environ, api)
        pulumi = Pulumi(environ, work)
        made.git("init", "-q", "-b", "main")
        (work / ".git" / "info" / "exclude").write_text(".venv\n")  # a link, which .gitignore's folders do not name
        made.file("tailnet").write_text(TAILNET)
        for customer, environment in (("acme", "dev"), ("globex", "prod")):
            text = ENVIRONMENT.format(customer=customer, environment=environment)
            made.file(f"{customer}-{environment}").write_text(text)
        for stack in ("tailnet", "acme-dev", "globex-prod"):
            pulumi.init(stack)
            pulumi.up(stack)
        made.git("add", "-A")
        made.git("commit", "-q", "-m", "what stands")
        yield made
