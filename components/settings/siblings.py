"""What stacks side by side must not share: a cluster, an issuer, a host name, a place of their egress rules.

Owns the comparison with the other stacks' files in one folder. Compares what a file says, right or wrong; a file that
cannot be read is skipped, because its stack cannot be applied either before it is mended, and is compared then.
Does not see stacks whose files lie elsewhere: there the cluster itself refuses a second namespace and release.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.documents import DocumentError, read_yaml
from components.settings.egress import check_shared
from components.settings.environment_checks import declared_names
from components.settings.expose_checks import hostnames
from components.settings.kubeconfig import declared_cluster
from components.settings.problems import (
    PROJECT,
    KeyPath,
    Problem,
    config_key,
    remove_command,
    set_command,
    shown,
    stack_file,
)
from providers.cluster.kubeconfig import files, servers
from providers.cluster.problems import ClusterUnknownError

OPERATOR_HOSTNAME: KeyPath = ("operator", "hostname")
API_HOSTNAME: KeyPath = ("operator", "apiServerProxy", "hostname")
RECORDER_HOSTNAME: KeyPath = ("recorder", "hostname")
OWN = {OPERATOR_HOSTNAME: "kube", API_HOSTNAME: "api", RECORDER_HOSTNAME: "rec"}
"""What a name ends in, after the stack's, that no other stack has."""


def check_siblings(stack: str, raw: Mapping[str, Any], stacks_dir: Path) -> Iterator[Problem]:
    """Problems of `stack` with every other stack that has a file in `stacks_dir`."""
    for file in sorted(stacks_dir.glob("Pulumi.*.yaml")):
        other = file.name.removeprefix("Pulumi.").removesuffix(".yaml")
        if other == stack:
            continue
        try:
            config = read_yaml(file).get("config")
        except DocumentError:
            continue
        if isinstance(config, dict):
            prefix = f"{PROJECT}:"
            theirs = {k.removeprefix(prefix): _meant(v) for k, v in config.items() if str(k).startswith(prefix)}
            yield from _compare(stack, raw, other, theirs)


def _compare(stack: str, raw: Mapping[str, Any], other: str, theirs: Mapping[str, Any]) -> Iterator[Problem]:
    if _same_cluster(raw, theirs):
        yield Problem(
            config_key(("cluster",)),
            f"It is the cluster of stack {shown(other)} too.",
            "The operator's chart has fixed object names: a cluster holds one environment, and destroying either stack"
            " would uninstall the operator of both.",
            f"give each its own cluster: {set_command(stack, ('cluster', 'context'), 'NAME')}\nor destroy stack {other}"
            f" and remove {stack_file(other)}",
        )
    taken = _hostnames(theirs).values()
    for key, hostname in _hostnames(raw).items():
        if hostname in taken:
            yield Problem(
                config_key(key),
                f"Stack {shown(other)} has the host name {shown(hostname)} too.",
                "Names are unique in a tailnet: whichever comes second silently becomes -1, and its URL with it.",
                set_command(stack, key, f"{stack}-{OWN.get(key, hostname)}"[:63]),
            )
    yield from check_shared(stack, raw, other, theirs)
    issuer = _issuer(raw)
    if issuer is not None and issuer == _issuer(theirs):
        yield Problem(
            config_key(("credential", "federation", "issuer")),
            f"It is the issuer of stack {shown(other)} too.",
            "Whoever administers one of the clusters could make a token for the other's operator: the subject is the"
            " same in both.",
            "give each cluster an issuer of its own (--service-account-issuer), or leave one of them a Secret:"
            f" {remove_command(stack, ('credential', 'federation'))}",
        )


def _meant(value: Any) -> Any:
    """What a value of a stack's file becomes: the program takes JSON in a text for what it says (load.py)."""
    if isinstance(value, str) and value.lstrip().startswith(("{", "[")):
        with contextlib.suppress(ValueError, RecursionError):
            return json.loads(value)
    return value


def _same_cluster(raw: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """The same context of the same file, or two contexts of one API server."""
    ours, other = declared_cluster(raw), declared_cluster(theirs)
    if ours is None or other is None:
        return False
    if ours[1] == other[1] and files(ours[0]) == files(other[0]):
        return True
    server = _server(*ours)
    return server is not None and server == _server(*other)


def _server(file: Path | None, context: str) -> str | None:
    try:
        return servers(file).get(context)
    except ClusterUnknownError:
        return None


def _hostnames(raw: Mapping[str, Any]) -> dict[KeyPath, str]:
    """What the tailnet calls this stack's devices and, where there is one, its highly available API, by setting."""
    names, operator = declared_names(raw), _section(raw, "operator")
    api, recorder = _section(operator, "apiServerProxy"), raw.get("recorder")
    found: dict[KeyPath, str | None] = {
        OPERATOR_HOSTNAME: _text(operator, "hostname") or (names.hostname if names else None)
    }
    if api.get("replicas") is not None:
        found[API_HOSTNAME] = _text(api, "hostname") or (names.api_hostname if names else None)
    if isinstance(recorder, dict):
        called = _text(recorder, "hostname") or (names.recorder if names else None)
        found[RECORDER_HOSTNAME] = f"{called}-0" if called else None  # its pod's number
    exposed = {("expose", number, "hostname"): name for name, number in hostnames(raw).items()}
    return exposed | {key: name for key, name in found.items() if name is not None}


def _issuer(raw: Mapping[str, Any]) -> str | None:
    return _text(_section(_section(raw, "credential"), "federation"), "issuer")


def _section(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return raw[key] if isinstance(raw.get(key), dict) else {}


def _text(section: Mapping[str, Any], key: str) -> str | None:
    value = section.get(key)
    return value if isinstance(value, str) else None
