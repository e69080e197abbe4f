"""What one change of the policy document costs in this program, by how many environments the document has.

    python benchmarks/slices.py [--rounds N]

Owns the measurement and judges nothing: no test runs it. Text in, text out: nobody is called. Seconds are those of the
processor, median of the rounds, so that other work on the machine counts little.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from providers.tailnet.isolation import report
from providers.tailnet.severance import Mark, severed
from providers.tailnet.slice import applied, removed
from providers.tailnet.tags import Environment
from tests.providers.policies import FOREIGN, access, identity, value

ENVIRONMENTS = (20, 100, 500)
NEW, OLD = Environment("newcomer", "prod"), Environment("customer3", "prod")
MARK = Mark(who="benchmark", when="2026-11-21T12:00:00Z", why="")


def standing(count: int) -> str:
    """A document with that many environments in it, each with its identity and its access, an item a line."""
    document = value(FOREIGN)
    for number in range(count):
        environment = Environment(f"customer{number}", "prod")
        for part in (identity(environment), access(environment)):
            _add(document, part.sections)
    return json.dumps(document, indent=2)


def _add(there: dict[str, Any], sections: Any) -> None:
    for name, content in sections.items():
        if isinstance(content, dict):
            _add(there.setdefault(name, {}), content)
        else:
            there[name] = [*there.get(name, []), *content]


def changes(text: str) -> dict[str, Callable[[], object]]:
    """What is measured, by its column."""
    with_identity = applied(text, identity(NEW)).text
    whole = applied(with_identity, access(NEW))
    return {
        "identity comes": lambda: applied(text, identity(NEW)),
        "access comes": lambda: applied(with_identity, access(NEW)),
        "nothing changes": lambda: applied(whole.text, identity(NEW)),
        "who reaches it": lambda: report(whole.after, identity(NEW), []),
        "access goes": lambda: removed(whole.text, access(NEW)),
        "identity goes": lambda: removed(with_identity, identity(NEW)),
        "kill": lambda: severed(text, [OLD], MARK),
    }


def measured(work: Callable[[], object], rounds: int) -> float:
    """Milliseconds of the processor, the median."""
    spent = []
    for _ in range(rounds):
        began = time.process_time()
        work()
        spent.append(time.process_time() - began)
    return statistics.median(spent) * 1000


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    print(
        f"{os.cpu_count()} cores, Python {platform.python_version()}, {rounds} rounds, milliseconds of the processor\n"
    )
    columns = ["environments", "document", *changes(FOREIGN)]
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for count in ENVIRONMENTS:
        text = standing(count)
        cells = [f"{measured(work, rounds):.0f}" for work in changes(text).values()]
        print(f"| {count} | {len(text.encode()) / 1024:.0f} KiB | {' | '.join(cells)} |", flush=True)


if __name__ == "__main__":
    main()
