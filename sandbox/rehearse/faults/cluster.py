"""Faults of the customer's cluster."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from subprocess import CalledProcessError

import yaml

from sandbox import process
from sandbox.rehearse.means import DESTROY, Documented, uninstall
from sandbox.rehearse.stage import CUT, Stage
from sandbox.rehearse.waiting import wait_until
from sandbox.secret_file import write_secret

HELD = ("configmap", "held-by-a-finalizer", "-n", "tailscale")


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
        _answers(stage)


@contextmanager
def server_frozen(stage: Stage, _documented: Documented) -> Iterator[None]:
    """It accepts connections and never answers."""
    server = _server(stage)
    server.signal_group(signal.SIGSTOP)
    try:
        yield
    finally:
        server.signal_group(signal.SIGCONT)
        _answers(stage)


@contextmanager
def server_refuses(stage: Stage, _documented: Documented) -> Iterator[None]:
    """A kubeconfig whose token nobody knows (any more): 401."""
    kept = stage.env["KUBECONFIG"]
    document = yaml.safe_load(Path(kept).read_text())
    for user in document["users"]:
        user["user"] = {"token": "expired"}
    file = stage.folder / "expired.kubeconfig"
    write_secret(file, yaml.safe_dump(document))
    stage.env["KUBECONFIG"] = str(file)
    try:
        yield
    finally:
        stage.env["KUBECONFIG"] = kept


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
def half_destroyed(stage: Stage, documented: Documented) -> Iterator[None]:
    """A destroy that came as far as Helm, while the API server did not answer; now it does again."""
    with server_frozen(stage, documented):
        ended = stage.run("first-destroy", DESTROY)
    if ended.code in (0, None):
        raise RuntimeError(f"a destroy without its cluster ended with {ended.code}:\n{ended.output}")
    yield


def _server(stage: Stage) -> process.Process:
    return process.Process(stage.world.folder, f"apiserver-{CUT}")


def _answers(stage: Stage) -> None:
    def ready() -> bool:
        try:
            return stage.cluster.kubectl("get", "--raw", "/readyz") == "ok"
        except CalledProcessError:
            return False

    wait_until("the API server answers again", ready)


def _terminating(stage: Stage) -> bool:
    spaces = stage.cluster.get("namespaces")
    return any(space["status"]["phase"] == "Terminating" for space in spaces)
