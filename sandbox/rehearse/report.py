"""The rehearsal's report: a JSON file that grows by pieces, and the tables in the documents.

Owns both forms. A cell that is rehearsed again replaces the one before.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from sandbox.rehearse.cell import (
    ALLOWED,
    CANNOT,
    FAULTS,
    HUNG,
    IN_PART,
    INTERRUPTED,
    MEANS,
    NO_MEANING,
    PROMISED,
    READS,
    STATE_CHANGES,
    STOPS,
    Cell,
    pairs,
)
from sandbox.rehearse.others import CHANGED

BEGIN, END = "<!-- rehearsal: begin -->", "<!-- rehearsal: end -->"
MANY = 3
"""So many things of one kind are named; more are counted."""


def load(file: Path) -> dict[tuple[str, str], Cell]:
    """The cells of a report; none when there is no file."""
    if not file.exists():
        return {}
    rows = json.loads(file.read_text())["cells"]
    return {(row["fault"], row["means"]): Cell(**row) for row in rows}


def save(file: Path, cells: Iterable[Cell]) -> None:
    """Writes {"cells": [...]} in the order of the table, whole or not at all."""
    by_pair = {(cell.fault, cell.means): cell for cell in cells}
    content = {"cells": [asdict(by_pair[pair]) for pair in pairs() if pair in by_pair]}
    file.parent.mkdir(parents=True, exist_ok=True)
    temporary = file.with_suffix(".tmp")
    temporary.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
    temporary.replace(file)


def table(cells: Sequence[Cell]) -> str:
    """The tables as Markdown, one line per cell, with what the plugins were and what has no meaning."""
    lines = [
        "| fault | means | grant gone | credential gone | devices gone | state clear | exit | left | kept |",
        "|---|---|---|---|---|---|---|---|---|",
        *(_line(cell) for cell in cells if cell.means in MEANS),
        "",
        *_legend(cells),
        "",
        "Not rehearsed:",
        *_not_rehearsed(),
    ]
    reads = [_read_line(cell) for cell in cells if cell.means in READS]
    if reads:
        lines += [
            "",
            "A command that reads a cluster which it cannot reach changes nothing (state, outputs, policy, "
            "credentials, objects and rules are compared byte by byte), fails, says why, and calls nothing drift:",
            "",
            "| the cluster | command | exit | changed, or misreported | kept |",
            "|---|---|---|---|---|",
            *reads,
        ]
    return "\n".join(lines)


def write_into(document: Path, text: str) -> None:
    """Puts `text` between the markers of a document. Raises ValueError where they are missing."""
    whole = document.read_text()
    head, begin, rest = whole.partition(BEGIN)
    _, end, tail = rest.partition(END)
    if not (begin and end):
        raise ValueError(f"{document} lacks the markers {BEGIN} and {END}: the table goes between them")
    document.write_text(f"{head}{BEGIN}\n{text}\n{END}{tail}")


def _line(cell: Cell) -> str:
    times = (cell.grant_gone_s, cell.credential_gone_s, cell.devices_gone_s, cell.state_clear_s)
    shown = ["—" if time is None else f"{time:.1f} s" for time in times]
    return (
        f"| {FAULTS[cell.fault]} | {MEANS[cell.means]} | {' | '.join(shown)} | {cell.exit} | {_left(cell)} | "
        f"{_kept(cell)} |"
    )


def _read_line(cell: Cell) -> str:
    parts = [
        line.partition(":")[2].strip().partition(":")[0] if line.startswith(CHANGED) else line for line in cell.left
    ]
    wrong = "; ".join(parts).replace("|", "\\|") or "nothing"
    return f"| {FAULTS[cell.fault]} | {READS[cell.means]} | {cell.exit} | {wrong} | {_kept(cell)} |"


def _kept(cell: Cell) -> str:
    if not cell.ok:
        return "**no**"
    pair = (cell.fault, cell.means)
    if pair in CANNOT:
        return f"refuses: {CANNOT[pair]}"
    if pair in STATE_CHANGES:
        return f"but for the state: {STATE_CHANGES[pair]}"
    if pair in INTERRUPTED:
        return f"has to be interrupted: {INTERRUPTED[pair]}"
    if pair in STOPS and cell.grant_gone_s is None:
        return f"refuses: {STOPS[pair]}"
    return f"in part: {IN_PART[pair]}" if pair in IN_PART else "yes"


def _left(cell: Cell) -> str:
    """What is left, short: the JSON has all of it."""
    kinds: dict[str, list[str]] = {}
    for line in cell.left:
        kind, _, name = line.partition(" ")
        kinds.setdefault(kind.rstrip(":"), []).append(name)
    parts = []
    for kind, names in kinds.items():
        if kind in ("grant", "credential", "cloud"):
            parts.append(kind if len(names) == 1 else f"{len(names)} {kind}s")
        elif len(names) > MANY:
            parts.append(f"{kind}: {len(names)} objects")
        else:
            parts.append(f"{kind}: {', '.join(names)}")
    return "; ".join(parts).replace("|", "\\|") or "nothing"


def _not_rehearsed() -> list[str]:
    """Pairs without a meaning, those with the same reason on one line."""
    faults: dict[tuple[str, str], list[str]] = {}
    for (fault, means), why in NO_MEANING.items():
        faults.setdefault((means, why), []).append(FAULTS[fault])
    return [f"- {MEANS[means]} with {'; '.join(names)}: {why}." for (means, why), names in faults.items()]


def _legend(cells: Sequence[Cell]) -> list[str]:
    plugins: dict[str, str] = {}
    for cell in cells:
        plugins |= cell.plugins
    said = ", ".join(f"{name}: {kind}" for name, kind in sorted(plugins.items()))
    hung = sum(cell.exit == HUNG for cell in cells)
    failed = sum(not cell.ok for cell in cells)
    return [
        f"{len(cells)} of {len(pairs())} cells; {failed} in which the promise was not kept, {hung} hung. "
        f"Plugins: {said or 'none'}. Seconds since the cut began, seen from outside every 0.05 s; what a stand-in "
        "takes is no evidence about the real plugin.",
        f"A plain destroy removes the credential within {PROMISED:.0f} s after the grant, whatever the cluster does. "
        f"A cell fails above {ALLOWED:.0f} s: the machine may be busy, and a wait for the cluster takes at least 20 s.",
    ]
