"""The cluster that a stack's settings name, checked against the kubeconfig.

Owns what is wrong with the settings: no file, one that cannot be read, no such context. What a kubeconfig means is
providers/cluster/kubeconfig.py's.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from components.settings import forms
from components.settings.problems import Problem, config_key, nearest, set_command, shown
from providers.cluster.kubeconfig import files, servers
from providers.cluster.problems import ClusterUnknownError


def declared_cluster(raw: Mapping[str, Any]) -> tuple[Path | None, str] | None:
    """Kubeconfig and context of raw settings, or None where they name no cluster."""
    cluster = raw.get("cluster")
    if not isinstance(cluster, dict) or not isinstance(context := cluster.get("context"), str):
        return None
    if cluster.get("kubeconfig") is None:
        return None, context
    try:
        return forms.kubeconfig_path(cluster["kubeconfig"]), context
    except PydanticCustomError:
        return None


def check_kubeconfig(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Whether the file of a cluster that this program installs in is there, and holds the context."""
    declared = declared_cluster(raw)
    if declared is None:
        return
    kubeconfig, context = declared
    wanted = files(kubeconfig)
    names = ", ".join(str(file) for file in wanted) or "~/.kube/config"
    origin = "cluster.kubeconfig" if kubeconfig is not None else "KUBECONFIG or its default"
    file_key = config_key(("cluster", "kubeconfig"))
    need = "Without it this program cannot reach the API server of a managed delivery."
    where = set_command(stack, ("cluster", "kubeconfig"), "~/.kube/config")
    if not any(_there(file) for file in wanted):
        what = f"There is no file {names} ({origin})."
        yield Problem(file_key, what, need, f"put it there, set KUBECONFIG, or name another file: {where}")
        return
    try:
        known = servers(kubeconfig)
    except ClusterUnknownError as unreadable:
        yield Problem(file_key, str(unreadable), need, f"correct the file, or name another: {where}")
        return
    if context not in known:
        near = nearest(context, known)
        listed = ", ".join(sorted(known)) or "none"
        hint = set_command(stack, ("cluster", "context"), near or "NAME")
        yield Problem(
            config_key(("cluster", "context")),
            f"There is no context {shown(context)} in {names}; there: {listed}.",
            need,
            f"add it to the file, or name one that is there: {hint}",
        )


def _there(file: Path) -> bool:
    try:
        return file.exists()
    except OSError:  # a name too long, a folder that may not be searched: the reading says which
        return True
