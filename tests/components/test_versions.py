"""A version of the operator that cannot do what a stack asks for is refused, with the reason and a good version."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from packaging.version import Version

from components.manifests.recorder import recorder
from components.outputs import notices
from components.settings.environment import EnvironmentSettings
from components.settings.load import load
from components.settings.operator import OPERATOR_VERSION
from components.settings.problems import Problem, SettingsError
from components.versions import FAULTS, LEAST, NEWEST_OF_EACH_MINOR, Feature, nearest_good, tag
from tests.components.least import LEAST as STACK

ISSUER = {"federation": {"issuer": "https://oidc.acme.example"}}
RECORDER = {
    "recorder": {"storage": {"kind": "local", "viewers": "group:highflame-audit"}},
    "credential": {"acknowledge": ["devices:core"]},
}
INGRESS = {
    "expose": [
        {
            "kind": "ingress",
            "name": "studio",
            "namespace": "studio",
            "service": "studio-ui",
            "port": 8080,
            "from": "group:highflame-sre",
        }
    ]
}
REPLICAS = {"apiServerProxy": {"replicas": 2}}
SCOPES = {"credential": {"acknowledge": ["devices:core", "services"]}}
DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "operator.md"


def loaded(operator: dict[str, Any], **keys: Any) -> EnvironmentSettings:
    raw = {**STACK, "operator": operator, **keys}
    flat = {
        f"support-access:{key}": value if isinstance(value, str) else json.dumps(value) for key, value in raw.items()
    }
    settings = load("acme-prod", flat)
    assert isinstance(settings, EnvironmentSettings)
    return settings


def refused(operator: dict[str, Any], key: str = "operator.version", **keys: Any) -> Problem:
    with pytest.raises(SettingsError) as caught:
        loaded(operator, **keys)
    assert [problem.key for problem in caught.value.problems] == [f"support-access:{key}"]
    return caught.value.problems[0]


@pytest.mark.parametrize(
    ("version", "keys", "reason", "good"),
    [
        ("v0.99.0", {}, "older than v1.78.0", "v1.78.3"),
        ("v1.1.1", {}, "older than v1.78.0", "v1.78.3"),
        ("v1.77.9", {}, "unstable builds", "v1.78.3"),
        ("v1.97.100", {}, "unstable builds", "v1.98.10"),
        ("v1.106.0", {}, "newer than v1.104.7", "v1.104.7"),
        ("v2.0.0", {}, "newer than v1.104.7", "v1.104.7"),
        ("v1.92.3", {}, "/issues/18228", "v1.92.5"),
        ("v1.50.0", RECORDER, "not recorded", "v1.88.4"),
        ("v1.86.5", RECORDER, "/issues/16490", "v1.88.4"),
        ("v1.98.3", {"credential": ISSUER}, "/issues/19844", "v1.98.10"),
        ("v1.90.9", {"credential": ISSUER}, "the least for credential.federation", "v1.92.5"),
    ],
)
def test_a_version_that_cannot_do_it_is_refused_with_the_nearest_good_one(
    version: str, keys: dict[str, Any], reason: str, good: str
) -> None:
    problem = refused({"version": version}, **keys)
    assert version in problem.what
    assert reason in problem.what
    assert "https://" in problem.what
    assert problem.mend.splitlines()[0] == (
        f"pulumi config set --stack acme-prod --path support-access:operator.version {good}"
    )
    assert loaded({"version": good}, **keys).operator.version == good


@pytest.mark.parametrize(
    ("operator", "keys"),
    [
        ({"version": OPERATOR_VERSION}, {}),
        ({"version": OPERATOR_VERSION}, RECORDER),
        ({"version": OPERATOR_VERSION, **REPLICAS}, SCOPES),
        ({"version": "v1.78.0"}, {}),
        ({"version": "v1.86.2"}, {}),
        ({"version": "v1.92.3"}, {"credential": ISSUER}),
        ({"version": "v1.92.4"}, {}),
        ({"version": "v1.92.5"}, RECORDER),
        ({"version": "v1.98.3"}, {}),
        ({"version": "v1.104.7"}, {}),
    ],
)
def test_a_fault_refuses_only_what_uses_the_broken_feature(operator: dict[str, Any], keys: dict[str, Any]) -> None:
    assert loaded(operator, **keys).operator.version == operator["version"]


@pytest.mark.parametrize(
    ("operator", "key", "reason"),
    [
        ({"version": "v1.86.2", **REPLICAS}, "operator.version", "/issues/16920"),
        ({"version": "v1.84.3", **REPLICAS}, "operator.version", "ProxyGroup of type kube-apiserver"),
        (
            {"version": "v1.90.9", "images": {"k8sProxy": {"tag": "v1.86.2-acme.1"}}, **REPLICAS},
            "operator.images.k8sProxy.tag",
            "/issues/16920",
        ),
        ({"version": "v1.92.5", "chart": {"version": "1.92.3"}}, "operator.chart.version", "/issues/18228"),
    ],
)
def test_each_part_with_a_version_of_its_own_is_checked(operator: dict[str, Any], key: str, reason: str) -> None:
    keys = SCOPES if "apiServerProxy" in operator else {}
    problem = refused(operator, key, **keys)
    assert reason in problem.what
    if key != "operator.version":
        assert problem.mend.startswith(f"pulumi config rm --stack acme-prod --path support-access:{key}\n")


def test_a_chart_that_was_repaired_saves_the_version_whose_chart_was_broken() -> None:
    assert loaded({"version": "v1.92.3", "chart": {"version": "1.92.4"}}).operator.version == "v1.92.3"


def test_a_feature_that_the_version_lacks_can_be_given_up_instead() -> None:
    problem = refused({"version": "v1.86.5"}, **RECORDER)
    assert "or pulumi config rm --stack acme-prod support-access:recorder" in problem.mend
    problem = refused({"pod": {"priorityClassName": "high"}})
    assert OPERATOR_VERSION in problem.what
    assert "or pulumi config rm --stack acme-prod --path support-access:operator.pod.priorityClassName" in problem.mend


def test_events_need_a_version_that_grants_can_ask_for_them() -> None:
    recorder = {**RECORDER, "recorder": {**RECORDER["recorder"], "events": True}}
    assert "recorder.events" in refused({"version": "v1.92.5"}, **recorder).what
    assert loaded({"version": "v1.94.2"}, **recorder)


def test_every_entry_of_the_table_has_a_public_link_and_a_good_version() -> None:
    for entry in (*LEAST, *FAULTS):
        assert re.match(r"https://(github\.com/tailscale/tailscale|tailscale\.com)/", entry.link), entry
        assert nearest_good(Version("1.0.0"), {Feature.EVERY_STACK, entry.feature}) in NEWEST_OF_EACH_MINOR
    assert list(NEWEST_OF_EACH_MINOR) == sorted(NEWEST_OF_EACH_MINOR)
    assert not [release for release in NEWEST_OF_EACH_MINOR if release.minor % 2]


def test_preview_warns_that_the_recorder_is_deprecated_and_what_this_version_loses() -> None:
    assert notices(loaded({})) == []
    deprecated, *faults = notices(loaded({}, **RECORDER))
    assert "August 2027" in deprecated
    assert "not offer it to new tailnets" in deprecated
    assert "docs/exposures.md" in deprecated
    assert len(faults) == 2
    assert "Before v1.98.0, frames of exec sessions over WebSocket are lost" in faults[0]
    assert faults[0].endswith("support-access:operator.version v1.98.10")
    assert "Before v1.102.4" in faults[1]
    assert len(notices(loaded({"version": "v1.102.5"}, **RECORDER))) == 1


def test_only_a_handoff_is_warned_of_ipv6_behind_an_ingress() -> None:
    """In a managed delivery the preflight check reads the Service's address."""
    ingress = {**INGRESS, "credential": {"acknowledge": ["devices:core"]}}
    assert ["IPv6" in notice for notice in notices(loaded({}, **ingress))] == [True]
    settings = loaded({}, **ingress)
    managed = {**settings.declared, "delivery": "managed", "cluster": {"context": "acme-prod"}}
    assert notices(EnvironmentSettings.model_validate(managed)) == []


@pytest.mark.parametrize(("version", "replicas"), [("v1.90.9", None), ("v1.92.5", 1), ("v1.96.5", 1)])
def test_a_recorder_says_its_replicas_where_the_definition_has_them(version: str, replicas: int | None) -> None:
    """Before v1.92.0 the field is unknown; up to v1.94.2 a Recorder without it is refused by its own definition."""
    settings = loaded({"version": version}, **RECORDER)
    assert settings.recorder is not None
    assert recorder(settings, settings.recorder)["spec"].get("replicas") == replicas


def table() -> str:
    """The table of docs/operator.md, from the data."""
    rows = [("used", "versions", "the others", "then", "source"), ("---",) * 5]
    rows += [
        (entry.feature, f"from {tag(entry.first)}", f"before that {entry.before}", "refused", entry.link)
        for entry in LEAST
    ]
    rows += [
        (
            fault.feature,
            f"not {tag(fault.since)} until before {tag(fault.until)}",
            fault.what,
            "refused" if fault.refused else "a warning",
            fault.link,
        )
        for fault in FAULTS
    ]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def test_the_document_has_the_table() -> None:
    assert table() in DOCUMENT.read_text(encoding="utf-8"), f"docs/operator.md should hold:\n{table()}"
