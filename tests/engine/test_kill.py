"""`supportctl kill` on the worst day: cluster frozen, program broken; access and state are gone nevertheless."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sandbox.demo.observe import Tailnet
from sandbox.demo.pulumi import ROOT, Pulumi
from sandbox.process import Process
from sandbox.world import World
from tests.engine.conftest import Example

pytestmark = pytest.mark.engine


def supportctl(pulumi: Pulumi, *words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "supportctl", *words],
        cwd=pulumi.project,
        env={**pulumi.env, "PYTHONPATH": str(ROOT)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )


def test_with_the_cluster_frozen_and_the_program_broken_access_and_state_are_gone(
    world: World, pulumi: Pulumi, example: Example, tailnet: Tailnet, tmp_path: Path
) -> None:
    for stack in ("tailnet", "globex-prod"):
        example.write(stack)
        pulumi.up(stack)
    foreign = tailnet.policy()["grants"][0]
    (pulumi.project / "__main__.py").unlink()
    (pulumi.project / "__main__.py").write_text("raise ImportError('broken')\n")
    settings = example.file("globex-prod")
    settings.write_text(settings.read_text().replace("support-access:customer: globex", "support-access:customer: 7"))
    server = Process(world.folder, "apiserver-globex-prod")
    server.signal_group(signal.SIGSTOP)
    try:
        killed = supportctl(pulumi, "kill", "globex-prod", "--yes", "--reason", "rehearsal", "--record", str(tmp_path))
    finally:
        server.signal_group(signal.SIGCONT)

    assert not tailnet.grants_to("tag:kube-globex-prod"), killed.stdout
    assert not tailnet.keys("tag:kube-globex-prod")
    assert not tailnet.devices("tag:kube-globex-prod")
    assert "group:killed-globex-prod" in tailnet.policy()["groups"]
    assert tailnet.policy()["grants"][0] == foreign
    (record,) = [json.loads(path.read_text()) for path in tmp_path.glob("*.json")]
    assert record["why"] == "rehearsal"
    assert [step["name"] for step in record["steps"]][:4] == ["policy", "credentials", "devices", "services"]
    assert killed.returncode in (0, 1), killed.stdout + killed.stderr

    example.write("globex-prod")
    (pulumi.project / "__main__.py").unlink()
    (pulumi.project / "__main__.py").symlink_to(ROOT / "__main__.py")
    left = pulumi.export("globex-prod")["deployment"].get("resources") or []
    assert not [row["urn"] for row in left], killed.stdout

    refused = pulumi.up("globex-prod", check=False)
    assert refused.code != 0
    assert "was cut off" in refused.output

    revived = supportctl(pulumi, "revive", "globex-prod", "--yes")
    assert revived.returncode == 0, revived.stderr
    assert "killed" not in tailnet.policy_text()
