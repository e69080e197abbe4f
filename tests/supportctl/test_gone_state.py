"""What a state proves of the customer's cloud, and what the lack of one does not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from supportctl.verify.gone_state import State, exported, state_lines

RULE = "aws:vpc/securityGroupEgressRule:SecurityGroupEgressRule"
FILE = """config:
  support-access:egress:
    - target: aws-security-group
      region: eu-central-1
      securityGroup: sg-0123456789abcdef0
"""


def row(kind: str, name: str, custom: bool = True) -> dict[str, Any]:
    urn = f"urn:pulumi:acme-prod::support-access::{kind}::{name}"
    return {"urn": urn, "type": kind, "custom": custom, "id": f"{name}-id"}


def found(state: State, project: Path) -> dict[str, tuple[str, tuple[str, ...]]]:
    return {line.what: (line.answer, line.said) for line in state_lines("acme-prod", project, state)}


def test_a_state_without_resources_is_gone_and_so_are_its_rules(tmp_path: Path) -> None:
    empty = [row("pulumi:pulumi:Stack", "s", custom=False), row("pulumi:providers:aws", "p")]
    assert found(State(empty), tmp_path) == {"state": ("gone", ()), "cloud rules": ("gone", ())}


def test_a_rule_that_the_state_names_is_left_in_the_cloud_and_a_release_only_in_the_state(tmp_path: Path) -> None:
    state = State([row("kubernetes:helm.sh/v3:Release", "release"), row("support-access:cluster:Operator", "c", False)])
    assert found(state, tmp_path)["cloud rules"][0] == "gone"
    assert found(state, tmp_path)["state"] == ("left", ("release (kubernetes:helm.sh/v3:Release, release-id)",))
    both = State([*state.rows, row(RULE, "rule")])
    assert found(both, tmp_path)["cloud rules"] == ("left", (f"rule ({RULE}, rule-id)",))


def test_what_a_run_was_making_when_it_was_cut_short_is_not_called_gone(tmp_path: Path) -> None:
    """It is no resource of the state, and may be there."""
    lines = found(State(begun=[row(RULE, "rule")]), tmp_path)
    assert lines["state"][0] == "left"
    assert "--clear-pending-creates" in lines["state"][1][0]
    assert lines["cloud rules"][0] == "unknown"
    ours = found(State(begun=[row("kubernetes:core/v1:Secret", "s")]), tmp_path)
    assert (ours["state"][0], ours["cloud rules"][0]) == ("left", "gone")
    both = found(State([row(RULE, "other")], begun=[row(RULE, "rule")]), tmp_path)
    assert both["cloud rules"] == ("left", (f"other ({RULE}, other-id)",))


def test_without_the_stack_nothing_is_known_of_its_rules_and_the_way_to_look_is_told(tmp_path: Path) -> None:
    without_file = found(State(there=False), tmp_path)
    assert without_file["state"] == ("gone", ())
    assert without_file["cloud rules"][0] == "unknown"
    (tmp_path / "stacks").mkdir()
    (tmp_path / "stacks" / "Pulumi.acme-prod.yaml").write_text(FILE)
    answer, (said,) = found(State(there=False), tmp_path)["cloud rules"]
    assert answer == "unknown"
    assert "aws ec2 describe-security-group-rules --region eu-central-1" in said
    assert "sg-0123456789abcdef0" in said


def test_a_state_that_cannot_be_read_proves_nothing(tmp_path: Path) -> None:
    lines = found(State(error="the backend does not answer"), tmp_path)
    assert lines == dict.fromkeys(("state", "cloud rules"), ("unknown", ("the backend does not answer",)))


@pytest.mark.parametrize(
    ("script", "there", "error"),
    [
        ('echo \'{"deployment": {"resources": [{"type": "t"}]}}\'', True, None),
        ("echo '{\"deployment\": null}'", True, None),
        ("echo \"error: no stack named 'acme-prod' found\" >&2; exit 1", False, None),
        ("echo 'error: could not get cloud url' >&2; exit 1", True, "could not get cloud url"),
        ("echo nonsense", True, "no JSON"),
    ],
)
def test_what_the_engine_says_of_a_stack(
    script: str, there: bool, error: str | None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pulumi = tmp_path / "pulumi"
    pulumi.write_text(f"#!/bin/sh\n{script}\n")
    pulumi.chmod(0o700)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    state = exported("acme-prod", tmp_path)
    assert state.there is there
    assert (error in str(state.error)) if error else state.error is None
