"""What can be wrong with a customer's cluster while access is revoked, each with its end."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import yaml

from sandbox.demo.observe import Cluster
from sandbox.demo.pulumi import Finished, Pulumi
from sandbox.process import Process
from sandbox.rehearse.command import descendants
from sandbox.secret_file import write_secret
from sandbox.world import World
from tests.sandbox.operator.conftest import eventually

FINALIZER = "example.com/theirs"
BINDING = ("clusterrolebinding", "support-access-impersonation")
WEBHOOK: dict[str, Any] = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "policy-engine"},
    "webhooks": [
        {
            "name": "policy.example.com",
            "failurePolicy": "Fail",
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "clientConfig": {"service": {"name": "gone", "namespace": "default"}},
            "rules": [{"apiGroups": ["*"], "apiVersions": ["*"], "resources": ["*"], "operations": ["*"]}],
        }
    ],
}


@contextmanager
def frozen(world: World, process: str) -> Iterator[None]:
    """A process of the world that takes connections and never answers."""
    server = Process(world.folder, process)
    server.signal_group(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal_group(signal.SIGCONT)


@contextmanager
def frozen_when(world: World, process: str, happened: Callable[[], bool]) -> Iterator[None]:
    """The same, from the moment that something has happened."""
    server, over = Process(world.folder, process), threading.Event()

    def freeze() -> None:
        while not over.wait(0.02):
            if happened():
                server.signal_group(signal.SIGSTOP)
                return

    thread = threading.Thread(target=freeze, daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
        server.signal_group(signal.SIGCONT)


def answers(cluster: Cluster) -> bool:
    """Whether the API server is ready."""
    try:
        return cluster.kubectl("get", "--raw", "/readyz") == "ok"
    except subprocess.CalledProcessError:
        return False


@contextmanager
def webhook_closed(cluster: Cluster, folder: Path) -> Iterator[None]:
    """A webhook is called for every change, and its service does not exist: the API server refuses every change."""
    file = folder / "webhook.json"
    file.write_text(json.dumps(WEBHOOK))
    cluster.kubectl("apply", "-f", str(file))

    def refuses() -> bool:
        try:
            cluster.kubectl("create", "configmap", "refused", "-n", "default", "--dry-run=server")
        except subprocess.CalledProcessError:
            return True
        return False

    try:
        eventually(refuses)
        yield
    finally:
        cluster.kubectl("delete", "validatingwebhookconfiguration", WEBHOOK["metadata"]["name"])
        eventually(lambda: not refuses())


@contextmanager
def finalizer_of_another_owner(cluster: Cluster) -> Iterator[None]:
    """On the binding of the impersonation limit."""

    def hold(finalizers: list[str] | None) -> None:
        patch = json.dumps({"metadata": {"finalizers": finalizers}})
        cluster.kubectl("patch", *BINDING, "--type=merge", "-p", patch)

    hold([FINALIZER])
    try:
        yield
    finally:
        if BINDING[1] in cluster.names("clusterrolebindings"):
            hold(None)


@contextmanager
def kubeconfig(pulumi: Pulumi, folder: Path, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Commands see the kubeconfig as `change` leaves it."""
    kept = pulumi.env["KUBECONFIG"]
    document = yaml.safe_load(Path(kept).read_text())
    change(document)
    file = folder / "changed.kubeconfig"
    write_secret(file, yaml.safe_dump(document))
    pulumi.env["KUBECONFIG"] = str(file)
    try:
        yield
    finally:
        pulumi.env["KUBECONFIG"] = kept


def login_hangs(document: dict[str, Any]) -> None:
    """Every user logs in by a command that never ends."""
    login = {"apiVersion": "client.authentication.k8s.io/v1", "command": "sleep", "args": ["86400"]}
    for user in document["users"]:
        user["user"] = {"exec": {**login, "interactiveMode": "Never"}}


def leads_elsewhere(context: str, other: str) -> Callable[[dict[str, Any]], None]:
    """The context has its name, and leads to the cluster of another."""

    def change(document: dict[str, Any]) -> None:
        contexts = {each["name"]: each for each in document["contexts"]}
        contexts[context]["context"] = contexts[other]["context"]

    return change


def destroy_until(pulumi: Pulumi, stack: str, folder: Path, happened: Callable[[], bool]) -> Finished:
    """`pulumi destroy` of a stack, ended with everything it started once something has happened: what a person does
    whose login plugin hangs."""
    log = folder / "destroy.log"
    with log.open("w") as output:
        run = subprocess.Popen(
            ["pulumi", "destroy", "-s", stack, "--yes", "--skip-preview", "--non-interactive"],
            cwd=pulumi.project,
            env=pulumi.env,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    try:
        eventually(happened, 120)
    finally:
        # Plugins and the login commands of theirs have process groups of their own.
        for pid in [*descendants(run.pid), run.pid]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        run.wait()
    return Finished(f"pulumi destroy -s {stack}", log.read_text(), run.returncode, 0.0)
