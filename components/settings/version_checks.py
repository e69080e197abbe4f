"""Rules between the versions of the operator, its chart and its API proxies, and what the stack uses.

They read the raw values, like environment_checks.py: they speak even while another value is wrong. Own which features a
stack uses and the messages. Do not own the table of versions (components/versions.py) nor the form of one version
(operator_forms.py).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from components.settings.operator import OPERATOR_VERSION
from components.settings.operator_checks import exposures, section
from components.settings.problems import KeyPath, Problem, config_key, remove_command, set_command, shown
from components.versions import Feature, Part, nearest_good, refusals, tag, version_in

OPTIONAL: dict[Feature, KeyPath] = {
    feature: tuple(feature.value.split("."))
    for feature in (
        Feature.FEDERATION,
        Feature.API_REPLICAS,
        Feature.POD_PRIORITY,
        Feature.PROXY_PRIORITY,
        Feature.RECORDER,
        Feature.RECORDER_EVENTS,
    )
}
"""Features that are one setting, which a stack can do without."""


def used_features(raw: Mapping[str, Any]) -> frozenset[Feature]:
    """What of the table's features the raw settings ask for."""
    operator, recorder = section(raw, "operator"), raw.get("recorder")
    used = {
        Feature.EVERY_STACK: True,
        Feature.OAUTH_CLIENT: section(raw, "credential").get("federation") is None,
        Feature.FEDERATION: section(raw, "credential").get("federation") is not None,
        Feature.API_REPLICAS: section(operator, "apiServerProxy").get("replicas") is not None,
        Feature.POD_PRIORITY: section(operator, "pod").get("priorityClassName") is not None,
        Feature.PROXY_PRIORITY: section(operator, "proxyPods").get("priorityClassName") is not None,
        Feature.INGRESS: any(exposure.get("kind") == "ingress" for exposure in exposures(raw)),
        Feature.RECORDER: recorder is not None,
        Feature.RECORDER_EVENTS: section(raw, "recorder").get("events") is True,
    }
    return frozenset(feature for feature, is_used in used.items() if is_used)


def check_versions(stack: str, raw: Mapping[str, Any]) -> Iterator[Problem]:
    """No part of the installation is of a version that does not do what the stack asks for."""
    features = used_features(raw)
    paths = {part: tuple(part.value.split(".")) for part in Part}
    given = {part: section(raw, *path[:-1]).get(path[-1]) for part, path in paths.items()}
    for part, path in paths.items():
        text = OPERATOR_VERSION if part is Part.OPERATOR and given[part] is None else given[part]
        version = version_in(text)
        if version is None:
            continue
        # What has no version of its own takes the operator's.
        parts = {part} | {other for other in Part if part is Part.OPERATOR and given[other] is None}
        found = list(refusals(version, features, parts))
        if not found:
            continue
        good = tag(nearest_good(version, features))
        fixes = [] if part is Part.OPERATOR else [remove_command(stack, path)]
        fixes += [set_command(stack, path, good.removeprefix("v") if part is Part.CHART else good)]
        fixes += [remove_command(stack, OPTIONAL[feature]) for _, feature in found if feature in OPTIONAL]
        yield Problem(
            config_key(path),
            f"It is {shown(text)}. {' '.join(why for why, _ in found)}",
            "The operator would fail, or would not do what this stack relies on.",
            "\nor ".join(dict.fromkeys(fixes)),
        )
