"""Which stacks a change touches: never fewer than it can reach."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from supportctl.ci import git
from supportctl.ci.affected import Change, affected
from supportctl.ci.git import GitError

STANDING = ("acme-dev", "globex-prod", "tailnet")


def stacks(*paths: str, status: str = "M", standing: tuple[str, ...] = STANDING) -> list[str]:
    return list(affected([Change(path, status) for path in paths], standing).stacks)


def test_a_stack_file_touches_that_stack_alone() -> None:
    assert stacks("stacks/Pulumi.acme-dev.yaml") == ["acme-dev"]


@pytest.mark.parametrize(
    "path",
    [
        "components/tailnet/policy.py",
        "providers/tailnet/slice.py",
        "__main__.py",
        "Pulumi.yaml",
        "requirements.txt",
        "requirements/core.txt",
        "policy/rules/grants.py",
        "policy/limits.json",
        "stacks/Pulumi.tailnet.yaml",
        "a-new-folder/of-the-program.py",
        "stacks/notes.txt",
        "components/README.md",
        "policy/limits/unknown-stack.json",
    ],
)
def test_what_the_program_may_read_touches_all_and_the_tailnet_comes_first(path: str) -> None:
    assert stacks(path) == ["tailnet", "acme-dev", "globex-prod"]


@pytest.mark.parametrize("path", ["docs/ci.md", "README.md", "tests/engine/test_ci.py", "sandbox/world.py", "LICENSE"])
def test_what_no_program_reads_touches_none(path: str) -> None:
    assert stacks(path) == []


def test_the_limits_of_one_stack_touch_that_stack() -> None:
    assert stacks("policy/limits/globex-prod.json") == ["globex-prod"]


def test_stacks_that_come_and_go_are_told() -> None:
    found = affected(
        [Change("stacks/Pulumi.initech-prod.yaml", "A"), Change("stacks/Pulumi.acme-dev.yaml", "D")],
        ["globex-prod", "initech-prod"],
    )
    assert (found.added, found.removed) == (("initech-prod",), ("acme-dev",))
    assert list(found.stacks) == ["acme-dev", "initech-prod"]


def test_whoever_changes_what_judges_is_told_so() -> None:
    paths = [
        "policy/catalogue.py",
        "policy/limits/acme-dev.json",
        "supportctl/ci/comment.py",
        "supportctl/stack.py",
        "requirements/core.txt",
        "requirements.txt",
        "Makefile",
        ".github/workflows/preview.yml",
        "stacks/waves.yaml",
    ]
    found = affected([Change(path, "M") for path in [*paths, "docs/policy.md"]], STANDING)
    assert list(found.judges) == sorted(paths)


def test_a_file_that_is_read_by_way_of_a_link_is_never_overlooked(tree: Path) -> None:
    """Else a stack's file would become a link into docs/ in one change, and mean something else by the next."""
    file = tree / "stacks" / "Pulumi.globex-prod.yaml"
    file.unlink()
    file.symlink_to("../docs/a.md")
    run(tree, "commit", "-q", "-a", "-m", "a link")
    put(tree, "docs/b.md")
    for head in ("change", None):
        assert git.links(tree, head) == ["stacks/Pulumi.globex-prod.yaml"]
        found = affected(git.changes(tree, "change~1", head), git.stacks(tree, head), git.links(tree, head))
        assert list(found.stacks) == ["globex-prod", "initech-prod"]
    assert affected([Change("docs/a.md", "M")], STANDING, ["docs/b.md"]).stacks == {}
    assert affected([], STANDING, ["stacks/Pulumi.acme-dev.yaml"]).stacks == {}


def test_a_file_that_a_stacks_settings_name_touches_that_stack(tree: Path) -> None:
    text = "config: {support-access:operator: {chart: {path: './docs/../docs/chart', version: 1.96.5}}}"
    (tree / "stacks" / "Pulumi.globex-prod.yaml").write_text(text)
    run(tree, "commit", "-q", "-a", "-m", "a chart of its own")
    put(tree, "docs/chart/templates/role.yaml", "docs/charts.md")
    for head in ("change", None):
        assert git.named(tree, head) == {"globex-prod": {"docs/chart"}, "initech-prod": set()}
        changes = git.changes(tree, "change~1", head)
        found = affected(changes, git.stacks(tree, head), git.links(tree, head), git.named(tree, head))
        assert found.stacks == {"globex-prod": "docs/chart/templates/role.yaml"}


@pytest.mark.parametrize("name", ["-x", "..", "a b", "a;b", "$(id)", "a\nb"])
def test_no_name_of_a_stack_can_mean_something_to_a_shell(name: str) -> None:
    assert name not in affected([Change(f"stacks/Pulumi.{name}.yaml", "A")], STANDING).stacks


@given(st.lists(st.sampled_from(["docs/a.md", "stacks/Pulumi.acme-dev.yaml", "components/a.py", "x/y"])))
def test_more_paths_never_touch_fewer_stacks(paths: list[str]) -> None:
    for number in range(len(paths)):
        assert set(stacks(*paths[:number])) <= set(stacks(*paths))


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """A repository whose main went on after the change had begun."""
    run(tmp_path, "init", "-q", "-b", "main")
    put(tmp_path, "stacks/Pulumi.acme-dev.yaml", "stacks/Pulumi.globex-prod.yaml", "docs/a.md")
    run(tmp_path, "switch", "-q", "-c", "change")
    put(tmp_path, "stacks/Pulumi.initech-prod.yaml")
    run(tmp_path, "rm", "-q", "stacks/Pulumi.acme-dev.yaml")
    run(tmp_path, "commit", "-q", "-m", "without acme")
    run(tmp_path, "switch", "-q", "main")
    put(tmp_path, "components/merged-since.py")
    run(tmp_path, "switch", "-q", "change")
    return tmp_path


def run(folder: Path, *words: str) -> None:
    who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
    subprocess.run(["git", "-C", str(folder), *who, *words], check=True, capture_output=True)


def put(folder: Path, *paths: str) -> None:
    for path in paths:
        (folder / path).parent.mkdir(parents=True, exist_ok=True)
        (folder / path).write_text(path)
    run(folder, "add", "-A")
    run(folder, "commit", "-q", "-m", paths[0])


def test_what_was_merged_since_is_no_part_of_the_change(tree: Path) -> None:
    found = affected(git.changes(tree, "main", "change"), git.stacks(tree, "change"))
    assert list(found.stacks) == ["acme-dev", "initech-prod"]
    assert (found.added, found.removed) == (("initech-prod",), ("acme-dev",))


def test_files_as_they_lie_there_count_before_they_are_committed(tree: Path) -> None:
    (tree / "stacks" / "Pulumi.hooli-prod.yaml").write_text("config: {}")
    found = affected(git.changes(tree, "main", None), git.stacks(tree, None))
    assert list(found.stacks) == ["acme-dev", "hooli-prod", "initech-prod"]


@pytest.mark.parametrize("name", ["nowhere", "--output=/x", "-h", ""])
def test_what_is_no_commit_is_refused_and_never_an_option(tree: Path, name: str) -> None:
    with pytest.raises(GitError, match="no commit is called"):
        git.changes(tree, name, "change")
