"""The commands of `supportctl`, and nothing of their work: each imports what it needs when it is called.

Owns arguments, questions and exit codes. Of what acts: 0: done; 1: done in part, and what is left is named; 2: not
done, or asked wrongly. Of what asks (`verify`, `egress check`) each command says its own.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from components.endpoints.derp_map import MAP_URL
from supportctl.ci.commands import app as ci_app
from supportctl.ending import ends

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
MAP_VARIABLE = "SUPPORT_ACCESS_DERP_MAP"
MAP_HELP = "Where the relay map is published."
FILE_HELP = "The relay map as a file, fetched elsewhere."


class EgressPart(StrEnum):
    """A part of the required egress that can be compared alone."""

    RELAYS = "relays"
    REGISTRIES = "registries"


@app.command()
@ends
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
    limit: Annotated[float, typer.Option(help="Seconds for clearing each stack's state.", min=10)] = 300.0,
    record: Annotated[Path, typer.Option(help="The folder for the record.")] = Path("kills"),
    project: Project = Path(),
) -> int:
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
    return run_preflight(options) if preflight else run_kill(options)


@app.command()
@ends
def revive(stack: StackName, yes: Yes = False) -> int:
    """Lift a kill: the next `pulumi up` of the stack may bring the environment back."""
    from supportctl.kill.command import run_revive

    return run_revive(stack, yes=yes)


@app.command("revoke-engineer")
@ends
def revoke_engineer(
    address: Annotated[str, typer.Argument(help="The person's tailnet login, as in ada@example.com.")],
    yes: Yes = False,
    project: Project = Path(),
) -> int:
    """End one person's support access everywhere, now; their devices are listed."""
    from supportctl.revoke import run_revoke

    return run_revoke(address, yes=yes, project=project)


@app.command()
@ends
def verify(
    stack: StackName,
    egress: Annotated[
        bool, typer.Option("--egress", help="Dial from a pod in the cluster what the operator needs, and what not.")
    ] = False,
    gone: Annotated[bool, typer.Option("--gone", help="Look everywhere for what a destroy has left.")] = False,
    reachable: Annotated[
        bool, typer.Option("--reachable", help="Check that nothing at Tailscale keeps engineers from the operator.")
    ] = False,
    manifest: Annotated[
        bool, typer.Option("--manifest", help="Print the probe's Job for somebody else to apply; run nothing.")
    ] = False,
    results: Annotated[
        Path | None, typer.Option(help="Judge what such a Job has logged; run nothing.", dir_okay=False)
    ] = None,
    needed: Annotated[
        list[str] | None, typer.Option(help="Dial only this HOST[:PORT], which must answer; may be repeated.")
    ] = None,
    shut: Annotated[
        list[str] | None, typer.Option(help="Dial only this HOST[:PORT], which must not answer; may be repeated.")
    ] = None,
    map_url: Annotated[str, typer.Option(help=MAP_HELP, envvar=MAP_VARIABLE)] = MAP_URL,
    map_file: Annotated[Path | None, typer.Option(help=FILE_HELP, dir_okay=False)] = None,
    limit: Annotated[float, typer.Option(help="Seconds for the probe to end.", min=10, max=3600)] = 300.0,
    project: Project = Path(),
) -> int:
    """Ask the world itself whether a claim of a stack holds.

    Exit code 0: it does. 1: it does not, and what is printed says where. 2: it could not be asked.
    """
    from supportctl.verify.command import run_verify
    from supportctl.verify.options import VerifyOptions

    options = VerifyOptions(
        stack=stack,
        egress=egress,
        gone=gone,
        reachable=reachable,
        manifest=manifest,
        results=results,
        needed=tuple(needed or ()),
        shut=tuple(shut or ()),
        map_url=map_url,
        map_file=map_file,
        limit=limit,
        project=project,
    )
    return run_verify(options)


@app.command()
@ends
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
) -> int:
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
    return run_handoff(options)


egress_app = typer.Typer(help="The required egress of customers' networks.", no_args_is_help=True)
app.add_typer(egress_app, name="egress")
app.add_typer(ci_app, name="ci")


@egress_app.command("check")
@ends
def egress_check(
    url: Annotated[str, typer.Option(help=MAP_HELP, envvar=MAP_VARIABLE)] = MAP_URL,
    file: Annotated[Path | None, typer.Option(help=FILE_HELP, dir_okay=False)] = None,
    image: Annotated[
        list[str] | None,
        typer.Option(help="Pull this image instead of the operator's, as nodes do, for instance from a mirror."),
    ] = None,
    only: Annotated[EgressPart | None, typer.Option(help="Compare only this part of the list.")] = None,
) -> int:
    """Compare the required egress with the published relay map and with the hosts that registries redirect to.

    Exit code 0: they are the same. 1: they differ, and the table says what that breaks. 2: not compared, or only in
    part; what could not be compared is on standard error.
    """
    from supportctl.egress.check import run_check

    return run_check(
        url,
        file,
        relays=only is not EgressPart.REGISTRIES,
        registries=only is not EgressPart.RELAYS,
        images=tuple(image or ()),
    )
