"""How a command ends that does not come to its own end: interrupted, or by a fault of this program.

Owns the exit code of both, which is that of a thing not done. Left to the interpreter either would end with 1, which
says "done in part" of what acts and "it is not so" of what asks.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import ParamSpec

import typer

from supportctl.screen import console

NOT_DONE = 2

Arguments = ParamSpec("Arguments")


def ends(command: Callable[Arguments, int]) -> Callable[Arguments, None]:
    """The command, ending with the exit code that it returns, or with NOT_DONE."""

    @wraps(command)
    def run(*words: Arguments.args, **options: Arguments.kwargs) -> None:
        try:
            code = command(*words, **options)
        except KeyboardInterrupt:
            code = _not_done("it was interrupted")
        except Exception as error:
            code = _not_done(f"a fault of this program ended it: {type(error).__name__}: {error}")
        raise typer.Exit(code)

    return run


def _not_done(why: str) -> int:
    console(stderr=True).print(f"error: {why}. Run the same command again.", markup=False)
    return NOT_DONE
