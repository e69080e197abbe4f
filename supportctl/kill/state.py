"""Clearing the state: the `pulumi destroy` that follows once nothing at Tailscale is left.

Owns the flags, the time limit, what becomes of a lock, and the reading of what stopped it. By now access is gone, so
nothing here may undo or delay that: whatever fails is told with the command that finishes it. Runs no program and
reads no stack file: a destroy needs neither, and on the worst day neither may load. Where Pulumi.yaml does not load, a
project of the same name in a folder of its own stands in for it.
"""

from __future__ import annotations

import json
import os
import re
import socket
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import providers.tailnet
from supportctl.kill.engine import Engine
from supportctl.kill.in_cluster import in_cluster
from supportctl.kill.recorded import Recorded, recorded
from supportctl.kill.turn import turn

FLAGS = (
    *("--yes", "--skip-preview", "--non-interactive", "--suppress-outputs"),
    *("--refresh", "--continue-on-error"),
    "--run-program=false",
)
"""--refresh and the variable below let what an unreachable cluster holds go from the state (release included). The
last one: a variable of the engine's can make programs run at a destroy."""
DESTROY = "PULUMI_K8S_DELETE_UNREACHABLE=true pulumi destroy -s {stack} --refresh --continue-on-error"
"""The same as a person types it."""
UNREACHABLE = {"PULUMI_K8S_DELETE_UNREACHABLE": "true"}
LIMIT = 300.0
"""Seconds for the destroy."""
READ = 60.0
"""Seconds for reading the state."""
LOCK_PATIENCE = 60.0
"""Seconds for which a run that holds the stack's lock is waited for: it cannot get far, the killed-group refuses it."""
LOCK_LOOK = 2.0

CREDENTIALS = (
    "tailscale:index/oauthClient:OauthClient",
    "tailscale:index/federatedIdentity:FederatedIdentity",
    "tailscale:index/tailnetKey:TailnetKey",
)
"""Types of the resources whose ids are keys at Tailscale."""

PROJECT = "support-access"
"""The project's name in Pulumi.yaml, which may not load."""
_NO_PROJECT = re.compile(r"Pulumi\.ya?ml|fully qualified name")
"""What the engine says where the project's file does not load, or is not there."""
_LOCK = re.compile(r"created by (?P<user>\S+)@(?P<host>\S+) \(pid (?P<pid>\d+)\)")


@dataclass(frozen=True, slots=True)
class Cleared:
    """What became of the state. left: resources that it still names; error: what stopped it and how to go on."""

    clear: bool
    left: tuple[str, ...] = ()
    in_cluster: tuple[str, ...] | None = None
    """What may stay in the customer's cluster although nobody wants it: the commands that take it away, () when
    something may stay and no name is known, None when nothing does."""
    error: str | None = None
    told: str | None = None
    """What should be known of how it was done."""
    known: Recorded | None = None
    """The cluster that the state recorded."""
    look: bool = True
    """Whether the cluster is to be looked at: it answers as far as is known, it is the recorded one, and no other run
    is at work."""
    empty: bool = False
    """There was nothing to clear: the backend has no such stack, or the stack nothing in it."""


@dataclass(slots=True)
class Stack:
    """A stack in the backend that the environment names. project: folder of Pulumi.yaml.

    lock_patience: seconds to wait for a living run that holds the lock.
    """

    name: str
    project: Path
    environ: Mapping[str, str] = field(default_factory=lambda: dict(os.environ))
    lock_patience: float = LOCK_PATIENCE

    def clear(self, limit: float = LIMIT) -> Cleared:
        """Destroys the stack. A lock of a dead run of this machine is lifted, a living run is waited for."""
        with tempfile.TemporaryDirectory() as folder:
            before = self._held()
            if before.error is not None and _NO_PROJECT.search(before.error):
                stand_in = replace(self, project=_stand_in(Path(folder)))
                # Nothing found from there proves nothing: the project's own file may name another backend.
                found = stand_in._held()
                if found.rows:
                    told = f"from a project of its own: {before.error}"
                    return replace(stand_in._cleared(found, Path(folder), limit), told=told)
            return self._cleared(before, Path(folder), limit)

    def _cleared(self, before: _Held, folder: Path, limit: float) -> Cleared:
        if before.error is not None:
            return Cleared(clear=False, in_cluster=(), error=f"{before.error}\n{_again(self.name)}")
        if not before.rows and not before.begun:
            return Cleared(clear=True, empty=True)
        known = recorded(before.rows)
        # The fixed names of an operator exist in any other cluster that has one: the destroy would delete that one.
        if known is not None and (other := known.other()):
            staying, error = (
                in_cluster(before.rows),
                f"nothing was touched in the cluster: {other}\n{_again(self.name)}",
            )
            return Cleared(clear=False, left=_names(before.rows), in_cluster=staying, look=False, error=error)
        return replace(self._after_destroy(before, folder, limit), known=known)

    def _after_destroy(self, before: _Held, folder: Path, limit: float) -> Cleared:
        config = folder / f"Pulumi.{self.name}.yaml"
        config.write_text(stack_file(before.secrets))
        code, output, holder = self._destroyed(config, limit)
        if holder is not None:
            error = _locked(self.name, holder)
            staying = in_cluster(before.rows)
            return Cleared(clear=False, left=_names(before.rows), in_cluster=staying, look=False, error=error)
        after = self._held()
        # A cluster that does not answer keeps what the engine then drops from the state.
        silent = "unreachable" in output
        staying = in_cluster(before.rows if silent or after.error is not None else after.rows)
        return replace(self._outcome(code, output, after, staying, limit), look=not silent)

    def _outcome(
        self, code: int | None, output: str, after: _Held, staying: tuple[str, ...] | None, limit: float
    ) -> Cleared:
        if code == 0 and not after.rows and after.error is None:
            if after.begun:
                return Cleared(False, _names(after.begun), staying, error=_unsure(self.name))
            return Cleared(clear=True, in_cluster=staying)
        if code is None:
            why = f"it did not end within {limit:.0f} s"
        elif code != 0:
            why = _last_error(output)
        else:
            why = after.error or "the engine names no error, and the state is not empty"
        return Cleared(clear=False, left=_names(after.rows), in_cluster=staying, error=f"{why}\n{_again(self.name)}")

    def _destroyed(self, config: Path, limit: float) -> tuple[int | None, str, re.Match[str] | None]:
        """Exit code and output of the destroy, and who holds the lock if that kept it from running."""
        patience_ends = time.monotonic() + self.lock_patience
        lifted = False
        with turn(self.name) as mine:
            while True:
                may_lift = mine()  # before it looks: so what it lifts is what it has seen
                words = ("destroy", "-s", self.name, *FLAGS, "--config-file", str(config))
                code, output = self._engine.run(*words, limit=limit)
                locks = list(_LOCK.finditer(output)) if code != 0 else []
                alive = [lock for lock in locks if not _is_dead(lock["host"], int(lock["pid"]))]
                if not locks:
                    return code, output, None
                if not alive and not lifted and may_lift:
                    self._engine.run("cancel", "-s", self.name, "--yes", "--non-interactive", limit=60)
                    lifted = True
                elif time.monotonic() >= patience_ends:
                    return code, output, (alive or locks)[0]
                else:
                    time.sleep(LOCK_LOOK)

    def _held(self) -> _Held:
        words = ("stack", "export", "-s", self.name, "--non-interactive")
        code, output = self._engine.run(*words, limit=READ, merge=False)
        if code != 0:
            if "no stack named" in output:
                return _Held()
            said = f"the backend did not answer within {READ:.0f} s" if code is None else _last_error(output)
            return _Held(error=f"the state cannot be read: {said}")
        try:
            deployment = json.loads(output)["deployment"] or {}
        except (ValueError, KeyError, TypeError):
            return _Held(error="the state cannot be read: `pulumi stack export` printed no JSON")
        rows, secrets = deployment.get("resources") or [], deployment.get("secrets_providers") or {}
        return _Held(rows, secrets, begun=begun(deployment))

    @property
    def _engine(self) -> Engine:
        return Engine(self.project, {**self.environ, **UNREACHABLE, "PULUMI_SKIP_UPDATE_CHECK": "true"})


