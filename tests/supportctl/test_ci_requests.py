"""The comment on each made pull request, from what the real engine said of it (record_previews.py)."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from syrupy.assertion import SnapshotAssertion

from supportctl.ci import events
from supportctl.ci.affected import Affected, Change, affected
from supportctl.ci.comment import comment
from supportctl.ci.declared import declared
from supportctl.ci.model import Preview
from tests.supportctl.pull_requests import REQUESTS

DATA = Path(__file__).parent / "data" / "ci"


def recording(name: str) -> dict[str, Any]:
    return json.loads((DATA / f"{name}.json").read_text())


def touched(name: str) -> Affected:
    told = recording(name)
    return affected([Change(path, status) for path, status in told["changes"]], told["standing"])


def previews(name: str) -> list[Preview]:
    return [preview(stack, said) for stack, said in recording(name)["said"].items()]


def preview(stack: str, said: Any) -> Preview:
    if isinstance(said, dict):  # of a stack that goes only its outputs are read
        return Preview(stack=stack, kind="removed", succeeded=True, seconds=0.0, before=said["outputs"])
    read = events.read(json.dumps(event) for event in said)
    found = read.preview(stack, 1.0)
    if not read.outputs_are_new and (settings := declared(stack, read.config)) is not None:
        found = found.model_copy(update={"after": settings, "source": "settings"})
    return found


def recorded_comment(name: str) -> str:
    return comment(previews(name), judges=touched(name).judges)


@pytest.mark.parametrize("name", REQUESTS)
def test_the_comment_says_what_the_change_does(name: str, snapshot: SnapshotAssertion) -> None:
    assert recorded_comment(name) == snapshot


VERDICTS = {
    "one_stack": {"globex-prod": "**access is widened**"},
    "component": {"tailnet": "nobody's access changes", "globex-prod": "**would be refused**; it asks for more access"},
    "tailnet": {"tailnet": "**access is widened**", "acme-dev": "nobody's access changes"},
    "added": {"initech-prod": "**access is widened**"},
    "removed": {"globex-prod": "its file is removed, **and its access stays until it is destroyed**"},
    "malicious": {"globex-prod": "**would be refused**; it asks for more access"},
    "hidden": dict.fromkeys(("acme-dev", "globex-prod"), "**would be refused**; it asks for more access"),
    "unreachable": {"acme-prod": "**access is widened**"},
    "admin": {"acme-prod": "**would be refused**; it asks for more access"},
}


@pytest.mark.parametrize("name", REQUESTS)
def test_the_verdict_is_as_the_change_was_meant(name: str) -> None:
    said = recorded_comment(name)
    for stack, verdict in VERDICTS[name].items():
        assert f"### `{stack}`: {verdict}\n" in said


@pytest.mark.parametrize("name", REQUESTS)
def test_only_stacks_that_the_change_touches_were_previewed(name: str) -> None:
    assert list(touched(name).stacks) == list(recording(name)["said"])


@pytest.mark.parametrize("name", REQUESTS)
def test_no_recording_and_no_comment_holds_a_secret(name: str) -> None:
    for text in (json.dumps(recording(name)), recorded_comment(name)):
        assert not re.search("tskey|client_secret|ciphertext|encryptionsalt", text)


def test_an_unreachable_cluster_is_said_to_be_that() -> None:
    assert "What is in the cluster is as of the last update, not as it is now" in recorded_comment("unreachable")
