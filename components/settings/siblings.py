"""What stacks side by side must not share: a cluster, a host name, a place of their egress rules.

Owns the comparison with the other stacks' files in one folder. Compares what a file says, right or wrong; a file that
cannot be read is skipped, because its stack cannot be applied either before it is mended, and is compared then.
Does not see stacks whose files lie elsewhere: there the cluster itself refuses a second namespace and release.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from components.documents import DocumentError, read_yaml
from components.settings import kubeconfig
from components.settings.egress import check_shared
from components.settings.environment_checks import declared_names
from components.settings.problems import PROJECT, Problem, config_key, set_command, shown, stack_file


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
            theirs = {k.removeprefix(prefix): v for k, v in config.items() if str(k).startswith(prefix)}
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
    hostname = _hostname(raw)
    if hostname is not None and hostname == _hostname(theirs):
        yield Problem(
            config_key(("operator", "hostname")),
            f"Stack {shown(other)} has the host name {shown(hostname)} too.",
            "Names are unique in a tailnet: whichever operator comes second silently becomes -1, and its URL with it.",
            set_command(stack, ("operator", "hostname"), f"{stack}-kube"),
        )
    yield from check_shared(stack, raw, other, theirs)


def _same_cluster(raw: Mapping[str, Any], theirs: Mapping[str, Any]) -> bool:
    """The same context of the same file, or two contexts of one API server."""
    ours, other = kubeconfig.declared_cluster(raw), kubeconfig.declared_cluster(theirs)
    if ours is None or other is None:
        return False
    if ours[1] == other[1] and kubeconfig.files(ours[0]) == kubeconfig.files(other[0]):
        return True
    server = _server(*ours)
    return server is not None and server == _server(*other)


def _server(file: Path | None, context: str) -> str | None:
    try:
        return kubeconfig.servers(file).get(context)
    except DocumentError:
        return None


def _hostname(raw: Mapping[str, Any]) -> str | None:
    names = declared_names(raw)
    return _text(raw, "operator", "hostname") or (names.hostname if names else None)


def _text(raw: Mapping[str, Any], section: str, key: str) -> str | None:
    value = raw[section].get(key) if isinstance(raw.get(section), dict) else None
    return value if isinstance(value, str) else None
