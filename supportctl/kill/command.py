"""What `supportctl kill` and `supportctl revive` do with their arguments: questions, record, screen, exit code.

Owns who is said to have done it and where the record goes. The work is kill.py's.
"""

from __future__ import annotations

import getpass
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from pathlib import Path

from rich.console import Console

from components.naming import Names
from providers.tailnet.document import write
from providers.tailnet.problems import TailnetError
from providers.tailnet.severance import Mark, revived
from supportctl.connection import tailscale
from supportctl.kill.kill import GONE, NOT_SEVERED, Order, kill
from supportctl.kill.preflight import preflight
from supportctl.kill.record import Record, now
from supportctl.kill.state import Stack
from supportctl.kill.target import Target, TargetError, target
from supportctl.screen import console, show_step


@dataclass(frozen=True, kw_only=True, slots=True)
class KillOptions:
    """The arguments of `supportctl kill`; see commands.py."""

    stack: str | None
    customer: str | None
    reason: str
    yes: bool
    dry_run: bool
    keep_state: bool
    limit: float
    record: Path
    project: Path


def run_kill(options: KillOptions) -> int:
    """Kills, or says what a kill would do. Returns the exit code."""
    out, errors = console(), console(stderr=True)
    try:
        aim = target(options.stack, options.customer)
    except TargetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_SEVERED
    if not (options.yes or options.dry_run) and not _confirmed(out, aim.name, "This cuts all support access to it."):
        return NOT_SEVERED
    mark = Mark(who=getpass.getuser(), when=now(), why=options.reason)
    record = Record(
        target=aim.name,
        who=mark.who,
        why=mark.why,
        path=None if options.dry_run else _record_path(options.record, aim.name),
        say=partial(show_step, out),
    )
    project = options.project.resolve()
    order = Order(
        target=aim,
        mark=mark,
        stack=None if options.keep_state else lambda name: Stack(name, project),
        known=_stack_files(project, aim),
        limit=options.limit,
        dry=options.dry_run,
    )
    try:
        with tailscale() as client:
            code = kill(client, order, record)
    except TailnetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_SEVERED
    _tell_end(out, record, code, dry=options.dry_run)
    return code


def run_preflight(options: KillOptions) -> int:
    """Says whether a kill would work today. Returns 0 when all of it would."""
    out, errors = console(), console(stderr=True)
    try:
        aim = target(options.stack, options.customer) if options.stack or options.customer else None
        with tailscale() as client:
            checks = preflight(client, aim)
    except (TargetError, TailnetError) as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_SEVERED
    for check in checks:
        out.print(f"{'ok    ' if check.ok else 'FAILED'}  {check.what}", markup=False)
    return GONE if all(check.ok for check in checks) else NOT_SEVERED


def run_revive(stack: str, *, yes: bool) -> int:
    """Lifts the kill of one stack. Returns 0, also when there was none."""
    out, errors = console(), console(stderr=True)
    try:
        names = Names.split(stack)
    except ValueError as error:
        errors.print(f"error: {stack!r} is no stack of an environment: {error}", markup=False)
        return NOT_SEVERED
    if not yes and not _confirmed(out, stack, "This lets the next `pulumi up` bring its access back."):
        return NOT_SEVERED
    try:
        with tailscale() as client:
            written = write(client, lambda text, _: revived(text, names.tags), removing=True)
    except TailnetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_SEVERED
    if written.posts:
        out.print(f"lifted: {names.tags.killed_group} is gone. `pulumi up -s {stack}` brings access back.")
    else:
        out.print(f"{stack} was not killed: the policy document has no {names.tags.killed_group}.")
    return GONE


def _confirmed(out: Console, name: str, warning: str) -> bool:
    try:
        typed = out.input(f"{warning} Type {name} to go on: ", markup=False)
    except (EOFError, KeyboardInterrupt):
        typed = ""
    if typed.strip() == name:
        return True
    out.print("Not confirmed; nothing was changed. --yes asks nothing.")
    return False


def _record_path(folder: Path, name: str) -> Path:
    return folder.resolve() / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"


def _stack_files(project: Path, aim: Target) -> tuple[str, ...]:
    """Operators' tags of the customer's stacks, by the names of their files alone: one may not load any more."""
    found = []
    for path in sorted((project / "stacks").glob("Pulumi.*.yaml")):
        try:
            names = Names.split(path.name.removeprefix("Pulumi.").removesuffix(".yaml"))
        except ValueError:
            continue
        if names.customer == aim.customer:
            found.append(names.tags.kube_tag)
    return tuple(found)


def _tell_end(out: Console, record: Record, code: int, *, dry: bool) -> None:
    for line in record.left:
        out.print(f"left: {line}", markup=False)
    if dry:
        out.print("Nothing was changed.")
        return
    endings = {
        GONE: f"{record.target} is cut off, and nothing of it is left that this command can see.",
        NOT_SEVERED: f"{record.target} MAY STILL BE REACHABLE: see what failed above, and run the same command again.",
    }
    out.print(endings.get(code, f"{record.target} is cut off. What is left is named above."), markup=False)
    out.print(f"The record is in {record.path}.", markup=False)
