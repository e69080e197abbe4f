"""What `supportctl kill` and `supportctl revive` do with their arguments: questions, record, screen, exit code.

Owns who is said to have done it and where the record goes. The work is kill.py's. However it ends, the exit code says
whether access is gone: an interruption or a fault of this program never looks like a cut.
"""

from __future__ import annotations

import contextlib
import getpass
import os
import re
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
from supportctl.kill.kill import GONE, LEFT, NOT_SEVERED, UNKNOWN_NAME, Order, kill
from supportctl.kill.left import left_in_cluster
from supportctl.kill.preflight import preflight
from supportctl.kill.record import Record, now
from supportctl.kill.sever import QUICK
from supportctl.kill.state import Stack
from supportctl.kill.target import Target, TargetError, target
from supportctl.screen import console, show_step

_KEY = re.compile(r"tskey-[\w-]+", re.IGNORECASE)


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
    project = _absolute(options.project)
    mark = Mark(who=_who(), when=now(), why=_text(options.reason))
    record = Record(
        target=aim.name,
        who=mark.who,
        why=mark.why,
        path=None if options.dry_run else _record_path(options.record, aim.name),
        say=partial(show_step, out),
    )
    try:
        order = Order(
            target=aim,
            mark=mark,
            stack=None if options.keep_state else lambda name: Stack(name, project),
            cluster=lambda name, cleared: left_in_cluster(name, project, cleared.known, cleared.in_cluster or ()),
            known=_stack_files(project, aim),
            limit=options.limit,
            dry=options.dry_run,
        )
        with tailscale(QUICK) as client, tailscale() as patient:
            code = kill(client, order, record, patient=patient)
    except TailnetError as error:
        errors.print(f"error: {error}", markup=False)
        return NOT_SEVERED
    except KeyboardInterrupt:
        record.left.append("it was interrupted: run the same command again, which finishes it")
        code = NOT_SEVERED
    except Exception as error:  # uncaught it would end with 1, which says that access is gone
        record.left.append(f"a fault of this program ended it: {type(error).__name__}: {error}")
        code = NOT_SEVERED
    if record.path is not None and record.unsaved is not None and code == GONE:
        code = LEFT
    record.exit = code
    record.save()
    # A screen that is gone does not change what happened.
    with contextlib.suppress(OSError, ValueError):
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


def _who() -> str:
    """The login, or the number of a user who has none, as in a container."""
    try:
        return _text(getpass.getuser())
    except (KeyError, OSError):
        return f"uid {os.getuid()}"


def _text(given: str) -> str:
    """What the policy document and the record may hold: no surrogates of another encoding, no key that was pasted."""
    return _KEY.sub("(a Tailscale key: revoke it)", given.encode("utf-8", "replace").decode("utf-8"))


def _absolute(path: Path) -> Path:
    try:
        return path.absolute()
    except OSError:  # the folder that this runs in is gone
        return path


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
    return _absolute(folder) / f"{name}-{datetime.now(UTC):%Y%m%dT%H%M%S%fZ}.json"


def _stack_files(project: Path, aim: Target) -> tuple[str, ...]:
    """Operators' tags of the customer's stacks, by the names of their files alone: one may not load any more."""
    found: list[str] = []
    try:
        files = sorted((project / "stacks").glob("Pulumi.*.yaml"))
    except OSError:
        return ()
    for path in files:
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
    out.print(_ending(record, code), markup=False)
    if record.unsaved is None:
        out.print(f"The record is in {record.path}.", markup=False)
    else:
        out.print(f"The record could not be written ({record.unsaved}). Keep this one:\n{record.text}", markup=False)


def _ending(record: Record, code: int) -> str:
    name = record.target
    if code == NOT_SEVERED:
        return f"{name} MAY STILL BE REACHABLE: see what failed above, and run the same command again."
    if any(line.startswith(UNKNOWN_NAME) for line in record.left):
        return f"Nothing was cut off: nothing bore the name {name}."
    if code != GONE:
        return f"{name} is cut off. What is left is named above."
    if any(step.status == "skipped" for step in record.steps):
        return f"{name} is cut off at Tailscale. State, cluster and cloud were left alone, as asked."
    return f"{name} is cut off, and nothing of it is left that this command can see."
