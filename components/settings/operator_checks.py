"""Rules between the settings of the operator, and between them and what the stack serves or exposes.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own which images go
together, which chart a path may hold, and what of the operator's settings nothing would read. Do not own which modes
of the API proxy are possible (api_proxy_checks.py).
"""

from __future__ import annotations

import tarfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from pydantic_core import PydanticCustomError

from components.documents import DocumentError, read_yaml, yaml_mapping
from components.naming import CHART, CHART_REPOSITORY
from components.settings.operator import OPERATOR_VERSION
from components.settings.operator_forms import chart_path
from components.settings.problems import Problem, config_key, remove_command, set_command, shown
from components.versions import tag, version_in

MINORS_BACK = 4
"""So many minor versions a proxy may be older than its operator; newer it may not be at all."""


def section(raw: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    """A group of raw settings, empty when there is none or it is no group."""
    found: Any = raw
    for key in path:
        found = found.get(key) if isinstance(found, dict) else None
    return found if isinstance(found, dict) else {}


def check_images(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """Proxies are never newer than the operator, nor more than four minors older; the operator is the one declared."""
    operator = version_in(section(raw, "operator").get("version", OPERATOR_VERSION))
    if operator is None:
        return
    for name in ("operator", "proxy", "k8sProxy"):
        path = ("operator", "images", name, "tag")
        text = section(raw, *path[:3]).get("tag")
        version = version_in(text)
        if version is None:
            continue
        mend = f"{set_command(stack, path, tag(operator))}\nor {remove_command(stack, path)}"
        if name == "operator" and version != operator:
            yield Problem(
                config_key(path),
                f"It is {shown(text)}, and operator.version is {tag(operator)}.",
                "The version says which chart and which bounds go with the operator: another one would run under them.",
                mend,
            )
        elif version > operator:
            yield Problem(
                config_key(path),
                f"It is {shown(text)}, newer than the operator ({tag(operator)}).",
                "A proxy reads settings that only its own operator or a newer one writes.",
                mend,
            )
        elif version.major != operator.major or operator.minor - version.minor > MINORS_BACK:
            yield Problem(
                config_key(path),
                f"It is {shown(text)}, more than {MINORS_BACK} minor versions older than the operator"
                f" ({tag(operator)}).",
                "The operator no longer writes settings that such a proxy reads.",
                mend,
            )


def check_chart(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A chart has one place, and a path holds the chart that is pinned."""
    chart = section(raw, "operator", "chart")
    path = chart.get("path")
    if not isinstance(path, str) or not _is_chart_path(path):
        return
    key = ("operator", "chart", "path")
    if chart.get("repository", CHART_REPOSITORY) != CHART_REPOSITORY:
        yield Problem(
            config_key(key),
            "It is set, and repository is too.",
            "Helm takes the chart from one place; the other would look as if it were used.",
            f"{remove_command(stack, key)}\nor {remove_command(stack, ('operator', 'chart', 'repository'))}",
        )
    if raw.get("delivery", "handoff") == "handoff":
        yield Problem(
            config_key(key),
            "It is set, and the customer installs.",
            "A path on this machine is none on theirs: the folder that they are handed would name a chart that they do"
            " not have.",
            f"{set_command(stack, ('operator', 'chart', 'repository'), 'oci://registry.example.com/charts')}, and"
            f" {remove_command(stack, key)}",
        )
    pinned = chart.get("version") or str(section(raw, "operator").get("version", OPERATOR_VERSION)).removeprefix("v")
    try:
        found = chart_in(Path(path))
    except DocumentError as error:
        yield Problem(
            config_key(key),
            str(error),
            "A path is looked up from the project's folder, wherever the program runs.",
            f"helm pull {CHART} --repo URL --version {pinned}, beside the program\nor {remove_command(stack, key)}",
        )
        return
    if found != (CHART, pinned):
        yield Problem(
            config_key(key),
            f"It holds {' '.join(found)}, and {CHART} {pinned} is pinned.",
            "Helm does not compare the version of a chart that it takes from a path.",
            f"put the pinned chart there\nor {set_command(stack, ('operator', 'chart', 'version'), found[1])}",
        )


def _is_chart_path(path: str) -> bool:
    try:
        chart_path(path)
    except PydanticCustomError:  # told already, as what is wrong with this one value
        return False
    return True


def chart_in(path: Path) -> tuple[str, str]:
    """Name and version of the chart in a folder or a .tgz. Raises DocumentError with the reason."""
    if path.is_dir():
        about = read_yaml(path / "Chart.yaml")
    else:
        try:
            with tarfile.open(path, "r:gz") as packed:
                member = packed.extractfile(f"{CHART}/Chart.yaml")
                about = yaml_mapping(member.read() if member else b"", f"{path}/{CHART}/Chart.yaml")
        except (OSError, KeyError, tarfile.TarError, EOFError) as error:
            reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is no packed chart"
            raise DocumentError(f"{path} cannot be read as a chart: {reason}.") from None
    return str(about.get("name")), str(about.get("version"))


def check_pods(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """What no pod would read is not silently left out."""
    operator = section(raw, "operator")
    proxy_pods = operator.get("proxyPods")
    if not _says_anything(proxy_pods) or serves_by_proxies(raw):
        return
    key = ("operator", "proxyPods")
    if raw.get("recorder") is None:
        yield Problem(
            config_key(key),
            "It is set, and no proxy runs.",
            "Only exposures, highly available API proxies and the session recorder have pods of their own.",
            remove_command(stack, key),
        )
    elif section(operator, "proxyPods").get("priorityClassName") is not None:
        yield Problem(
            config_key((*key, "priorityClassName")),
            "It is set, and of all proxies only the session recorder runs.",
            "A Recorder has no field for it: nothing would read the setting.",
            remove_command(stack, (*key, "priorityClassName")),
        )


def check_ways_out(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """A fixed UDP port belongs to a node that serves something, and to a network that lets UDP out."""
    operator = section(raw, "operator")
    if operator.get("udpPort") is None:
        return
    key, api = ("operator", "udpPort"), section(operator, "apiServerProxy")
    if api.get("replicas") is not None or api.get("mode") == "none":
        yield Problem(
            config_key(key),
            "It is set, and the operator itself serves nothing.",
            "It is the port of the operator's own node; proxies take a random one, and have no setting for it.",
            remove_command(stack, key),
        )
    if operator.get("httpProxy") is not None:
        yield Problem(
            config_key(key),
            "It is set, and httpProxy is too.",
            "A network whose only way out is an HTTP proxy has no direct paths: a proxy carries no UDP.",
            f"{remove_command(stack, key)}\nor {remove_command(stack, ('operator', 'httpProxy'))}",
        )


def _says_anything(value: Any) -> bool:
    """Whether a group of settings sets anything; one that only repeats its empty defaults does not."""
    if isinstance(value, dict):
        return any(map(_says_anything, value.values()))
    return value not in (None, [], ())


def exposures(raw: Mapping[str, Any]) -> list[dict[str, Any]]:
    """What can be read of the exposures."""
    expose = raw.get("expose")
    return [each for each in expose if isinstance(each, dict)] if isinstance(expose, list) else []


def exposes_by_operator(raw: Mapping[str, Any]) -> bool:
    """Whether an exposure has a proxy of the operator's; a sidecar is the customer's own container."""
    return any(each.get("kind") != "sidecar" for each in exposures(raw))


def serves_by_proxies(raw: Mapping[str, Any]) -> bool:
    """Whether pods run that a ProxyClass shapes."""
    return exposes_by_operator(raw) or section(raw, "operator", "apiServerProxy").get("replicas") is not None
