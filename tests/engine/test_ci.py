"""`supportctl ci` as CI calls it, in a repository of its own: the real engine, program, policy pack and git.

Its environments are handed over, so it needs no cluster and none of the shared world.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from sandbox.demo.pulumi import ROOT, Pulumi
from tests.providers.tailnet_api import put_policy
from tests.supportctl import pull_requests
from tests.supportctl.pull_requests import Repository

pytestmark = pytest.mark.engine

STANDING = ["acme-dev", "globex-prod", "tailnet"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Repository]:
    with pull_requests.repository(tmp_path_factory.mktemp("ci")) as made:
        yield made


def ci(repository: Repository, *words: str, fails: int = 0) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "supportctl", "ci", *words, "--project", str(repository.folder)],
        cwd=ROOT,
        env=repository.environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == fails, done.stdout + done.stderr
    return done.stdout


def stacks_of(repository: Repository) -> list[str]:
    return sorted(row["name"] for row in Pulumi(repository.environ, repository.folder).stacks())


def test_one_command_does_all_of_it_and_says_what_it_costs(repository: Repository, tmp_path: Path) -> None:
    with repository.request(pull_requests.tailnet):
        said = ci(repository, "run", "--base", "main", "--out", str(tmp_path))
    comment = (tmp_path / "comment.md").read_text()
    assert "`bob@example.com` joins `group:highflame-sre`, which gets into `acme-dev` as `read-only`" in comment
    assert "### `tailnet`: **access is widened**" in comment
    assert comment.count("nobody's access changes") == 2
    assert "times that" in said
    assert sorted(file.stem for file in tmp_path.glob("*.json")) == STANDING
    assert {file.stat().st_mode & 0o777 for file in tmp_path.glob("*.json")} == {0o600}


def test_what_a_component_lets_in_behind_the_settings_back_is_refused_and_shown(
    repository: Repository, tmp_path: Path
) -> None:
    with repository.request(pull_requests.hidden):
        ci(repository, "preview", "globex-prod", "--out", str(tmp_path / "globex-prod.json"), fails=1)
        comment = ci_comment(tmp_path / "globex-prod.json")
    assert "### `globex-prod`: **would be refused**" in comment
    assert "no sentence says so" in comment
    assert "globex-prod would not be isolated" in comment
    assert "- `grants-narrow`, `globex-prod-identity`" in comment
    assert '+        "*"' in comment


def test_a_new_stack_is_previewed_without_being_made(repository: Repository, tmp_path: Path) -> None:
    """Its credential may only read: nothing in the backend, nothing in the work tree."""
    with repository.request(pull_requests.added):
        ci(repository, "preview", "initech-prod", "--out", str(tmp_path / "initech-prod.json"))
        said = ci_comment(tmp_path / "initech-prod.json")
        assert repository.git("status", "--porcelain") == ""
    assert "### `initech-prod`: **access is widened**" in said
    assert stacks_of(repository) == STANDING


def ci_comment(file: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "supportctl", "ci", "comment", str(file)],
        cwd=ROOT, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return done.stdout


def test_a_deployment_makes_what_its_preview_said_a_new_stack_too(repository: Repository) -> None:
    pulumi = Pulumi(repository.environ, repository.folder)
    with repository.request(pull_requests.added):
        waves = json.loads(ci(repository, "waves", "--base", "main", "--head", "change"))
        assert waves == {"tailnet": [], "early": [], "late": ["initech-prod"]}
        try:
            ci(repository, "deploy", "initech-prod")
            assert [entry["from"] for entry in pulumi.outputs("initech-prod")["access"]] == ["group:highflame-sre"]
        finally:
            pulumi.destroy("initech-prod")
            pulumi.run("stack", "rm", "initech-prod", "--yes", "--preserve-config")


def test_drift_is_found_where_it_is_and_an_environment_that_waits_has_none(
    repository: Repository, tmp_path: Path
) -> None:
    assert ci(repository, "drift", "--out", str(tmp_path)).splitlines() == [
        f"{stack}: as it was left" for stack in STANDING
    ]
    before = repository.api.text
    grant = '"grants": [{"src": ["ann@example.com"], "dst": ["tag:kube-acme-dev"], "ip": ["*"]},'
    put_policy(repository.api, before.replace('"grants": [', grant, 1))
    try:
        said = ci(repository, "drift", "acme-dev", "globex-prod", "--out", str(tmp_path), fails=1)
    finally:
        put_policy(repository.api, before)
    assert "acme-dev: drifted" in said
    assert "globex-prod: as it was left" in said
    assert '"dst": ["tag:kube-acme-dev"], "ip": ["*"]' in (tmp_path / "acme-dev.md").read_text()
