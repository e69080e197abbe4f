"""An engine that is a script: what `supportctl kill` makes of a state and of a destroy's answers, without Pulumi."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

from supportctl.kill.state import Stack

PASSPHRASE = {"type": "passphrase", "state": {"salt": "v1:abc=:v1:def=="}}
URN = "urn:pulumi:acme-prod::support-access::{type}::{name}"
RBAC = "kubernetes:rbac.authorization.k8s.io/v1"

# Answers `stack export` from export.json, and each `destroy` from the next line of script.json.
ENGINE = """#!{python}
import json, os, sys, time
here = {folder!r}
words = sys.argv[1:]
config = words[words.index("--config-file") + 1] if "--config-file" in words else None
call = {{"words": words, "config": open(config).read() if config else None, "environ": dict(os.environ)}}
project = open("Pulumi.yaml").read() if os.path.exists("Pulumi.yaml") else ""
if "name" not in project:
    sys.exit(f"error: could not validate '{{os.getcwd()}}/Pulumi.yaml': project is missing a 'name' attribute")
call["project"] = project
open(here + "/calls", "a").write(json.dumps(call) + "\\n")
if words[:2] == ["stack", "export"]:
    print(open(here + "/export.json").read())
elif words[0] == "destroy":
    script = json.load(open(here + "/script.json"))
    answer = script.pop(0)
    json.dump(script, open(here + "/script.json", "w"))
    time.sleep(answer.get("seconds", 0))
    if answer["empties"]:
        deployment = json.load(open(here + "/export.json"))["deployment"]
        json.dump({{"deployment": {{**deployment, "resources": []}}}}, open(here + "/export.json", "w"))
    if answer["hides"]:
        os.remove(here + "/export.json")
    print(answer["output"])
    sys.exit(answer["code"])
"""


def row(kind: str, name: str, object_id: str = "") -> dict[str, Any]:
    return {"urn": URN.format(type=kind, name=name), "type": kind, "id": object_id}


ROWS = [
    row("pulumi:pulumi:Stack", "support-access-acme-prod"),
    row(f"{RBAC}:ClusterRole", "acme-prod-roles-read-only", "highflame-sre"),
    row(f"{RBAC}:ClusterRoleBinding", "acme-prod-roles-a", "support-access:highflame-sre:user:a b@example.com"),
    row("kubernetes:core/v1:Secret", "acme-prod-credential-1", "tailscale/operator-oauth-1"),
    row("kubernetes:helm.sh/v3:Release", "acme-prod-operator-release", "tailscale/tailscale-operator"),
]


class Engine:
    """A `pulumi` on a PATH of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.project = folder / "project"
        self.project.mkdir()
        (self.project / "Pulumi.yaml").write_text("name: support-access\n")
        binary = folder / "bin" / "pulumi"
        binary.parent.mkdir()
        binary.write_text(ENGINE.format(python=sys.executable, folder=str(folder)))
        binary.chmod(0o755)
        self.holds(ROWS)

    def holds(self, rows: list[dict[str, Any]], secrets: dict[str, Any] = PASSPHRASE) -> None:
        deployment = {"resources": rows, "secrets_providers": secrets}
        (self.folder / "export.json").write_text(json.dumps({"deployment": deployment}))

    def was_making(self, *rows: dict[str, Any]) -> None:
        operations = [{"resource": made, "type": "creating"} for made in rows]
        going = [{"resource": ROWS[1], "type": "deleting"}]
        (self.folder / "export.json").write_text(json.dumps({"deployment": {"pending_operations": operations + going}}))

    def fails_to_export(self) -> None:
        (self.folder / "export.json").unlink()

    def answers(
        self, *answers: tuple[int, str], seconds: float = 0, empties: bool | None = None, hides: bool = False
    ) -> None:
        """empties: whether the state is empty afterwards, as after every success; hides: or can be read no more."""
        script = [
            {
                "code": code,
                "output": output,
                "seconds": seconds,
                "empties": code == 0 if empties is None else empties,
                "hides": hides,
            }
            for code, output in answers
        ]
        (self.folder / "script.json").write_text(json.dumps(script))

    def calls(self, first: str) -> list[dict[str, Any]]:
        made = [json.loads(line) for line in (self.folder / "calls").read_text().splitlines()]
        return [call for call in made if call["words"][0] == first]

    def stack(self, **more: Any) -> Stack:
        environ = {**os.environ, "PATH": f"{self.folder / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        return Stack("acme-prod", self.project, environ, **more)


def lock(pid: int, host: str | None = None) -> str:
    """What the engine prints of a lock. host: None for this machine."""
    by = f"ada@{host or socket.gethostname()} (pid {pid})"
    return f"error: the stack is currently locked by 1 lock(s)\n  /l.json: created by {by} at noon"


def dead_pid() -> int:
    """Of a process that has ended."""
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid
