"""What a kubeconfig names: which files are meant, which contexts they hold, which API server each context is.

Owns the reading of names and addresses only; tokens and certificates in the file are not looked at and never shown.
Opens no connection. Dies by: a file that cannot be read is a problem in words, never an exception.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from components.documents import DocumentError, read_yaml
from components.settings import forms
from components.settings.problems import Problem, config_key, nearest, set_command, shown


def files(kubeconfig: Path | None) -> list[Path]:
    """The files that kubectl would read: the given one, those of KUBECONFIG, or ~/.kube/config."""
    if kubeconfig is not None:
        return [kubeconfig]
    listed = [Path(name).absolute() for name in os.environ.get("KUBECONFIG", "").split(os.pathsep) if name]
    try:
        return listed or [Path("~/.kube/config").expanduser()]
    except RuntimeError:  # this user has no home folder, so no file there
        return []


def servers(kubeconfig: Path | None) -> dict[str, str | None]:
    """Context to the URL of its API server, None where no file says it. As in kubectl, the first file that names wins.

    Raises DocumentError when a file is there and cannot be read.
    """
    contexts: dict[str, str] = {}
    clusters: dict[str, str] = {}
    for file in files(kubeconfig):
        if not _there(file):
            continue
        document = read_yaml(file)
        for name, context in _named(document, "contexts", "context"):
            contexts.setdefault(name, str(context.get("cluster", "")))
        for name, cluster in _named(document, "clusters", "cluster"):
            clusters.setdefault(name, str(cluster.get("server", "")))
    return {name: clusters.get(cluster) or None for name, cluster in contexts.items()}


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
    except DocumentError as unreadable:
        yield Problem(file_key, str(unreadable), need, f"mend the file, or name another: {where}")
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


def _named(document: dict[str, Any], section: str, content: str) -> Iterator[tuple[str, dict[str, Any]]]:
    entries = document.get(section)
    for entry in entries if isinstance(entries, list) else []:
        if isinstance(entry, dict) and isinstance(entry.get("name"), str) and isinstance(entry.get(content), dict):
            yield entry["name"], entry[content]
