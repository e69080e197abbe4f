"""`supportctl ci` as a workflow types it: outputs, exit codes, and errors that a person can mend."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from supportctl.ci.model import ModelError, Preview
from supportctl.commands import app
from supportctl.stack import StackError
from tests.supportctl.test_ci_affected import tree  # noqa: F401  (a fixture)


def ci(*words: str) -> Result:
    result = CliRunner().invoke(app, ["ci", *words])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


@pytest.fixture
def outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The file for a step's outputs."""
    file = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    return file


def test_what_is_touched_is_printed_kept_and_handed_to_the_matrix(tree: Path, outputs: Path) -> None:  # noqa: F811
    kept = tree / "affected.json"
    result = ci("affected", "--base", "main", "--head", "change", "--project", str(tree), "--out", str(kept))
    assert result.exit_code == 0
    assert json.loads(result.output) == json.loads(kept.read_text())
    assert outputs.read_text() == 'stacks=["acme-dev", "initech-prod"]\n'


def test_only_what_changed_and_is_still_there_is_deployed(tree: Path, outputs: Path) -> None:  # noqa: F811
    result = ci("waves", "--base", "main", "--head", "change", "--project", str(tree))
    assert result.exit_code == 0
    assert outputs.read_text() == 'tailnet=[]\nearly=[]\nlate=["initech-prod"]\n'
    assert "pulumi destroy -s acme-dev" in result.stderr


@pytest.mark.parametrize("base", ["", "0" * 40])
def test_without_a_push_before_everything_is_deployed(tree: Path, outputs: Path, base: str) -> None:  # noqa: F811
    assert ci("waves", "--base", base, "--head", "change", "--project", str(tree)).exit_code == 0
    assert "globex-prod" in outputs.read_text()


@pytest.mark.parametrize(
    ("deployed", "wanted"),
    [
        # Between `main` and the change lies a run that failed: what it brought is deployed with this one.
        ("main", 'tailnet=[]\nearly=[]\nlate=["initech-prod"]\n'),
        ("change", "tailnet=[]\nearly=[]\nlate=[]\n"),
        (None, 'tailnet=[]\nearly=[]\nlate=["globex-prod", "initech-prod"]\n'),
        ("f" * 40, 'tailnet=[]\nearly=[]\nlate=["globex-prod", "initech-prod"]\n'),
    ],
)
def test_what_changed_is_counted_since_the_last_deployment_that_went_through(
    tree: Path,  # noqa: F811
    outputs: Path,
    monkeypatch: pytest.MonkeyPatch,
    deployed: str | None,
    wanted: str,
) -> None:
    monkeypatch.setattr("supportctl.ci.deployed.last", lambda workflow: deployed if workflow == "deploy.yml" else "x")
    words = ("--base", "change~1", "--head", "change", "--workflow", "deploy.yml", "--project", str(tree))
    assert ci("waves", *words).exit_code == 0
    assert outputs.read_text() == wanted


def test_a_revision_that_was_replaced_starts_no_engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def replaced(workflow: str, commit: str) -> None:
        raise StackError(f"{workflow} {commit} is older")

    monkeypatch.setattr("supportctl.ci.deployed.refuse_older", replaced)
    monkeypatch.setattr("supportctl.ci.engine.deploy", lambda *_: pytest.fail("it deployed"))
    words = ("--head", "abc", "--workflow", "deploy.yml", "--project", str(tmp_path), "--", "acme-dev")
    assert "deploy.yml abc is older" in ci("deploy", *words).stderr


def test_a_missing_history_is_an_error_and_not_an_empty_matrix(tree: Path, outputs: Path) -> None:  # noqa: F811
    result = ci("affected", "--base", "f" * 40, "--head", "change", "--project", str(tree))
    assert result.exit_code == 2
    assert "fetch-depth: 0" in result.stderr
    assert not outputs.exists()


