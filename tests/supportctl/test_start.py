"""The commands start quickly: what is heavy is imported by whoever needs it."""

from __future__ import annotations

import subprocess
import sys

HEAVY = ("pulumi", "kubernetes", "httpx", "pydantic", "yaml", "jinja2")


def test_no_command_pays_for_what_another_one_needs() -> None:
    code = f"import sys, supportctl.commands; print([name for name in {HEAVY} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
