"""Faults of the customer's cluster, and of the way to it."""

from __future__ import annotations

import json
import os
import shlex
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError
from typing import Any

import yaml

from sandbox import process
from sandbox.demo.observe import Cluster
from sandbox.rehearse.command import Ended
from sandbox.rehearse.means import DESTROY, Documented, uninstall
from sandbox.rehearse.stage import CUT, LABEL, OTHER, Stage
from sandbox.rehearse.waiting import wait_until
from sandbox.secret_file import write_secret

Cut = Callable[[], Ended]

HELD = ("configmap", "held-by-a-finalizer", "-n", "tailscale")
FINALIZER = "example.com/audit"
"""A finalizer of somebody else, which nothing here removes."""
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
            "clientConfig": {"service": {"name": "policy-engine", "namespace": "default"}},
            "rules": [
                {
                    "apiGroups": ["*"],
                    "apiVersions": ["*"],
                    "resources": ["*"],
                    "operations": ["CREATE", "UPDATE", "DELETE"],
                }
            ],
        }
    ],
}
AGGREGATED: dict[str, Any] = {
    "apiVersion": "apiregistration.k8s.io/v1",
    "kind": "APIService",
    "metadata": {"name": "v1.metrics.example.com"},
    "spec": {
        "group": "metrics.example.com",
        "version": "v1",
        "service": {"name": "metrics", "namespace": "default"},
        "insecureSkipTLSVerify": True,
        "groupPriorityMinimum": 100,
        "versionPriority": 100,
    },
}
PATIENCE = 40.0
"""Seconds after which a person interrupts an engine that waits for the login plugin: longer than a destroy takes to
remove everything at Tailscale."""
FREEZE_LOOK = 0.02


@contextmanager
def server_stopped(stage: Stage, _documented: Documented) -> Iterator[None]:
    """The process is ended, and started again as it was."""
    server = _server(stage)
    words = [word.decode() for word in Path(f"/proc/{server.pid}/cmdline").read_bytes().split(b"\0") if word]
    server.signal_group(signal.SIGKILL)
    process.stop([server], grace_seconds=5)
    try:
        yield
    finally:
        process.start(stage.world.folder, server.name, words)
        _answers(stage.cluster)


