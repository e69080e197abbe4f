"""What is handed over is what the last `pulumi up` made: a file that has moved on since is no handoff."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyrage
import pytest

from components.settings.environment import EnvironmentSettings
from supportctl.handoff.agreement import disagreement
from supportctl.handoff.command import NOT_WRITTEN, WRITTEN
from tests.components.exposing import LOCAL
from tests.supportctl.handing_over import FEDERATED, OUTPUTS, SECRET, SETTINGS, contents, declared, federated

ROTATED = {"credential": {"generation": 2}}
MOVED: dict[str, tuple[Any, str]] = {
    "deployer": ("autogroup:admin", "deployer"),
    "operator": ({"hostname": "code-name"}, "operator.hostname"),
    "credential": (ROTATED["credential"], "credential.generation"),
    "access": ([SETTINGS["access"][0], {"from": "lin@highflame.example", "role": "read-only"}], "access[1].role"),
    "suspended": (True, "suspended"),
    "readOnly": ({"resources": ["workflows.argoproj.io"]}, "readOnly.resources"),
    "roster": (["ada@highflame.example"], "roster"),
    "anyUser": ({"reason": "people change daily at the vendor"}, "anyUser"),
    "networkPolicy": ({"form": "cilium-sni"}, "networkPolicy.form"),
    "egress": (
        [{"target": "aws-security-group", "region": "eu-central-1", "securityGroup": "sg-00000000", "derp": "any443"}],
        "egress",
    ),
    "expose": (
        [{"name": "net", "kind": "connector", "routes": ["10.2.0.0/24"], "ports": [22], "from": "group:a"}],
        "expose",
    ),
    "recorder": ({"storage": LOCAL}, "recorder"),
    "isolation": (
        {"exceptions": [{"finding": "undeclared-reach", "subject": "group:a", "reason": "is narrowed next week"}]},
        "isolation",
    ),
    "enrolment": ({"timeoutSeconds": 60}, "enrolment"),
}
"""Every setting that a handoff may have to another value, and the key that is to be told."""


def key_of(said: str) -> list[str]:
    """The keys that a refusal names."""
    return [line.split(": ")[0].strip() for line in said.splitlines() if line.startswith("  support-access:")]


@pytest.mark.parametrize("way", ["print", "age"])
def test_a_raised_generation_gives_nobody_the_old_credential_under_the_new_name(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str], way: str
) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    asked = {"age": (recipient,), "credential": tmp_path / "acme.age"} if way == "age" else {"print_credential": True}
    assert handoff(ROTATED, made={}, **asked) == NOT_WRITTEN
    printed = capsys.readouterr()
    assert "  support-access:credential.generation: 2 now, 1 at the last `pulumi up`" in printed.err.splitlines()
    assert "Mend: Run `pulumi up -s acme-prod`, or put the file back." in printed.err
    assert SECRET not in printed.out + printed.err
    assert contents(tmp_path) == {}
    assert handoff(ROTATED, **asked) == WRITTEN


def test_a_folder_that_was_written_before_stays_as_it_was(handoff: Callable[..., int], tmp_path: Path) -> None:
    assert handoff() == WRITTEN
    before = contents(tmp_path)
    assert handoff(ROTATED, made={}) == NOT_WRITTEN
    assert contents(tmp_path) == before


def test_no_setting_is_left_out_of_the_comparison() -> None:
    of_the_stack = {"customer", "environment", "delivery", "cluster"}
    spelled = {field.alias or name for name, field in EnvironmentSettings.model_fields.items()}
    assert spelled - of_the_stack == MOVED.keys()


@pytest.mark.parametrize("name", MOVED)
def test_whatever_differs_is_named_by_its_key_in_either_direction(name: str) -> None:
    value, key = MOVED[name]
    plain, other = declared(), declared(**{name: value})
    for now, before in ((plain, other), (other, plain)):
        said = disagreement("acme-prod", now, {"declared": before.declared})
        assert said is not None
        assert [one.startswith(f"support-access:{key}") for one in key_of(said)] == [True], said
    assert disagreement("acme-prod", other, {"declared": other.declared}) is None


def test_all_of_it_is_told_at_once() -> None:
    before = declared(**federated(), roster=["ada@highflame.example"])
    now = declared(
        **federated(audience="acme.example"), roster=["grace@highflame.example"], access=SETTINGS["access"][:1]
    )
    assert key_of(disagreement("acme-prod", now, {"declared": before.declared}) or "") == [
        "support-access:access",
        "support-access:credential.federation.audience",
        "support-access:roster[0]",
    ]


@pytest.mark.parametrize(
    ("now", "made", "outputs"),
    [
        ({}, federated(), FEDERATED),
        (federated(), federated(None), FEDERATED),
        (federated(issuer="https://elsewhere.example"), federated(), FEDERATED),
    ],
    ids=["back to a Secret", "the id came since", "another issuer"],
)
def test_the_folder_names_no_other_way_to_prove_oneself_than_was_made(
    handoff: Callable[..., int],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    now: dict[str, Any],
    made: dict[str, Any],
    outputs: dict[str, Any],
) -> None:
    assert handoff(now, made=made, outputs=outputs) == NOT_WRITTEN
    assert "support-access:credential.federation" in capsys.readouterr().err
    assert contents(tmp_path) == {}


def test_an_access_whose_last_day_is_over_is_not_handed_over_before_it_is_gone(
    handoff: Callable[..., int], capsys: pytest.CaptureFixture[str]
) -> None:
    """Until the next update its grant stands: the folder would say that nobody else gets in."""
    assert handoff({"access": SETTINGS["access"][:1]}, made=SETTINGS) == NOT_WRITTEN
    assert "support-access:access: " in capsys.readouterr().err


def test_what_an_older_version_of_the_program_made_is_made_again_first(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handoff(outputs={**OUTPUTS, "declared": None}) == NOT_WRITTEN
    assert "Run `pulumi up -s acme-prod` first" in " ".join(capsys.readouterr().err.split())
    assert contents(tmp_path) == {}


def test_where_the_chart_comes_from_is_this_machines_business(
    handoff: Callable[..., int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variable is set where updates run, and not where somebody hands over, or the other way round."""
    monkeypatch.setenv("SUPPORT_ACCESS_CHART_REPOSITORY", "https://mirror.example.com/charts")
    mirrored = declared().with_chart_of_this_machine()
    assert mirrored.operator.chart.repository_url == "https://mirror.example.com/charts"
    assert disagreement("acme-prod", mirrored, {"declared": declared().declared}) is None
