"""What `supportctl verify` does with its arguments: which question is asked, and the exit code.

Owns the choice and the form of its refusals. Each question is a module of its own: egress.py asks from inside the
customer's cluster what its network lets out, gone.py asks everywhere whether anything of a stack is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from supportctl.screen import console
from supportctl.verify.exits import NOT_ASKED


@dataclass(frozen=True, kw_only=True, slots=True)
class VerifyOptions:
    """The arguments of `supportctl verify`; see commands.py. needed, shut: `HOST[:PORT]`, in place of the stack's."""

    stack: str
    egress: bool
    gone: bool
    manifest: bool
    results: Path | None
    needed: tuple[str, ...]
    shut: tuple[str, ...]
    map_url: str
    map_file: Path | None
    limit: float
    project: Path


def run_verify(options: VerifyOptions) -> int:
    """Asks the one question that was chosen. Returns the exit code."""
    if options.egress == options.gone:
        console(stderr=True).print("error: say what to verify: either --egress or --gone.", markup=False)
        return NOT_ASKED
    if options.gone:
        from supportctl.verify.gone import verify_gone

        return verify_gone(options.stack, project=options.project)
    from supportctl.verify.egress import verify_egress

    return verify_egress(options)
