"""`pulumi` as CI runs it: preview, refresh and update of one stack, with the policy pack and its limits.

Owns the command lines and reading what came of them. Runs nothing for a stack whose secrets anybody could open
(encryption.py). A preview changes nothing, at the backend neither.
"""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from time import monotonic

from providers import process
from supportctl.ci import events
from supportctl.ci.declared import declared
from supportctl.ci.encryption import refuse_passphrase, secrets_provider
from supportctl.ci.limits import pack
from supportctl.ci.model import Preview, Remark
from supportctl.ci.scratch import scratch
from supportctl.kill.engine import Engine
from supportctl.stack import StackError, shown_outputs_of, stacks_of

LIMIT = 1800.0
"""Seconds for one stack. A cluster that does not answer takes its own time, and no preview takes this long."""
STOP = 60.0
"""Seconds for an update to end after each signal: interrupted, it finishes the operations that are under way."""
EVENTS = {"PULUMI_ENABLE_STREAMING_JSON_PREVIEW": "true"}


def preview(stack: str, project: Path) -> Preview:
    """What the next `up` would do; for a stack without a file, what stands and stays until it is destroyed.

    A stack that cannot be asked at all is a preview that failed, with the reason as its error.
    """
    try:
        return _preview(stack, project)
    except StackError as error:
        why = Remark(severity="error", resource="", text=str(error))
        return Preview(stack=stack, kind="changed", succeeded=False, seconds=0.0, remarks=[why])


def _preview(stack: str, project: Path) -> Preview:
    if not stack_file(stack, project).exists():
        return _removed(stack, project)
    refuse_passphrase(stack, project)
    with pack(stack, project) as flags:
        words = ("preview", "--json", *flags)
        if stack in stacks_of(project):
            said, code, seconds = _run(stack, _engine(project), *words)
        else:
            with scratch(stack, project, os.environ) as engine:
                said, code, seconds = _run(stack, engine, *words)
    found = said.preview(stack, seconds)
    if not said.outputs_are_new and (settings := declared(stack, said.config)) is not None:
        found = found.model_copy(update={"after": settings, "source": "settings"})
    return found.model_copy(update={"succeeded": said.succeeded and code == 0})


def refresh(stack: str, project: Path) -> events.Said:
    """How the world differs from the state. Raises StackError when that could not be found out."""
    refuse_passphrase(stack, project)
    said, code, _ = _run(stack, _engine(project), "refresh", "--preview-only", "--json")
    if code != 0 or not said.succeeded:
        wrong = "\n".join(remark.text for remark in said.remarks if remark.severity == "error")
        raise StackError(f"`pulumi refresh --preview-only -s {stack}` failed: {wrong or 'it said nothing'}")
    return said


def deploy(stack: str, project: Path) -> int:
    """`pulumi up` with the policy pack, its output on this one's. Returns its exit code.

    A stack that the backend does not have yet is made, with the key that its file names.
    """
    refuse_passphrase(stack, project)
    if stack not in stacks_of(project):
        key = secrets_provider(stack, project)
        made = _engine(project).run(
            "stack", "init", stack, "--non-interactive", *(["--secrets-provider", key] if key else []), limit=LIMIT
        )
        if made[0] != 0:
            raise StackError(f"The stack {stack} could not be made: {made[1].strip()}")
    try:
        with pack(stack, project) as flags:
            words = ["pulumi", "up", "-s", stack, "--yes", "--non-interactive", *flags]
            code = process.show(words, environ=os.environ, limit=LIMIT, grace=STOP, folder=project)
    except OSError as error:
        raise StackError(f"pulumi cannot be started: {error.strerror}. Put it on PATH.") from None
    if code is None:
        raise StackError(
            f"`pulumi up -s {stack}` did not end within {LIMIT:.0f} s and was stopped. Fix: run it again; if the stack"
            f" is locked then, `pulumi cancel -s {stack}` first"
        )
    return code


def plain_preview(stack: str, project: Path) -> float:
    """Seconds that `pulumi preview` takes by itself, whatever comes of it."""
    return _run(stack, _engine(project), "preview", "--json")[2]


def stack_file(stack: str, project: Path) -> Path:
    """Where the settings of a stack are."""
    return project / "stacks" / f"Pulumi.{stack}.yaml"


def _removed(stack: str, project: Path) -> Preview:
    outputs = shown_outputs_of(stack, project) if stack in stacks_of(project) else {}
    return Preview(stack=stack, kind="removed", succeeded=True, seconds=0.0, before=events.kept(outputs))


def _engine(project: Path) -> Engine:
    return Engine(project, os.environ)


def _run(stack: str, engine: Engine, *words: str) -> tuple[events.Said, int, float]:
    began = monotonic()
    engine = replace(engine, environ={**engine.environ, **EVENTS})
    code, printed = engine.run(*words, "-s", stack, "--non-interactive", limit=LIMIT, merge=False)
    lines = printed.splitlines()
    said = events.read(lines)
    if code is None:
        said.remarks.append(Remark(severity="error", resource="", text=f"It did not end within {LIMIT:.0f} s."))
    elif not said.finished:
        rest = "\n".join(line for line in lines if not line.startswith("{")).strip() or "it said nothing"
        raise StackError(f"`pulumi {words[0]} -s {stack}` did not begin: {events.without_keys(rest)}")
    return said, 1 if code is None else code, monotonic() - began
