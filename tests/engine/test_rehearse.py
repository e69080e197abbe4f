"""The kill switch on the most telling days, in short: `make rehearse` runs the whole matrix.

They share a stage, which brings the environment back between them by the documented way:
`supportctl revive`, `pulumi destroy`, what the kill named for the cluster, `pulumi up`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from sandbox.rehearse.faults.engine import (
    plugin_missing,
    program_raises,
    project_broken,
    settings_invalid,
    stack_file_broken,
)
from sandbox.rehearse.means import Documented
from sandbox.rehearse.rehearsal import rehearse
from sandbox.rehearse.stage import CUT, Stage
from sandbox.world import World

pytestmark = pytest.mark.engine


@pytest.fixture(scope="module")
def stage(world: World, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    stage = Stage(world, tmp_path_factory.mktemp("stage"))
    stage.stand()
    yield stage
    stage.end()


@pytest.mark.parametrize(("fault", "means"), [("server-stopped", "destroy"), ("killed-itself", "kill")])
def test_access_is_gone_and_nothing_of_others_is(stage: Stage, fault: str, means: str) -> None:
    cell, ended = rehearse(stage, fault, means)
    assert cell.ok, f"{cell}\n{ended.output}"
    assert None not in (cell.grant_gone_s, cell.credential_gone_s, cell.devices_gone_s)


def test_a_kill_while_people_edit_the_policy_and_the_engine_cannot_start_loses_nobodys_line(stage: Stage) -> None:
    stage.restore()
    with plugin_missing(stage, Documented()):
        cell, ended = rehearse(stage, "policy-edited", "kill")
    assert cell.ok, f"{cell}\n{ended.output}"
    assert cell.state_clear_s is None
    assert ended.code == 1
    assert "kubectl delete" in ended.output


def test_what_an_earlier_destroy_left_in_the_cluster_is_deleted_by_its_labels(stage: Stage) -> None:
    """The state has dropped the roles while the cluster did not answer; now it does."""
    cell, ended = rehearse(stage, "half-destroyed", "kill")
    assert cell.ok, f"{cell}\n{ended.output}"
    assert cell.state_clear_s is not None
    assert ended.code == 0, ended.output
    assert not [line for line in cell.left if "clusterrole" in line]


def test_on_the_worst_day_the_kill_ends_clears_the_state_and_names_what_stays(stage: Stage) -> None:
    """Cluster frozen, program broken, settings invalid, the stack's file and the project's no YAML: all at once."""
    stage.restore()
    documented = Documented()
    with (
        program_raises(stage, documented),
        settings_invalid(stage, documented),
        stack_file_broken(stage, documented),
        project_broken(stage, documented),
    ):
        cell, ended = rehearse(stage, "server-frozen", "kill")
    assert cell.ok, f"{cell}\n{ended.output}"
    assert cell.state_clear_s is not None, ended.output
    roles = [line.removeprefix("cluster: clusterrole ") for line in cell.left if "clusterrole " in line]
    assert roles
    assert all(f"clusterrole/{role}" in ended.output for role in roles)

    record = json.loads(max((stage.folder / "kills").glob("*.json")).read_text())
    assert (record["target"], record["why"]) == (CUT, "rehearsal")
    assert [step["name"] for step in record["steps"]][:4] == ["policy", "credentials", "devices", "services"]
    assert "Pulumi.yaml" in record["steps"][4]["what"][0]
    assert record["exit"] == ended.code == 1

    cut = stage.tailnet()["policy"]
    assert f"group:killed-{CUT}" in cut
    refused = stage.pulumi.up(CUT, check=False)
    assert refused.code != 0
    assert "was cut off" in refused.output
    assert stage.tailnet()["policy"] == cut
