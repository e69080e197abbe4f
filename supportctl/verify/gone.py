"""`supportctl verify STACK --gone`: proof that nothing of an environment is left, or what is, or what cannot be seen.

Owns the order of the questions, their form on the screen and the exit code. Works by the stack's name: the state, the
stack's file and the cluster may be gone or out of reach, and then the lines that needed them say so. Changes nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

from rich.console import Console

from components.documents import DocumentError, read_yaml
from components.naming import NAMESPACE, RELEASE, Names
from components.settings.kubeconfig import declared_cluster
from components.settings.problems import PROJECT, stack_file
from providers.cluster.kubeconfig import servers
from providers.cluster.look import ClusterLook
from providers.tailnet.problems import TailnetError
from supportctl.connection import tailscale
from supportctl.kill.recorded import Recorded, recorded
from supportctl.screen import console
from supportctl.verify.absence import Line, UnseenError, unseen
from supportctl.verify.exits import FAILS, HOLDS, NOT_ASKED
from supportctl.verify.gone_cluster import cluster_lines
from supportctl.verify.gone_state import exported, state_lines
from supportctl.verify.gone_tailnet import tailnet_lines

_COLOURS = {"gone": "green", "deleting": "green", "left": "bold red", "unknown": "yellow"}


def verify_gone(stack: str, *, project: Path) -> int:
    """Asks everything and prints each answer as it comes. Returns 0 when all is gone, 1 when something is left, 2 when
    nothing was seen that is left and something could not be seen, or `stack` is no environment's."""
    out, errors = console(), console(stderr=True)
    try:
        names = Names.split(stack)
    except ValueError as error:
        errors.print(f"error: {stack!r} is no stack of an environment: {error}", markup=False)
        return NOT_ASKED
    count: Counter[str] = Counter()
    for line in lines(names, project.resolve()):
        show(out, line)
        count[line.answer] += 1
    if count["left"]:
        out.print(f"{stack} is not gone: see what is left. `supportctl kill {stack}` cuts what is at Tailscale.")
        return FAILS
    if count["unknown"]:
        out.print(f"Nothing of {stack} was seen, and not everything could be looked at: unknown is not gone.")
        return NOT_ASKED
    if count["deleting"]:
        out.print(f"Nothing of {stack} remains but what Kubernetes is deleting by itself, named above.")
        return HOLDS
    out.print(f"{stack} is gone: nothing of it is left anywhere.")
    return HOLDS


def lines(names: Names, project: Path) -> Iterator[Line]:
    """Every line, what lets people in first."""
    yield from _tailnet(names)
    state = exported(names.name, project)
    yield from state_lines(names.name, project, state)
    yield from cluster_lines(lambda: cluster_of(names, project, recorded(state.rows)), names)


def show(to: Console, line: Line) -> None:
    """One answer, and below it what is left or why it is unknown."""
    to.print(f"[{_COLOURS[line.answer]}]{line.answer:8}[/] {line.what:20} [dim]{line.when}  {line.how}[/]")
    for said in line.said:
        to.print(f"        {said}", markup=False)


def cluster_of(names: Names, project: Path, known: Recorded | None = None) -> ClusterLook:
    """The cluster that the state records, else the one that the stack's file names; without both, the context of the
    kubeconfig that is called as the stack. Raises UnseenError, for another cluster than the recorded one too, or
    ClusterUnknownError for a kubeconfig that leads nowhere."""
    if known is not None:
        if other := known.other():
            raise UnseenError(other)
        return _connected(known.context, known.kubeconfig)
    if found := declared(names, project):
        kubeconfig, context = found
        return _connected(context, kubeconfig)
    if names.name in servers(None):
        return _connected(names.name, None)
    raise UnseenError(
        f"no cluster is known here: {stack_file(names.name)} names none, and the kubeconfig has no context "
        f"{names.name}. Whoever can reach it asks: helm list -n {NAMESPACE} --filter {RELEASE}; kubectl get "
        f"namespace {NAMESPACE}; kubectl get clusterroles,clusterrolebindings -l {names.selector}; kubectl get "
        "customresourcedefinitions"
    )


def declared(names: Names, project: Path) -> tuple[Path | None, str] | None:
    """Kubeconfig and context that the stack's file names, or None."""
    try:
        config = read_yaml(project / stack_file(names.name)).get("config")
    except DocumentError:
        return None
    prefix = f"{PROJECT}:"
    raw = {str(key).removeprefix(prefix): value for key, value in config.items()} if isinstance(config, dict) else {}
    return declared_cluster(raw)


def _connected(context: str, kubeconfig: Path | None) -> ClusterLook:
    look = ClusterLook(context, kubeconfig)
    for warning in look.warnings:
        console(stderr=True).print(f"warning: {warning}", markup=False)
    return look


def _tailnet(names: Names) -> Iterator[Line]:
    with ExitStack() as opened:
        try:
            client = opened.enter_context(tailscale())
        except TailnetError as error:
            for what in ("policy", "credentials", "devices", "services"):
                yield unseen(what, "not asked", str(error))
            return
        yield from tailnet_lines(client, names.tags)
