"""One cell: up, fault, command, proof.

Owns the order and the judgement. A cut that hangs, that changes something of others, or that does not keep the promise
of its pair (cell.py) is not ok; neither is a command that reads a cluster it cannot reach, and changes anything.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sandbox.rehearse.cell import (
    ALLOWED,
    CANNOT,
    CLUSTER,
    ENDED_BY_HAND,
    HUNG,
    IN_PART,
    INTERRUPTED,
    OUT_OF_REACH,
    READS,
    STATE_CHANGES,
    STOPS,
    Cell,
)
from sandbox.rehearse.command import Ended
from sandbox.rehearse.faults import FAULTS
from sandbox.rehearse.means import CUTS, Documented, read_words
from sandbox.rehearse.others import CHANGED, OWN_STATE, changed, differences, own_picture, picture
from sandbox.rehearse.stage import Stage
from sandbox.rehearse.standing import Standing
from sandbox.rehearse.watch import Watch

GRANT, CREDENTIAL, DEVICES, STATE = "grant", "credential", "devices", "state"
NAMESPACE = "cluster: namespace tailscale"


def rehearse(stage: Stage, fault: str, means: str) -> tuple[Cell, Ended]:
    """Rehearses one pair on a stage that stands, or that a cell before has left. Raises StageError."""
    stage.restore()
    stage.touch()
    return _read(stage, fault, means) if means in READS else _cut(stage, fault, means)


def _cut(stage: Stage, fault: str, means: str) -> tuple[Cell, Ended]:
    documented = Documented()
    with FAULTS[fault](stage, documented) as around:
        before = picture(stage)
        cut = partial(CUTS[means], stage, documented)
        watch = Watch(partial(look, stage))
        watch.start()
        try:
            ended = around(cut) if around else cut()
        finally:
            gone = watch.stop()
    standing = stage.standing()
    left = [*_left(stage, standing), *changed(stage, before)]
    cell = Cell(
        fault=fault,
        means=means,
        grant_gone_s=gone[GRANT],
        credential_gone_s=gone[CREDENTIAL],
        devices_gone_s=gone[DEVICES],
        state_clear_s=gone[STATE],
        left=left,
        exit=_exit(fault, means, ended.code),
        plugins={} if means == "uninstall" else stage.plugins,
        ok=kept(fault, means, ended.code, standing, left) and prompt(fault, means, gone[GRANT], gone[CREDENTIAL]),
    )
    stage.forget_edits()
    return cell, ended


def _read(stage: Stage, fault: str, command: str) -> tuple[Cell, Ended]:
    before = {**picture(stage), **own_picture(stage)}
    with FAULTS[fault](stage, Documented()):
        ended = stage.run(command, read_words(stage)[command])
    left = [*differences(before, {**picture(stage), **own_picture(stage)}), *misreported(fault, ended)]
    cell = Cell(
        fault=fault,
        means=command,
        grant_gone_s=None,
        credential_gone_s=None,
        devices_gone_s=None,
        state_clear_s=None,
        left=left,
        exit=_exit(fault, command, ended.code),
        plugins=stage.plugins,
        ok=unharmed(fault, command, ended.code, left),
    )
    return cell, ended


def _exit(fault: str, means: str, code: int | None) -> int | str:
    if code is not None:
        return code
    return ENDED_BY_HAND if (fault, means) in INTERRUPTED else HUNG


def look(stage: Stage) -> Mapping[str, bool]:
    """What still stands."""
    standing = stage.standing()
    return {
        GRANT: bool(standing.grants),
        CREDENTIAL: bool(standing.credentials),
        DEVICES: bool(standing.devices or standing.services),
        STATE: bool(stage.rows()),
    }


def kept(fault: str, means: str, code: int | None, standing: Standing, left: Sequence[str]) -> bool:
    """Whether the promise of this pair was kept: never by a cut that hung or changed something of others.

    code: None when it hung. left: all that is there at the end, and what changed; a kill that says 0 saw none. One that
    says 1 may have seen what has gone since: a definition that Kubernetes was still deleting.
    """
    pair = (fault, means)
    if (code is None and pair not in INTERRUPTED) or any(line.startswith(CHANGED) for line in left):
        return False
    untouched = code != 0 and bool(standing.grants and standing.credentials and standing.devices)
    if pair in CANNOT:
        return untouched
    if means == "uninstall":
        return not standing.online
    if pair in IN_PART:
        return not standing.grants or (pair in STOPS and untouched)
    if pair in INTERRUPTED and means != "destroy":
        return True
    gone = not (standing.grants or standing.credentials or standing.devices or standing.services)
    if means == "destroy" and code == 0 and any(line.startswith(NAMESPACE) for line in left):
        return False
    return gone and (means != "kill" or code == 1 or (code == 0 and not left))


def prompt(fault: str, means: str, grant: float | None, credential: float | None) -> bool:
    """Whether nothing waited for the cluster between the grant and the credential, in a plain destroy."""
    if means != "destroy" or fault not in CLUSTER:
        return True
    return grant is not None and credential is not None and credential - grant <= ALLOWED


def unharmed(fault: str, command: str, code: int | None, left: Sequence[str]) -> bool:
    """Whether a command that reads a cluster which it cannot reach has failed, and changed and misreported nothing but
    what its pair allows."""
    allowed = f"{CHANGED} {OWN_STATE}:" if (fault, command) in STATE_CHANGES else None
    return code not in (0, None) and all(allowed is not None and line.startswith(allowed) for line in left)


def misreported(fault: str, ended: Ended) -> list[str]:
    """What a command that reads the cluster says wrong of one that it cannot reach."""
    words = OUT_OF_REACH[fault]
    missing = [] if any(part in ended.output for part in words) else [f"message: it does not say {words[0]!r}"]
    return [*missing, *(["message: it calls that drift"] if "drifted" in ended.output else [])]


def _left(stage: Stage, standing: Standing) -> list[str]:
    rows = [row["urn"].rpartition("::")[2] for row in stage.rows() if not row["type"].startswith("pulumi:")]
    return [
        *(f"grant {grant}" for grant in standing.grants),
        *(f"credential {key}" for key in standing.credentials),
        *(f"device {name}, {'online' if name in standing.online else 'offline'}" for name in standing.devices),
        *(f"service {name}" for name in standing.services),
        *([f"state: {len(rows)} resources"] if stage.rows() else []),
        *stage.noted,
        *(f"cluster: {name}" for name in stage.in_cluster()),
        *(f"cloud: {rule}" for rule in stage.in_cloud()),
    ]
