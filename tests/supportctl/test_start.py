"""The commands start quickly: what is heavy is imported by whoever needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pulumi", "kubernetes", "httpx", "pydantic", "yaml", "jinja2")


def test_no_command_pays_for_what_another_one_needs() -> None:
    code = f"import sys, supportctl.commands; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_kill_loads_what_speaks_to_the_api_and_nothing_else_that_is_heavy() -> None:
    code = (
        "import sys, supportctl.commands, supportctl.kill.command; "
        f"print([name for name in {HEAVY} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['httpx']"


def test_a_kill_loads_nothing_of_the_program_but_names() -> None:
    """On the worst day the program is broken: what is not imported cannot stop a cut."""
    code = (
        "import sys, supportctl.commands, supportctl.kill.command; "
        "print(sorted(name for name in sys.modules if name.startswith('components.')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == str(["components.endpoints", "components.endpoints.derp_map", "components.naming"])
