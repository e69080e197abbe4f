"""`python -m sandbox.rehearse`: the whole matrix, a part of it, or only the table anew.

Owns the arguments, the screen and the exit code: 1 when a cell's promise was not kept. Every cell is saved as soon as
it is there, so a run that is cut short keeps what it has; --missing goes on with the rest.
"""

from __future__ import annotations

import time
from typing import Annotated

import typer
from rich.console import Console

from sandbox.demo.pulumi import ROOT
from sandbox.rehearse import report
from sandbox.rehearse.cell import SHORT, Cell, pairs
from sandbox.rehearse.rehearsal import rehearse
from sandbox.rehearse.stage import Stage
from sandbox.world import World

BUILD = ROOT / "build"
REPORT = BUILD / "rehearse.json"
DOCUMENT = ROOT / "docs" / "kill-switch.md"

console = Console(highlight=False, soft_wrap=True, markup=False)


def main(
    cell: Annotated[list[str] | None, typer.Option(help="FAULT:MEANS, or FAULT for all its means; repeat it.")] = None,
    short: Annotated[bool, typer.Option("--short", help="Only the most telling cells.")] = False,
    missing: Annotated[bool, typer.Option("--missing", help="Only what the report does not have yet.")] = False,
    most: Annotated[float, typer.Option(help="Minutes after which no further cell begins.")] = 600,
    only_table: Annotated[bool, typer.Option("--table", help="Rehearse nothing; write the table anew.")] = False,
) -> None:
    """Rehearse the kill switch, write build/rehearse.json and the table in docs/kill-switch.md."""
    cells = report.load(REPORT)
    ends = time.monotonic() + 60 * most
    chosen = [] if only_table else _chosen(cell or [], short=short)
    if missing:
        chosen = [pair for pair in chosen if pair not in cells]
    if chosen:
        with World(BUILD / "rehearse" / "world", say=console.print) as world:
            stage = Stage(world, BUILD / "rehearse" / "stage")
            stage.stand()
            for number, pair in enumerate(chosen, 1):
                if time.monotonic() > ends:
                    console.print(f"{len(chosen) - number + 1} cells are left for another run.")
                    break
                done, ended = rehearse(stage, *pair)
                cells[pair] = done
                report.save(REPORT, cells.values())
                _tell(done, number, len(chosen))
                if not done.ok:
                    console.print(ended.output)
            stage.hang_up()
    in_order = [cells[pair] for pair in pairs() if pair in cells]
    report.write_into(DOCUMENT, report.table(in_order))
    if any(not one.ok for one in in_order):
        raise typer.Exit(1)


def _chosen(names: list[str], *, short: bool) -> list[tuple[str, str]]:
    if short:
        return list(SHORT)
    if not names:
        return pairs()
    found = [pair for pair in pairs() if ":".join(pair) in names or pair[0] in names]
    unknown = {
        name for name in names if name not in {*(":".join(pair) for pair in found), *(pair[0] for pair in found)}
    }
    if unknown:
        raise typer.BadParameter(f"no such cell: {', '.join(sorted(unknown))}")
    return found


def _tell(cell: Cell, number: int, total: int) -> None:
    times = (cell.grant_gone_s, cell.credential_gone_s, cell.devices_gone_s, cell.state_clear_s)
    shown = "  ".join("   -  " if time is None else f"{time:6.2f}" for time in times)
    console.print(f"{number:3}/{total}  {'ok ' if cell.ok else 'NO '} {cell.name:40} {shown}  exit {cell.exit}")
    for line in cell.left:
        console.print(f"           left: {line}")


if __name__ == "__main__":
    typer.run(main)
