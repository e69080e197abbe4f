"""What `supportctl verify` does with its arguments: which question is asked, and the exit code.

Owns the choice and the form of its refusals. Each question is a module of its own: egress.py asks from inside the
customer's cluster what its network lets out, gone.py asks everywhere whether anything of a stack is left, reachable.py
asks the tailnet whether engineers can reach the operator.
"""

from __future__ import annotations

from supportctl.screen import console
from supportctl.verify.exits import NOT_ASKED
from supportctl.verify.options import VerifyOptions


def run_verify(options: VerifyOptions) -> int:
    """Asks the one question that was chosen. Returns the exit code."""
    if [options.egress, options.gone, options.reachable].count(True) != 1:
        console(stderr=True).print("error: say what to verify: --egress, --gone or --reachable.", markup=False)
        return NOT_ASKED
    if options.gone:
        from supportctl.verify.gone import verify_gone

        return verify_gone(options.stack, project=options.project)
    if options.reachable:
        from supportctl.verify.reachable import verify_reachable

        return verify_reachable(options.stack, project=options.project)
    from supportctl.verify.egress import verify_egress

    return verify_egress(options)