@dataclass(frozen=True, slots=True)
class _Held:
    """What the backend has of the stack. secrets: how the secrets in its rows are encrypted; begun: see begun()."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    secrets: Mapping[str, Any] = field(default_factory=dict)
    error: str | None = None
    begun: list[dict[str, Any]] = field(default_factory=list)


def begun(deployment: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Rows of what a run was creating when it was cut short: it may be there, and no resource says so."""
    pending = deployment.get("pending_operations") or []
    return [operation["resource"] for operation in pending if operation.get("type") == "creating"]


def stack_file(secrets: Mapping[str, Any]) -> str:
    """A stack file that says only how the state's secrets are encrypted, from the state itself.

    JSON, which is YAML. secrets: `secrets_providers` of an exported state: {"type": ..., "state": {...}}.
    """
    state, kind = secrets.get("state") or {}, secrets.get("type")
    if kind == "passphrase":
        return json.dumps({"encryptionsalt": state.get("salt")})
    if kind == "cloud":
        return json.dumps({"secretsprovider": state.get("url"), "encryptedkey": state.get("encryptedkey")})
    return "{}"


def _stand_in(folder: Path) -> Path:
    """A project of this name, in which a destroy finds what a state needs: its own backend's path, and our provider."""
    provider = {"name": "tailnet", "path": str(Path(providers.tailnet.__file__).parent)}
    project = {"name": PROJECT, "runtime": "python", "plugins": {"providers": [provider]}}
    (folder / "Pulumi.yaml").write_text(json.dumps(project))
    return folder


def _is_dead(host: str, pid: int) -> bool:
    """Whether the process that holds the lock ran on this machine and is no more."""
    if host != socket.gethostname():
        return False
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    except PermissionError:
        return False
    return False


def _again(stack: str) -> str:
    return (
        f"When that is mended, `supportctl kill {stack}` again clears the state, as does: {DESTROY.format(stack=stack)}"
    )


def _locked(stack: str, lock: re.Match[str]) -> str:
    return (
        f"another run holds the stack's lock ({lock['user']} on {lock['host']}, process {lock['pid']}). Where the "
        "killed-group was written, that run cannot bring access back. When it has ended, or if it is dead (`pulumi "
        f"cancel -s {stack}`), run `supportctl kill {stack}` again: that clears the state."
    )


def _unsure(stack: str) -> str:
    return (
        "a run was cut short while it made these, and they may be there: look for them, then "
        f"`pulumi refresh -s {stack} --yes --clear-pending-creates`"
    )


def _names(rows: list[dict[str, Any]]) -> tuple[str, ...]:
    """Pulumi's names, and of a credential at Tailscale its id: the console shows no auth key that a client minted."""
    return tuple(
        row["urn"].rpartition("::")[2] + (f" ({row['id']})" if row["type"] in CREDENTIALS and row.get("id") else "")
        for row in rows
        if not row["type"].startswith("pulumi:pulumi:")
    )


def _last_error(output: str) -> str:
    """The lines of the engine's output that say what was wrong, at most ten."""
    lines = [line.strip() for line in output.splitlines() if line.strip()]
    errors = [line for line in lines if "error:" in line]
    return "\n".join((errors or lines)[-10:]) or "pulumi said nothing"
