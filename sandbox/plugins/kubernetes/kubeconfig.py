"""Which cluster, as whom and in which namespace: kubeconfig files read the way client-go reads them.

Owns finding, merging and choosing. Opens no connection. A kubeconfig that cannot be used is a KubeconfigError, which
the connection turns into its verdict: it never stops the plugin from starting.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Config = dict[str, Any]

_LISTS = ("clusters", "contexts", "users")
_FILE_KEYS = ("certificate-authority", "client-certificate", "client-key", "tokenFile")
# What client-go falls back to when there is no configuration at all.
_DEFAULT_SERVER = "http://localhost:8080"


class KubeconfigError(Exception):
    """The configuration names no usable cluster; the text is the reason that the user reads."""


@dataclass(frozen=True)
class Target:
    """One cluster as one user: `config` holds exactly one context, the current one."""

    server: str
    namespace: str
    context: str
    config: Config


def parse(path_or_contents: str) -> Config:
    """The kubeconfig in a provider's `kubeconfig` argument: the path of a file, or YAML or JSON itself."""
    path = Path(path_or_contents).expanduser() if "\n" not in path_or_contents else None
    try:
        is_file = path is not None and path.is_file()
    except OSError:  # contents on one line, too long to be a file name
        is_file = False
    text = path.read_text() if path is not None and is_file else path_or_contents
    try:
        config = yaml.safe_load(text)
    except yaml.YAMLError as error:
        raise KubeconfigError(f"error converting YAML to JSON: {error}") from error
    if not isinstance(config, dict):
        raise KubeconfigError(
            "couldn't get version/kind; json parse error: it is neither the path of a file that can be read nor "
            "the contents of a kubeconfig"
        )
    return config


def ambient(environment: Mapping[str, str]) -> Config:
    """The files of $KUBECONFIG, else ~/.kube/config, merged: of two entries with one name the first counts."""
    paths = [Path(name) for name in environment.get("KUBECONFIG", "").split(":") if name]
    if not paths:
        paths = [Path(environment.get("HOME", "~")).expanduser() / ".kube" / "config"]
    merged: Config = {name: [] for name in _LISTS}
    for path in paths:
        if not path.is_file():
            continue
        config = parse(str(path))
        merged.setdefault("current-context", config.get("current-context"))
        for name in _LISTS:
            known = {entry.get("name") for entry in merged[name]}
            fresh = [entry for entry in config.get(name) or [] if entry.get("name") not in known]
            merged[name] += [_absolute(entry, path.parent) for entry in fresh]
    return merged


def _absolute(entry: Config, folder: Path) -> Config:
    """The entry with the files it names resolved against the folder of its kubeconfig."""
    inner = {
        kind: {key: str(folder / value) if key in _FILE_KEYS and value else value for key, value in body.items()}
        for kind, body in entry.items()
        if isinstance(body, dict)
    }
    return {**entry, **inner}


def _named(config: Config, kind: str, name: str) -> Config | None:
    return next((entry for entry in config.get(kind) or [] if entry.get("name") == name), None)


def choose(config: Config, context: str | None, cluster: str | None, namespace: str | None) -> Target:
    """The target that `config` describes, with a provider's own context, cluster and namespace put over it."""
    if not any(config.get(name) for name in _LISTS) and not context and not cluster:
        return _default(namespace)
    name = context or config.get("current-context") or ""
    chosen = _named(config, "contexts", name)
    if chosen is None:
        if name:
            raise KubeconfigError(f'context "{name}" does not exist')
        raise KubeconfigError(
            "invalid configuration: no configuration has been provided, try setting KUBERNETES_MASTER environment "
            "variable"
        )
    body: Config = dict(chosen.get("context") or {})
    body["cluster"] = cluster or body.get("cluster", "")
    body["namespace"] = namespace or body.get("namespace") or "default"
    user = _named(config, "users", body.get("user", "")) or {"name": body.get("user", ""), "user": {}}
    found = _named(config, "clusters", body["cluster"])
    if found is None:
        raise KubeconfigError(f'cluster "{body["cluster"]}" does not exist')
    server = (found.get("cluster") or {}).get("server")
    if not server:
        raise KubeconfigError(
            f'invalid configuration: cluster "{body["cluster"]}" has no server defined',
        )
    return _target(name, body, found, user)


def _default(namespace: str | None) -> Target:
    return _target(
        "default",
        {"cluster": "default", "user": "default", "namespace": namespace or "default"},
        {"name": "default", "cluster": {"server": _DEFAULT_SERVER}},
        {"name": "default", "user": {}},
    )


def _target(name: str, body: Config, cluster: Config, user: Config) -> Target:
    config: Config = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": name,
        "contexts": [{"name": name, "context": body}],
        "clusters": [cluster],
        "users": [user],
    }
    return Target(cluster["cluster"]["server"], body["namespace"], name, config)
