"""The commands of `supportctl`, and nothing of their work: each imports what it needs when it is called.

Owns arguments, questions and exit codes. 0: done; 1: done in part, and what is left is named; 2: not done, or asked
wrongly.
"""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

app = typer.Typer(
    name="supportctl",
    help="Support access beside `pulumi`: the kill switch, and what proves it.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

StackName = Annotated[str, typer.Argument(help="The stack's name, as in acme-prod.", show_default=False)]
Project = Annotated[Path, typer.Option("--project", help="The folder of Pulumi.yaml.", file_okay=False)]
Yes = Annotated[bool, typer.Option("--yes", help="Ask nothing.")]


@app.command()
def kill(
    stack: Annotated[str | None, typer.Argument(help="The stack to cut, as in acme-prod.")] = None,
    customer: Annotated[
        str | None, typer.Option(help="Cut every environment of this customer, and what they share.")
    ] = None,
    reason: Annotated[str, typer.Option(help="Why: it stands in the policy document and in the record.")] = "",
    yes: Yes = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be done; change nothing.")] = False,
    preflight: Annotated[
        bool, typer.Option("--preflight", help="Say whether a kill would work today; change nothing.")
    ] = False,
    keep_state: Annotated[
        bool, typer.Option("--keep-state", help="Cut at Tailscale and leave the stack's state alone.")
    ] = False,
    limit: Annotated[float, typer.Option(help="Seconds for clearing each stack's state.")] = 300.0,
    record: Annotated[Path, typer.Option(help="The folder for the record.", file_okay=False)] = Path("kills"),
    project: Project = Path(),
) -> None:
    """Cut access now, through the Tailscale API alone; then clear the state and say what is left."""
    from supportctl.kill.command import KillOptions, run_kill, run_preflight

    options = KillOptions(
        stack=stack,
        customer=customer,
        reason=reason,
        yes=yes,
        dry_run=dry_run,
        keep_state=keep_state,
        limit=limit,
        record=record,
        project=project,
    )
    raise typer.Exit(run_preflight(options) if preflight else run_kill(options))


@app.command()
def revive(stack: StackName, yes: Yes = False) -> None:
    """Lift a kill: the next `pulumi up` of the stack may bring the environment back."""
    from supportctl.kill.command import run_revive

    raise typer.Exit(run_revive(stack, yes=yes))


@app.command("revoke-engineer")
def revoke_engineer(
    address: Annotated[str, typer.Argument(help="The person's tailnet login, as in ada@example.com.")],
    yes: Yes = False,
    project: Project = Path(),
) -> None:
    """End one person's support access everywhere, now; their devices are listed."""
    from supportctl.revoke import run_revoke

    raise typer.Exit(run_revoke(address, yes=yes, project=project.resolve()))


@app.command()
def handoff(
    stack: StackName,
    out: Annotated[Path, typer.Option(help="The folder for the customer, new or of an earlier handoff.")],
    age: Annotated[list[str] | None, typer.Option(help="An age recipient of the customer's; may be repeated.")] = None,
    credential: Annotated[
        Path | None, typer.Option(help="The file for the encrypted credential, outside the folder.", dir_okay=False)
    ] = None,
    print_credential: Annotated[
        bool, typer.Option("--print-credential", help="Print the credential in clear, once.")
    ] = False,
    project: Project = Path(),
) -> None:
    """Write what a customer who installs alone needs, and nothing else. The credential goes on a way of its own."""
    from supportctl.handoff.command import HandoffOptions, run_handoff

    options = HandoffOptions(
        stack=stack,
        out=out,
        age=tuple(age or ()),
        credential=credential,
        print_credential=print_credential,
        project=project,
    )
    raise typer.Exit(run_handoff(options))
