"""`python -m sandbox`: brings the embedded world up for use by hand, and down again; prepares the tools for it.

The world lies in $SUPPORT_ACCESS_SANDBOX, by default build/sandbox, and stays up when the command has ended.
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from sandbox import chart, tools
from sandbox.demo.pulumi import Pulumi
from sandbox.process import ProcessError
from sandbox.tools import ToolError
from sandbox.world import CLUSTERS, FOREIGN, ROOT, World, WorldError

app = typer.Typer(no_args_is_help=True, add_completion=False, help="The embedded world, for use by hand.")
console = Console(markup=False, highlight=False, soft_wrap=True)
problems = Console(stderr=True, markup=False, highlight=False, soft_wrap=True)

NEXT = """
The world is up. In a shell, from the repository's folder:

    eval "$(.venv/bin/python -m sandbox env)"
    pulumi up -s tailnet
    pulumi up -s acme-prod
    kubectl --context acme-prod get pods -A

End it with `make down`."""


def _world(clusters: list[str] | None = None) -> World:
    folder = Path(os.environ.get("SUPPORT_ACCESS_SANDBOX") or ROOT / "build" / "sandbox")
    return World(folder, clusters or CLUSTERS, console.print)


@app.command()
def up(
    cluster: Annotated[list[str] | None, typer.Option(help="A customer environment; repeat it.")] = None,
) -> None:
    """Start the world and leave it running."""
    world = _world(cluster)
    if world.running:
        if not _status(world):
            raise WorldError("A part of the world has ended. Start it anew: python -m sandbox down, then up.")
        console.print("The world is already up.")
    else:
        world.start()
        pulumi = Pulumi(world.env)
        for stack in ("tailnet", *world.facts["clusters"]):
            if (ROOT / "stacks" / f"Pulumi.{stack}.yaml").exists():
                pulumi.init(stack)
    console.print(NEXT)


@app.command()
def down() -> None:
    """End every process of the world, also of one whose start was cut short."""
    world = _world()
    count = len(world.running)
    world.stop()
    console.print(f"Ended {count} processes; the logs stay in {world.folder / 'logs'}." if count else "Nothing was up.")


@app.command()
def env() -> None:
    """Print shell commands that lead into the world: eval "$(python -m sandbox env)"."""
    variables = _world().env
    print(f"unset {' '.join(FOREIGN)}")
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")


@app.command()
def status() -> None:
    """Say which processes live; exit code 1 when not all of a world do."""
    raise typer.Exit(0 if _status(_world()) else 1)


@app.command()
def prepare() -> None:
    """Make sure that every tool and the chart are there, and say where."""
    found = tools.ensure(console)
    for name, path in {**found, "chart": chart.repository(found["helm"])}.items():
        console.print(f"{name:24} {path}")


@app.command()
def actionlint() -> None:
    """Print the path of actionlint, which `make lint` runs, after building it where it is missing."""
    found = tools.ensure(problems, [tools.ACTIONLINT])
    console.print(found[tools.ACTIONLINT.name])


def _status(world: World) -> bool:
    processes = world.processes()
    for process in processes:
        console.print(
            f"{process.name:24} {f'process {process.pid}' if process.alive else 'ended: ' + str(process.log)}"
        )
    if not processes:
        console.print("Nothing is up.")
    return bool(processes) and all(process.alive for process in processes)


def main() -> None:
    try:
        app()
    except (WorldError, ProcessError, ToolError) as error:
        problems.print(f"error: {error}")
        raise SystemExit(1) from error


if __name__ == "__main__":
    main()
