"""Checks: what was declared beside what was observed.

Owns their collection, the table and the JSON form. Does not observe anything itself.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True, slots=True)
class Check:
    """One claim. declared and observed: text for people; ok: whether the observation bears the claim out."""

    name: str
    declared: str
    observed: str
    ok: bool


@dataclass(slots=True)
class Checks:
    """The checks of one run, in the order in which they were made."""

    rows: list[Check] = field(default_factory=list)

    def same(self, name: str, *, declared: Any, observed: Any) -> None:
        """Records that two values must be equal; lists and mappings are shown as JSON."""
        self.rows.append(Check(name, _text(declared), _text(observed), declared == observed))

    def holds(self, name: str, *, declared: str, observed: Any, ok: bool) -> None:
        """Records a claim whose observation was judged by the caller."""
        self.rows.append(Check(name, declared, _text(observed), ok))

    @property
    def failed(self) -> list[Check]:
        return [row for row in self.rows if not row.ok]

    def show(self, console: Console) -> None:
        table = Table(title="Declared, observed", title_justify="left", show_lines=False)
        for heading in ("check", "declared", "observed", "ok"):
            table.add_column(heading, overflow="fold")
        for row in self.rows:
            table.add_row(row.name, row.declared, row.observed, "yes" if row.ok else "[bold red]NO[/]")
        console.print(table)

    def write(self, path: Path, timings: dict[str, float]) -> None:
        """Writes `{"checks": [{name, declared, observed, ok}], "timings": {step: seconds}}`."""
        path.parent.mkdir(parents=True, exist_ok=True)
        report = {"checks": [asdict(row) for row in self.rows], "timings": timings}
        path.write_text(json.dumps(report, indent=2) + "\n")


def _text(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
