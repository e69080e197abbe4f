"""The pack under the real engine: the examples pass, a narrower limit stops one, and a state is audited offline."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.pulumi import ROOT, Pulumi
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine

PACK = str(ROOT / "policy")


@pytest.fixture(scope="module")
def standing(pulumi: Pulumi, example: Example) -> None:
    for stack in ("tailnet", "globex-prod"):
        example.write(stack)
        pulumi.up(stack)


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    return tmp_path / "limits.json"


def sandboxed(pulumi: Pulumi, config: dict[str, Any]) -> str:
    """The limits with the sandbox's own chart."""
    chart = f"{pulumi.env['SUPPORT_ACCESS_CHART_REPOSITORY'].rstrip('/')}/tailscale-operator"
    return json.dumps({"chart-known": {"charts": [chart]}, **config})


def preview(pulumi: Pulumi, limits: Path, config: dict[str, Any], stack: str = "globex-prod") -> tuple[int, str]:
    limits.write_text(sandboxed(pulumi, config))
    words = ("--policy-pack", PACK, "--policy-pack-config", str(limits))
    done = pulumi.run("preview", "-s", stack, *words, check=False)
    return done.code, done.output


def test_what_the_program_makes_passes_and_the_advice_is_told(standing: None, pulumi: Pulumi, limits: Path) -> None:
    code, said = preview(pulumi, limits, {})
    assert code == 0, said
    assert "hostname-tells" in said
    assert "[mandatory]" not in said


def test_the_stack_of_the_tailnet_passes_when_it_is_said_to_be_that(
    standing: None, pulumi: Pulumi, limits: Path
) -> None:
    code, said = preview(pulumi, limits, {}, "tailnet")
    assert code != 0
    assert "known-kinds" in said
    code, said = preview(pulumi, limits, {"known-kinds": {"tailnet": True}}, "tailnet")
    assert code == 0, said


def test_a_chart_from_elsewhere_stops_the_preview(standing: None, pulumi: Pulumi, limits: Path) -> None:
    code, said = preview(pulumi, limits, {"chart-known": {}})
    assert code != 0
    assert "tailscale-operator is not one of https://pkgs.tailscale.com/helmcharts/tailscale-operator" in said


def test_a_narrower_limit_stops_the_preview(standing: None, pulumi: Pulumi, limits: Path) -> None:
    code, said = preview(pulumi, limits, {"images-pinned": {"registries": ["mirror.globex.example/"]}})
    assert code != 0
    assert "images-pinned" in said
    assert "is not from mirror.globex.example/" in said


def test_a_state_is_audited_without_program_or_login(
    standing: None, pulumi: Pulumi, limits: Path, tmp_path: Path
) -> None:
    limits.write_text(sandboxed(pulumi, {}))
    pack = ("--policy-pack", PACK, "--policy-pack-config", str(limits))
    state = pulumi.export("globex-prod")
    clean = tmp_path / "clean.json"
    clean.write_text(json.dumps(state))
    good = pulumi.run("policy", "analyze", "--file", str(clean), *pack, check=False)
    assert good.code == 0, good.output

    for row in state["deployment"]["resources"]:
        if row["urn"].endswith("-ceiling-role"):
            for side in ("inputs", "outputs"):
                row[side]["rules"] = [{"apiGroups": [""], "resources": ["groups"], "verbs": ["impersonate"]}]
    widened = tmp_path / "widened.json"
    widened.write_text(json.dumps(state))
    bad = pulumi.run("policy", "analyze", "--file", str(widened), *pack, check=False)
    assert bad.code != 0
    assert "its holder becomes anybody" in bad.output
