"""The limits of the policy pack: what is misspelled is told, and what was checked is what the engine reads."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sandbox.demo.pulumi import ROOT
from supportctl.ci.limits import pack, read
from supportctl.stack import StackError

REAL = {"TAILSCALE_BASE_URL": "https://api.tailscale.com"}
SANDBOX = {"TAILSCALE_BASE_URL": "http://127.0.0.1:9"}
CHARTS = {"SUPPORT_ACCESS_CHART_REPOSITORY": "http://127.0.0.1:8/"}


def put(project: Path, name: str, limits: Any) -> Path:
    file = project / "policy" / name
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(limits if isinstance(limits, str) else json.dumps(limits))
    return file


def given(project: Path, stack: str, environ: dict[str, str]) -> dict[str, Any]:
    with pack(stack, project, environ) as flags:
        assert flags[:2] == ["--policy-pack", str(project / "policy")]
        return json.loads(Path(flags[flags.index("--policy-pack-config") + 1]).read_text())


def test_a_stacks_own_limits_stand_in_the_place_of_those_of_all(tmp_path: Path) -> None:
    put(tmp_path, "limits.json", {"credential-age": {"days": 90}})
    put(tmp_path, "limits/acme-prod.json", {"credential-age": {"days": 7}})
    assert given(tmp_path, "acme-prod", REAL) == {"credential-age": {"days": 7}}
    assert given(tmp_path, "acme-dev", REAL) == {"credential-age": {"days": 90}}


def test_without_any_the_packs_own_count(tmp_path: Path) -> None:
    assert given(tmp_path, "acme-prod", REAL) == {}


@pytest.mark.parametrize(
    ("limits", "said"),
    [
        ("{", "is no JSON"),
        ([], "must be an object"),
        ("disabled", "is no JSON"),
        ({"all": "disabled"}, "all is no policy"),
        ({"all": {"enforcementLevel": "disabled"}}, "all is no policy"),
        ({"environments": ["prod"]}, "environments is no policy"),
        ({"admin-agree": {"admins": []}}, "admin-agree is no policy: admin-agreed"),
        ({"image-digest": "mandatory"}, "image-digest must be an object"),
        ({"admin-agreed": {"admin": []}}, "admin-agreed has no limit admin: enforcementLevel, admins"),
        ({"nothing-inbound": {"also": ["x"]}}, "nothing-inbound has no limit also"),
        ({"image-digest": {"enforcementLevel": "remediate"}}, "enforcementLevel is 'remediate'"),
    ],
)
def test_what_would_count_for_nothing_or_for_all_is_refused(tmp_path: Path, limits: Any, said: str) -> None:
    put(tmp_path, "limits.json", limits)
    with pytest.raises(StackError, match=said), pack("acme-prod", tmp_path, REAL):
        pass


def test_everything_that_is_wrong_is_told_at_once(tmp_path: Path) -> None:
    file = put(tmp_path, "limits.json", {"x": {}, "y": {}})
    with pytest.raises(StackError, match=r"(?s)x is no policy.*y is no policy"):
        read(file)


def test_only_the_sandbox_brings_a_chart_of_its_own(tmp_path: Path) -> None:
    chart = {"chart-known": {"charts": ["http://127.0.0.1:8/tailscale-operator"]}}
    assert given(tmp_path, "acme-prod", SANDBOX | CHARTS) == chart
    assert given(tmp_path, "acme-prod", REAL | CHARTS) == {}


def test_the_limits_that_are_kept_here_hold() -> None:
    for file in (ROOT / "policy").glob("limits*/*.json"):
        read(file)
