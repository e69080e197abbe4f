"""One cell: up, fault, cut, proof.

Owns the order and the judgement. A cut that hangs, that changes something of others, or that does not keep the promise
of its pair (cell.py) is not ok.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial

from sandbox.rehearse.cell import CANNOT, HUNG, IN_PART, STOPS, Cell
from sandbox.rehearse.command import Ended
from sandbox.rehearse.faults import FAULTS
from sandbox.rehearse.means import CUTS, Documented
from sandbox.rehearse.others import CHANGED, changed, picture
from sandbox.rehearse.stage import Stage
from sandbox.rehearse.standing import Standing
from sandbox.rehearse.watch import Watch

GRANT, CREDENTIAL, DEVICES, STATE = "grant", "credential", "devices", "state"


def rehearse(stage: Stage, fault: str, means: str) -> tuple[Cell, Ended]:
    """Rehearses one pair on a stage that stands, or that a cell before has left. Raises StageError."""
    stage.restore()
    stage.touch()
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
        exit=HUNG if ended.code is None else ended.code,
        plugins={} if means == "uninstall" else stage.plugins,
        ok=kept(fault, means, ended.code, standing, left),
    )
    stage.forget_edits()
    return cell, ended


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
    if code is None or any(line.startswith(CHANGED) for line in left):
        return False
    pair = (fault, means)
    untouched = code != 0 and bool(standing.grants and standing.credentials and standing.devices)
    if pair in CANNOT:
        return untouched
    if means == "uninstall":
        return not standing.online
    if pair in IN_PART:
        return not standing.grants or (pair in STOPS and untouched)
    gone = not (standing.grants or standing.credentials or standing.devices or standing.services)
    return gone and (means != "kill" or code == 1 or (code == 0 and not left))


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