@contextmanager
def server_frozen(stage: Stage, _documented: Documented) -> Iterator[None]:
    """It accepts connections and never answers."""
    server = _server(stage)
    server.signal_group(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal_group(signal.SIGCONT)
        _answers(stage.cluster)


@contextmanager
def server_refuses(stage: Stage, _documented: Documented) -> Iterator[None]:
    """A kubeconfig whose token nobody knows (any more): 401."""

    def refused(document: dict[str, Any]) -> None:
        for user in document["users"]:
            user["user"] = {"token": "expired"}

    with _other_kubeconfig(stage, refused):
        yield


@contextmanager
def server_replaced(stage: Stage, _documented: Documented) -> Iterator[None]:
    """The kubeconfig's context has the environment's name, and leads to another customer's cluster."""

    def replaced(document: dict[str, Any]) -> None:
        contexts = {context["name"]: context for context in document["contexts"]}
        contexts[CUT]["context"] = contexts[OTHER]["context"]

    with _other_kubeconfig(stage, replaced):
        yield


@contextmanager
def login_hangs(stage: Stage, documented: Documented) -> Iterator[None]:
    """The kubeconfig's user logs in by a command that never ends. It is ended here: it outlives whoever started it."""
    command, started = stage.folder / "login", stage.folder / "login.pids"
    command.write_text(f"#!/bin/sh\necho $$ >> {shlex.quote(str(started))}\nexec sleep 86400\n")
    command.chmod(0o755)
    started.write_text("")

    def hanging(document: dict[str, Any]) -> None:
        login = {"apiVersion": "client.authentication.k8s.io/v1", "command": str(command)}
        for user in document["users"]:
            user["user"] = {"exec": {**login, "interactiveMode": "Never"}}

    documented.patience = PATIENCE
    try:
        with _other_kubeconfig(stage, hanging):
            yield
    finally:
        for pid in started.read_text().split():
            with suppress(ProcessLookupError):
                os.kill(int(pid), signal.SIGKILL)


@contextmanager
def uninstalled(stage: Stage, documented: Documented) -> Iterator[None]:
    """The customer was faster."""
    ended = uninstall(stage, documented)
    if ended.code != 0:
        raise RuntimeError(ended.output)
    wait_until("the operator's device is offline", lambda: not stage.standing().online)
    yield


@contextmanager
def namespace_stuck(stage: Stage, _documented: Documented) -> Iterator[None]:
    """An object whose finalizer nobody is left to remove."""
    stage.cluster.kubectl("create", *HELD)
    stage.cluster.kubectl(
        "patch", *HELD, "--type=merge", "-p", '{"metadata":{"finalizers":["tailscale.com/finalizer"]}}'
    )
    try:
        yield
    finally:
        if _terminating(stage):
            stage.noted.append("cluster: namespace tailscale, which does not end")
        if HELD[1] in stage.cluster.names("configmaps", "-n", "tailscale"):
            stage.cluster.kubectl("patch", *HELD, "--type=merge", "-p", '{"metadata":{"finalizers":null}}')
            stage.cluster.kubectl("delete", *HELD, "--ignore-not-found")
        wait_until("the namespace ends, if it was deleted", lambda: not _terminating(stage))


@contextmanager
def aggregated_api_dead(stage: Stage, _documented: Documented) -> Iterator[None]:
    """An APIService whose backend does not exist: Kubernetes cannot list what a namespace holds, and never ends it."""
    _apply(stage, AGGREGATED)
    try:
        yield
    finally:
        if _terminating(stage):
            stage.noted.append("cluster: namespace tailscale, which does not end")
        stage.cluster.kubectl("delete", "apiservice", AGGREGATED["metadata"]["name"])
        wait_until("the namespace ends, if it was deleted", lambda: not _terminating(stage))


@contextmanager
def webhook_closed(stage: Stage, _documented: Documented) -> Iterator[None]:
    """A webhook is called for every object, and its service does not exist: every change is refused."""
    _apply(stage, WEBHOOK)

    def refuses() -> bool:
        try:
            stage.cluster.kubectl("create", "configmap", "refused", "-n", "default", "--dry-run=server")
        except CalledProcessError:
            return True
        return False

    try:
        wait_until("the API server calls the webhook", refuses)
        yield
    finally:
        stage.cluster.kubectl("delete", "validatingwebhookconfiguration", WEBHOOK["metadata"]["name"])
        wait_until("the API server calls the webhook no more", lambda: not refuses())


@contextmanager
def foreign_finalizer(stage: Stage, _documented: Documented) -> Iterator[None]:
    """Another controller of the customer's holds one of our bindings."""
    name = stage.cluster.names("clusterrolebindings", "-l", LABEL)[0]

    def hold(finalizers: list[str] | None) -> None:
        patch = json.dumps({"metadata": {"finalizers": finalizers}})
        stage.cluster.kubectl("patch", "clusterrolebinding", name, "--type=merge", "-p", patch)

    hold([FINALIZER])
    try:
        yield
    finally:
        if name in stage.cluster.names("clusterrolebindings"):
            stage.noted.append(f"cluster: clusterrolebinding {name}, which has a finalizer of another owner")
            hold(None)


@contextmanager
def store_stopped(stage: Stage, _documented: Documented) -> Iterator[Callable[[Cut], Ended]]:
    """etcd is frozen: the API server answers what needs no object. All clusters of the sandbox share it, so it is
    frozen only while access is revoked."""
    store = process.Process(stage.world.folder, "etcd")

    def cut_without_store(cut: Cut) -> Ended:
        store.signal_group(signal.SIGSTOP)
        try:
            return cut()
        finally:
            store.signal_group(signal.SIGCONT)
            for context in (CUT, OTHER):
                _answers(Cluster(context, stage.world.env))

    yield cut_without_store


@contextmanager
def frozen_midway(stage: Stage, _documented: Documented) -> Iterator[Callable[[Cut], Ended]]:
    """The API server answered when the command began, and freezes as soon as the grant is gone."""
    server = _server(stage)
    frozen, over = threading.Event(), threading.Event()

    def freeze() -> None:
        while not over.wait(FREEZE_LOOK):
            if not stage.standing().grants:
                server.signal_group(signal.SIGSTOP)
                frozen.set()
                return

    def cut_and_freeze(cut: Cut) -> Ended:
        thread = threading.Thread(target=freeze, daemon=True)
        thread.start()
        try:
            ended = cut()
        finally:
            over.set()
            thread.join()
            server.signal_group(signal.SIGCONT)
            _answers(stage.cluster)
        if not frozen.is_set():
            raise RuntimeError(f"the grant was never gone, so the API server never froze:\n{ended.output}")
        return ended

    yield cut_and_freeze


@contextmanager
def half_destroyed(stage: Stage, documented: Documented) -> Iterator[None]:
    """A destroy that came as far as Helm, while the API server did not answer; now it does again."""
    with server_frozen(stage, documented):
        ended = stage.run("first-destroy", DESTROY)
    if ended.code in (0, None):
        raise RuntimeError(f"a destroy without its cluster ended with {ended.code}:\n{ended.output}")
    yield


def _server(stage: Stage) -> process.Process:
    return process.Process(stage.world.folder, f"apiserver-{CUT}")


def _answers(cluster: Cluster) -> None:
    def ready() -> bool:
        try:
            return cluster.kubectl("get", "--raw", "/readyz") == "ok"
        except CalledProcessError:
            return False

    wait_until("the API server answers again", ready)


def _apply(stage: Stage, manifest: dict[str, Any]) -> None:
    file = stage.folder / f"{manifest['metadata']['name']}.json"
    file.write_text(json.dumps(manifest))
    stage.cluster.kubectl("apply", "-f", str(file))


@contextmanager
def _other_kubeconfig(stage: Stage, change: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """The commands of the cell see the kubeconfig as `change` leaves it."""
    kept = stage.env["KUBECONFIG"]
    document = yaml.safe_load(Path(kept).read_text())
    change(document)
    file = stage.folder / "changed.kubeconfig"
    write_secret(file, yaml.safe_dump(document))
    stage.env["KUBECONFIG"] = str(file)
    try:
        yield
    finally:
        stage.env["KUBECONFIG"] = kept


def _terminating(stage: Stage) -> bool:
    spaces = stage.cluster.get("namespaces")
    return any(space["status"]["phase"] == "Terminating" for space in spaces)
