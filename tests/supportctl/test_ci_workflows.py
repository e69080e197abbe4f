"""The workflows: who gets which credential, and that nothing of a change can reach a shell or a privileged token."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from components.documents import read_yaml
from sandbox import tools
from sandbox.demo.pulumi import ROOT
from supportctl.kill import command

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
KILL = "TAILSCALE_KILL_"


def read(name: str) -> dict[str, Any]:
    return read_yaml(FOLDER / f"{name}.yml")


def steps(workflow: dict[str, Any]) -> list[dict[str, Any]]:
    return [step for job in workflow["jobs"].values() for step in job["steps"]]


def test_there_are_four() -> None:
    assert [file.stem for file in FILES] == ["deploy", "drift", "kill", "preview"]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_nothing_is_permitted_that_no_job_asks_for(file: Path) -> None:
    workflow = read(file.stem)
    assert workflow["permissions"] == {}
    for job in workflow["jobs"].values():
        assert job["permissions"]["contents"] == "read"


def test_only_a_deployment_is_an_identity_and_only_the_comment_and_the_issues_are_written() -> None:
    granted = {
        f"{file.stem}/{name}": sorted(f"{what}:{how}" for what, how in job["permissions"].items() if how == "write")
        for file in FILES
        for name, job in read(file.stem)["jobs"].items()
    }
    assert {name: what for name, what in granted.items() if what} == {
        "deploy/tailnet": ["id-token:write"],
        "deploy/early": ["id-token:write"],
        "deploy/late": ["id-token:write"],
        "drift/drift": ["issues:write"],
        "preview/comment": ["pull-requests:write"],
    }


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_every_action_is_pinned_by_commit_and_says_its_version(file: Path) -> None:
    used = re.findall(r"uses: (.*)", file.read_text())
    assert used
    for line in used:
        assert re.match(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", line), line


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_expression_is_written_into_a_shell(file: Path) -> None:
    for step in steps(read(file.stem)):
        assert "${{" not in step.get("run", "")


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_all_logic_is_in_the_program(file: Path) -> None:
    """A shell that decides something would be tested by nobody."""
    for step in steps(read(file.stem)):
        assert not re.search(r"\b(if|for|while|case|grep|sed|jq|curl)\b", step.get("run", ""))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_no_checkout_leaves_the_token_in_the_work_tree(file: Path) -> None:
    for step in steps(read(file.stem)):
        if step.get("uses", "").startswith("actions/checkout@"):
            assert step["with"]["persist-credentials"] == "false"


def test_the_change_never_runs_with_a_token_that_writes() -> None:
    workflow = read("preview")
    assert list(workflow["on"]) == ["pull_request"]
    for job in workflow["jobs"].values():
        writes = "write" in job["permissions"].values()
        checkout = next(step for step in job["steps"] if step.get("uses", "").startswith("actions/checkout@"))
        assert (checkout["with"].get("ref") == "${{ github.event.pull_request.base.sha }}") is writes


def test_the_change_does_not_say_what_it_touches() -> None:
    """The comment's job finds that out by itself: of the change's own run it takes previews, and no more."""
    job = read("preview")["jobs"]["comment"]
    taken = [step["with"] for step in job["steps"] if step.get("uses", "").startswith("actions/download-artifact@")]
    assert taken == [{"pattern": "preview-*", "path": "previews", "merge-multiple": "true"}]
    assert any("supportctl ci affected" in step.get("run", "") for step in job["steps"])


def test_a_fork_gets_no_secret() -> None:
    for job in read("preview")["jobs"].values():
        if "secrets." in str(job) or "write" in job["permissions"].values():
            assert "github.event.pull_request.head.repo.full_name == github.repository" in job["if"]


def test_the_kill_credential_is_in_the_kill_switch_alone_behind_a_gate() -> None:
    assert [file.stem for file in FILES if KILL in file.read_text()] == ["kill"]
    workflow = read("kill")
    assert list(workflow["on"]) == ["workflow_dispatch"]
    assert [job["environment"] for job in workflow["jobs"].values()] == ["kill"]


def test_the_kill_switch_says_who_started_it_and_not_the_runners_user(monkeypatch: pytest.MonkeyPatch) -> None:
    [job] = read("kill")["jobs"].values()
    [given] = [step["env"] for step in job["steps"] if "supportctl kill" in step.get("run", "")]
    named = {name: "ada" for name, value in given.items() if value == "${{ github.triggering_actor }}"}
    monkeypatch.setenv("USER", "runner")
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    assert command._who() == "ada"


def test_every_secret_stands_behind_an_environment() -> None:
    for file in FILES:
        for name, job in read(file.stem)["jobs"].items():
            assert "environment" in job or "secrets." not in str(job), f"{file.stem}/{name}"


def test_what_only_reads_has_no_credential_of_a_deployment() -> None:
    for name in ("preview", "drift"):
        found = re.findall(r"secrets\.(\w+)", (FOLDER / f"{name}.yml").read_text())
        assert found
        assert all("_READ_" in secret for secret in found)


def test_what_previews_reads_in_every_cloud_where_state_may_be() -> None:
    for name, job in (("preview", "preview"), ("drift", "drift")):
        given = next(step["env"] for step in read(name)["jobs"][job]["steps"] if "TAILSCALE_" in str(step))
        assert {"AWS_ACCESS_KEY_ID", "GOOGLE_CREDENTIALS", "AZURE_CLIENT_SECRET", "PULUMI_ACCESS_TOKEN"} <= {*given}


def test_each_wave_stands_behind_a_gate_of_its_own_and_waits_for_the_one_before() -> None:
    jobs = read("deploy")["jobs"]
    assert {name: job.get("environment") for name, job in jobs.items()} == {
        "waves": None,
        "tailnet": "deploy-tailnet",
        "early": "deploy-early",
        "late": "deploy-late",
    }
    assert jobs["late"]["needs"] == ["waves", "tailnet", "early"]
    for earlier in ("tailnet", "early"):
        assert f"""!contains(fromJSON('["failure", "cancelled"]'), needs.{earlier}.result)""" in jobs["late"]["if"]


WAVES = ("tailnet", "early", "late")


def test_every_wave_does_the_same() -> None:
    jobs = read("deploy")["jobs"]
    assert jobs["tailnet"]["steps"] == jobs["early"]["steps"] == jobs["late"]["steps"]


def test_a_deployment_is_an_identity_in_every_cloud_and_nothing_is_stored() -> None:
    assert "secrets." not in (FOLDER / "deploy.yml").read_text()
    logins = {
        step["uses"].partition("@")[0]: step
        for step in read("deploy")["jobs"]["late"]["steps"]
        if "steps.clouds.outputs" in step.get("if", "")
    }
    assert {name: step["if"].split("'true'")[0] for name, step in logins.items()} == {
        action: f"${{{{ steps.clouds.outputs.{cloud} == "
        for action, cloud in (
            ("aws-actions/configure-aws-credentials", "aws"),
            ("google-github-actions/auth", "gcp"),
            ("azure/login", "azure"),
            ("pulumi/auth-actions", "pulumi"),
        )
    }
    for step in logins.values():
        assert not {"credentials_json", "creds", "aws-secret-access-key"} & {*step["with"]}


def test_a_run_that_gave_way_leaves_its_changes_to_the_next_and_an_old_one_brings_nothing_back() -> None:
    """GitHub keeps one waiting run of a group: what an earlier one would have deployed is not deployed by it."""
    jobs = read("deploy")["jobs"]
    waves = next(step for step in jobs["waves"]["steps"] if "ci waves" in step.get("run", ""))
    assert "--workflow deploy.yml" in waves["run"]
    for name in WAVES:
        deploy = jobs[name]["steps"][-1]
        assert "--workflow deploy.yml" in deploy["run"]
        assert deploy["env"]["REVISION"] == "${{ github.sha }}"
        assert jobs[name]["permissions"]["actions"] == "read"


def test_ci_runs_the_engine_that_is_tested_here() -> None:
    built = next(tool for tool in tools.TOOLS if tool.name == "pulumi").version().removeprefix("v")
    for file in FILES:
        for step in steps(read(file.stem)):
            if step.get("uses", "").startswith("pulumi/actions@"):
                assert step["with"] == {"pulumi-version": built}