def test_the_comment_names_the_stack_whose_preview_did_not_come(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Preview(stack="acme-dev", kind="changed", succeeded=True, seconds=1.0)
    made.write(tmp_path / "previews" / "acme-dev.json")
    told = tmp_path / "affected.json"
    told.write_text(json.dumps({"stacks": {"acme-dev": "x", "globex-prod": "y"}, "judges": ["policy/seen.py"]}))
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    result = ci("comment", str(tmp_path / "previews"), "--affected", str(told), "--out", str(tmp_path / "c.md"))
    assert result.exit_code == 0
    assert result.output == ""
    text = (tmp_path / "c.md").read_text()
    assert (tmp_path / "summary.md").read_text() == text
    assert "nothing is known of them:**\n- `globex-prod`" in text
    assert "> - `policy/seen.py`" in text


def test_what_is_cut_from_the_comment_is_in_the_runs_summary(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(300):
        gone = {"access": [{"from": f"{'x' * 200}{number}", "as": {"group": "x"}, "role": "view"}]}
        made = {"stack": f"c{number}-prod", "kind": "changed", "succeeded": True, "seconds": 1.0}
        Preview.model_validate({**made, "before": gone, "after": {"access": []}}).write(tmp_path / f"{number}.json")
    monkeypatch.setenv("GITHUB_STEP_SUMMARY", str(tmp_path / "summary.md"))
    assert ci("comment", str(tmp_path), "--out", str(tmp_path / "c.md")).exit_code == 0
    assert "The comment is cut here: the rest is in the run's summary" in (tmp_path / "c.md").read_text()
    whole = (tmp_path / "summary.md").read_text()
    assert "cut here" not in whole
    assert whole.count("**Taken away**") == 300


def test_a_preview_does_not_say_that_its_stack_goes_nor_that_another_one_is_touched(tmp_path: Path) -> None:
    for stack, kind in (("acme-dev", "removed"), ("globex-prod", "removed"), ("hooli-prod", "changed")):
        made = {"stack": stack, "kind": kind, "succeeded": True, "seconds": 1.0}
        Preview.model_validate(made).write(tmp_path / "previews" / f"{stack}.json")
    told = {"stacks": {"acme-dev": "x", "globex-prod": "y"}, "removed": ["globex-prod"]}
    (tmp_path / "affected.json").write_text(json.dumps(told))
    said = ci("comment", str(tmp_path / "previews"), "--affected", str(tmp_path / "affected.json")).output
    assert "nothing is known of them:**\n- `acme-dev`\n" in said
    assert "### `globex-prod`: its file is removed" in said
    assert "hooli-prod" not in said


def test_no_preview_at_all_is_every_stack_missing(tmp_path: Path) -> None:
    (tmp_path / "affected.json").write_text(json.dumps({"stacks": {"acme-dev": "x"}}))
    result = ci("comment", str(tmp_path / "previews"), "--affected", str(tmp_path / "affected.json"))
    assert result.exit_code == 0
    assert "nothing is known of them:**\n- `acme-dev`" in result.output


def test_a_file_that_is_no_preview_is_named(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"stack": 1}')
    with pytest.raises(ModelError, match=r"x\.json is no preview"):
        Preview.load(tmp_path / "x.json")
    assert ci("comment", str(tmp_path / "x.json")).exit_code == 2
    assert ci("comment", str(tmp_path / "gone.json")).exit_code == 2


def test_a_preview_survives_its_file_and_is_for_its_owner_alone(tmp_path: Path) -> None:
    made = Preview(stack="acme-dev", kind="added", succeeded=False, seconds=1.0, after={"access": []})
    made.write(tmp_path / "a" / "x.json")
    assert Preview.load(tmp_path / "a" / "x.json") == made
    assert (tmp_path / "a" / "x.json").stat().st_mode & 0o777 == 0o600


def test_nothing_is_posted_without_a_token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("GITHUB_TOKEN", raising=False)
    (tmp_path / "c.md").write_text("x")
    result = ci("post", str(tmp_path / "c.md"), "--pull", "7")
    assert result.exit_code == 2
    assert "GITHUB_TOKEN" in result.stderr
