"""The commands of `supportctl ci`, and nothing of their work: each imports what it needs when it is called.

Owns arguments, where results are written, and exit codes. 0: done, and nothing speaks against the change. 1: done, and
something does: a preview that would be refused, drift. 2: not done.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import typer

app = typer.Typer(help="What CI runs, and its YAML only calls.", no_args_is_help=True)

AGAINST, NOT_DONE = 1, 2
NO_COMMIT = "0" * 40
"""What GitHub says is before the first push of a branch."""

StackName = Annotated[str, typer.Argument(help="The stack's name, as in acme-prod.", show_default=False)]
Project = Annotated[Path, typer.Option("--project", help="The folder of Pulumi.yaml.", file_okay=False)]
Base = Annotated[str, typer.Option("--base", help="The revision that the change starts from.", show_default=False)]
Head = Annotated[
    str | None,
    typer.Option("--head", help="The revision that it ends with; the files as they lie there when left out."),
]
Workflow = Annotated[
    str | None, typer.Option("--workflow", help="The file of the workflow that deploys, as GitHub knows it.")
]


@app.command("affected")
def affected_(
    base: Base,
    head: Head = None,
    out: Annotated[Path | None, typer.Option(help="The file for the result.", dir_okay=False)] = None,
    project: Project = Path(),
) -> None:
    """Print which stacks a change can touch, as JSON; in a workflow also as the output `stacks`."""
    with _problems():
        from supportctl.ci.local import touched

        found = touched(project.resolve(), base, head)
        said = {
            "stacks": found.stacks,
            "added": list(found.added),
            "removed": list(found.removed),
            "judges": list(found.judges),
        }
        print(json.dumps(said, indent=1))
        if out is not None:
            out.write_text(json.dumps(said))
        _output(stacks=list(found.stacks))


@app.command("preview")
def preview_(
    stack: StackName,
    out: Annotated[Path, typer.Option(help="The file for the result.", dir_okay=False)],
    project: Project = Path(),
) -> None:
    """Preview one stack with the policy pack, and keep what the comment needs."""
    with _problems():
        from supportctl.ci.engine import preview

        found = preview(stack, project.resolve())
        found.write(out)
        for remark in found.remarks:
            print(f"{remark.severity}: {remark.text}")
        for violation in found.violations:
            print(f"{violation.level}: {violation.policy}, {violation.resource}: {violation.text}")
        raise typer.Exit(0 if found.succeeded else AGAINST)


@app.command("comment")
def comment_(
    files: Annotated[
        list[Path] | None, typer.Argument(help="What `ci preview` has written; of a folder every file in it.")
    ] = None,
    affected: Annotated[
        Path | None, typer.Option(help="What `ci affected` has written: what is missing is told.", dir_okay=False)
    ] = None,
    out: Annotated[Path | None, typer.Option(help="The file for the comment.", dir_okay=False)] = None,
) -> None:
    """Make one comment of all previews."""
    with _problems():
        from supportctl.ci.comment import SUMMARY, comment
        from supportctl.ci.model import Preview

        previews = [Preview.load(file) for each in files or () for file in _files(each)]
        touched: dict[str, Any] = json.loads(affected.read_text()) if affected else {}
        if affected:  # which stacks there are, and which of them go, is not for a preview to say
            gone = touched.get("removed") or ()
            previews = [each for each in previews if (each.kind == "removed") == (each.stack in gone)]
            previews = [each for each in previews if each.stack in touched["stacks"]]
        missing = [stack for stack in touched.get("stacks") or () if stack not in {each.stack for each in previews}]
        judges = touched.get("judges") or ()
        text = comment(previews, judges=judges, missing=missing)
        if summary := os.environ.get("GITHUB_STEP_SUMMARY"):
            with Path(summary).open("a") as run:
                run.write(comment(previews, judges=judges, missing=missing, limit=SUMMARY))
        if out is None:
            print(text)
        else:  # and not on the screen: a runner takes lines there that begin with :: for commands
            out.write_text(text)


@app.command("post")
def post_(
    file: Annotated[Path, typer.Argument(help="The comment.", dir_okay=False)],
    pull: Annotated[int, typer.Option(help="The pull request's number.", min=1, envvar="SUPPORT_ACCESS_PULL")],
) -> None:
    """Write the comment at a pull request, or edit the one that is there. GITHUB_TOKEN is in the environment."""
    with _problems():
        from supportctl.ci.comment import MARKER
        from supportctl.ci.github import GitHub

        with GitHub.from_environment() as github:
            print(github.put_comment(pull, MARKER, file.read_text()))


@app.command("drift")
def drift_(
    stacks: Annotated[list[str] | None, typer.Argument(help="Only these stacks; all when left out.")] = None,
    issues: Annotated[bool, typer.Option("--issues", help="Open, edit or close an issue for each.")] = False,
    out: Annotated[Path, typer.Option(help="The folder for what is found.", file_okay=False)] = Path("build/drift"),
    project: Project = Path(),
) -> None:
    """Say which stacks are not as their last update left them."""
    with _problems():
        from contextlib import nullcontext

        from supportctl.ci import git
        from supportctl.ci.drift import drift_of, tell, write
        from supportctl.ci.engine import refresh
        from supportctl.ci.github import GitHub, GitHubError
        from supportctl.stack import StackError

        worst = 0
        with GitHub.from_environment() if issues else nullcontext() as github:
            for stack in stacks or git.stacks(project.resolve(), None):
                try:
                    found = drift_of(stack, refresh(stack, project.resolve()))
                except StackError as error:
                    print(f"{stack}: could not be asked. {error}")
                    worst = NOT_DONE
                    continue
                print(f"{stack}: {'as it was left' if found is None else 'drifted'}")
                if found is not None:
                    worst = max(worst, AGAINST)
                    print(write(out, found))
                try:
                    if github is not None and (url := tell(github, stack, found)):
                        print(url)
                except GitHubError as error:  # the others are told all the same
                    print(f"{stack}: its issue is not as it should be. {error}")
                    worst = NOT_DONE
        raise typer.Exit(worst)


@app.command("waves")
def waves_(
    base: Annotated[str | None, typer.Option(help="Only what changed since this revision; all when left out.")] = None,
    head: Head = None,
    workflow: Workflow = None,
    project: Project = Path(),
) -> None:
    """Print in which order stacks are deployed; in a workflow also as the outputs `tailnet`, `early` and `late`.

    With --workflow not since BASE, but since what that workflow last brought to its end: a run that failed, was
    rejected or gave way to a later one has left its changes to this one.
    """
    with _problems():
        from supportctl.ci import git
        from supportctl.ci.deployed import last
        from supportctl.ci.local import touched
        from supportctl.ci.waves import waves

        stacks = git.stacks(project.resolve(), head)
        if base and workflow:
            base = git.known(project.resolve(), last(workflow))
        if base and base != NO_COMMIT:
            changed = touched(project.resolve(), base, head)
            stacks = [stack for stack in changed.stacks if stack not in changed.removed]
            for stack in changed.removed:
                typer.echo(
                    f"{stack}: its file is gone and its access is not: run `pulumi destroy -s {stack}`.", err=True
                )
        found = waves(stacks, project.resolve())
        print(json.dumps(found, indent=1))
        _output(**found)


@app.command("clouds")
def clouds_(stack: StackName, project: Project = Path()) -> None:
    """Print which clouds a deployment of the stack logs in to; in a workflow also as an output for each."""
    with _problems():
        from supportctl.ci.clouds import clouds

        found = clouds(stack, project.resolve())
        print(json.dumps(found, indent=1))
        _output(**found)


@app.command("deploy")
def deploy_(stack: StackName, head: Head = None, workflow: Workflow = None, project: Project = Path()) -> None:
    """`pulumi up` of one stack with the policy pack, unless a passphrase is all that keeps its secrets.

    With --workflow and --head nothing is done where that workflow has brought a later revision to its end: a run that
    is repeated would bring back what has been taken away since.
    """
    with _problems():
        from supportctl.ci.deployed import refuse_older
        from supportctl.ci.engine import deploy

        if workflow and head:
            refuse_older(workflow, head)
        raise typer.Exit(AGAINST if deploy(stack, project.resolve()) else 0)


@app.command("run")
def run_(
    base: Base,
    out: Annotated[Path, typer.Option(help="The folder for the previews and the comment.", file_okay=False)] = Path(
        "build/ci"
    ),
    compare: Annotated[bool, typer.Option(help="Also run the plain previews, and say what all this costs.")] = True,
    project: Project = Path(),
) -> None:
    """All that CI does with a pull request but the posting, here: what is touched, the previews, the comment."""
    with _problems():
        from supportctl.ci.local import run
        from supportctl.screen import console

        passed = run(project.resolve(), base, out, compare=compare, to=console())
        raise typer.Exit(0 if passed else AGAINST)


@contextmanager
def _problems() -> Iterator[None]:
    """One line for what could not be done, in place of a traceback."""
    from supportctl.ci.git import GitError
    from supportctl.ci.github import GitHubError
    from supportctl.ci.model import ModelError
    from supportctl.stack import StackError

    try:
        yield
    except (StackError, GitError, GitHubError, ModelError, OSError, ValueError) as error:
        typer.echo(f"error: {error}", err=True)
        raise typer.Exit(NOT_DONE) from None


def _files(path: Path) -> list[Path]:
    """The file, or those of a folder; a folder that no job has made is an empty one."""
    if path.suffix == ".json":
        return [path]
    return sorted(path.rglob("*.json"))


def _output(**values: list[str] | bool) -> None:
    """Outputs of a workflow's step: one line each, and no stack's name holds a line break."""
    if file := os.environ.get("GITHUB_OUTPUT"):
        with Path(file).open("a") as out:
            out.writelines(f"{name}={json.dumps(value)}\n" for name, value in values.items())
