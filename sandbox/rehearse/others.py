"""What may not change: what is somebody else's at a cut, and everything at a command that only reads.

Owns the pictures and their comparison, byte by byte. Looks at the services themselves, while no command runs.
"""

from __future__ import annotations

import difflib
import json
from typing import Any

from sandbox.demo.observe import Cluster, SecurityGroup, added_and_removed
from sandbox.rehearse.stage import CUT, OTHER, REGION, SIBLING, Stage

KINDS = "namespaces,clusterroles,clusterrolebindings,secrets,serviceaccounts,deployments,services,configmaps"
CHANGED = "CHANGED:"
"""How each line begins that says so."""
OWN_STATE = "the state"
"""The name of the environment's own state among the texts."""
MARK = ("// cut off by ", f'"group:killed-{CUT}":')
"""How the two lines begin that a kill leaves in the policy on purpose."""


def picture(stage: Stage) -> dict[str, str]:
    """Texts by name: credentials, devices and all else in the tailnet, states, the other cluster, its cloud."""
    cloud = stage.world.facts["cloud"]
    states = {stack: stage.checkpoint(stack).read_text() for stack in ("tailnet", SIBLING, OTHER)}
    return {
        "the tailnet": stage.environment.others(stage.tailnet()),
        **{f"the state of {stack}": text for stack, text in states.items()},
        f"the cluster of {OTHER}": _objects(Cluster(OTHER, stage.world.env)),
        f"the cloud of {OTHER}": "\n".join(
            SecurityGroup(cloud["security_groups"][OTHER], cloud["aws_url"], REGION).rules()
        ),
    }


def own_picture(stage: Stage) -> dict[str, str]:
    """Texts by name: all of the environment's own. To be called while its cluster answers."""
    tailnet = stage.tailnet()
    standing = stage.environment.standing(tailnet)
    return {
        "the policy": tailnet["policy"],
        "credentials and devices": "\n".join([*standing.credentials, *standing.devices, *standing.services]),
        OWN_STATE: stage.state_text(),
        "the cluster": "\n".join([_objects(stage.cluster), *stage.cluster.releases()]),
        "the cloud": "\n".join(stage.in_cloud()),
    }


def changed(stage: Stage, before: dict[str, str]) -> list[str]:
    """What of others is not as it was, a line each: the picture, and every line of the policy that is not ours."""
    found = differences(before, picture(stage))
    return found + policy_changes(stage.bare, stage.full, stage.edits, stage.tailnet()["policy"])


def differences(before: dict[str, str], after: dict[str, str]) -> list[str]:
    """A line for each text that is not as it was."""
    return [
        f"{CHANGED} {name}: {_first_difference(text, after[name])}"
        for name, text in before.items()
        if after[name] != text
    ]


def policy_changes(bare: str, full: str, edits: list[str], after: str) -> list[str]:
    """Lines of the policy that the cut had no business with.

    bare, full: the document without the environment and with it. edits: lines that people saved meanwhile. What is
    not in `bare` may only be what the environment had, a mark of the kill, or somebody's edit; and each edit is there.
    """
    added, removed = added_and_removed(bare, after)
    ours, _ = added_and_removed(bare, full)
    allowed = {*ours, *edits}
    return [
        *(f"{CHANGED} the policy lost: {line.strip()}" for line in removed),
        *(f"{CHANGED} the policy lost somebody's edit: {line.strip()}" for line in edits if line not in added),
        *(
            f"{CHANGED} the policy gained: {line.strip()}"
            for line in added
            if line not in allowed and not line.strip().startswith(MARK)
        ),
    ]


def _objects(cluster: Cluster) -> str:
    rows: list[dict[str, Any]] = json.loads(cluster.kubectl("get", KINDS, "-A", "-o", "json"))["items"]
    return "\n".join(sorted(f"{row['kind']} {row['metadata']['uid']} {row['metadata']['name']}" for row in rows))


def _first_difference(before: str, after: str) -> str:
    lines = difflib.unified_diff(before.splitlines(), after.splitlines(), lineterm="", n=0)
    return next((line for line in lines if line[:1] in "+-" and line[:3] not in ("+++", "---")), "").strip()[:200]
