"""What stacks side by side must not share: a cluster, an issuer, a host name, a place of their egress rules.

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
from components.settings.expose_checks import hostnames
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

OPERATOR_HOSTNAME: KeyPath = ("operator", "hostname")
API_HOSTNAME: KeyPath = ("operator", "apiServerProxy", "hostname")


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
    taken = _hostnames(theirs).values()
    for key, hostname in _hostnames(raw).items():
        if hostname in taken:
            yield Problem(
                config_key(key),
                f"Stack {shown(other)} has the host name {shown(hostname)} too.",
                "Names are unique in a tailnet: whichever comes second silently becomes -1, and its URL with it.",
                set_command(stack, key, f"{stack}-kube" if key == OPERATOR_HOSTNAME else f"{stack}-api"),
            )
    elsewhere = hostnames(theirs)
    for name, number in hostnames(raw).items():
        if name in elsewhere:
            yield Problem(
                config_key(("expose", number, "hostname")),
                f"Stack {shown(other)} has an exposure with the host name {shown(name)} too.",
                "Names are unique in a tailnet: whichever proxy comes second silently becomes -1.",
                set_command(stack, ("expose", number, "hostname"), f"{stack}-{name}"[:63]),
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


def _hostnames(raw: Mapping[str, Any]) -> dict[KeyPath, str]:
    """The operator's host name and, where there is one, the highly available API's, by the setting of each."""
    names, operator = declared_names(raw), _section(raw, "operator")
    api = _section(operator, "apiServerProxy")
    found = {OPERATOR_HOSTNAME: _text(operator, "hostname") or (names.hostname if names else None)}
    if api.get("replicas") is not None:
        found[API_HOSTNAME] = _text(api, "hostname") or (names.api_hostname if names else None)
    return {key: name for key, name in found.items() if name is not None}


def _issuer(raw: Mapping[str, Any]) -> str | None:
    return _text(_section(_section(raw, "credential"), "federation"), "issuer")


def _section(raw: Mapping[str, Any], key: str) -> Mapping[str, Any]:
    return raw[key] if isinstance(raw.get(key), dict) else {}


def _text(section: Mapping[str, Any], key: str) -> str | None:
    value = section.get(key)
    return value if isinstance(value, str) else None
