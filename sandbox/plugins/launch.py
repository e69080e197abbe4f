"""Runs a module of this repository by its name, from any folder and without a variable that its children would
inherit.

python -P sandbox/plugins/launch.py sandbox.plugins.aws ARGUMENTS...
"""

from __future__ import annotations

import runpy
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).resolve().parents[2]))
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
