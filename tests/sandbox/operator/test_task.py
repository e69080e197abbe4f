"""The process of a Job's pod: what it is given, what it says, and that it ends with its pod."""

from __future__ import annotations

import asyncio
import os
from pathlib import Path
from typing import Any

import pytest

from sandbox.operator import pod as pods
from sandbox.operator import task

PATH = "/dev/termination-log"


def job_pod(script: str, *, phase: str = "Pending", **bent: Any) -> dict[str, Any]:
    container = {
        "name": "probe",
        "image": "x",
        "command": ["/bin/sh", "-c", script],
        "terminationMessagePath": PATH,
        **bent,
    }
    return {
        "metadata": {
            "name": "probe-1",
            "labels": {"app.kubernetes.io/managed-by": "support-access"},
            "ownerReferences": [{"kind": "Job"}],
        },
        "spec": {"containers": [container], "volumes": [{"name": "tmp", "emptyDir": {}}]},
        "status": {"phase": phase},
    }


def run(pod: dict[str, Any]) -> task.Ended:
    return asyncio.run(task.run(pod))


def test_the_exit_code_and_the_termination_message_are_told() -> None:
    env = [{"name": "RESULTS", "value": PATH}]
    assert run(job_pod('printf said > "$RESULTS"; exit 3', env=env)) == task.Ended(3, "said")


def test_a_process_that_says_nothing_has_an_empty_message() -> None:
    assert run(job_pod("echo only printed")) == task.Ended(0, "")


def test_a_message_is_cut_off_where_a_kubelet_cuts_it_off() -> None:
    env = [{"name": "RESULTS", "value": PATH}]
    ended = run(job_pod('head -c 5000 /dev/zero | tr "\\0" x > "$RESULTS"', env=env))
    assert ended.message == "x" * task.MESSAGE_BYTES


def test_a_process_has_the_variables_of_its_container_and_none_of_this_machines(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "made-up")
    env = [{"name": "RESULTS", "value": PATH}, {"name": "MINE", "value": "1"}]
    said = run(job_pod('env > "$RESULTS"', env=env)).message
    names = {line.partition("=")[0] for line in said.splitlines()}
    assert {"MINE", "RESULTS", "TMPDIR"} <= names
    assert "AWS_SECRET_ACCESS_KEY" not in names


def test_a_process_ends_with_its_pod_and_so_do_its_children(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    script = f"sleep 60 & echo $! > {pids}; echo $$ >> {pids}; wait"

    async def cancelled() -> None:
        running = asyncio.create_task(task.run(job_pod(script)))
        while not pids.exists() or len(pids.read_text().split()) < 2:
            await asyncio.sleep(0.01)
        running.cancel()
        await asyncio.wait([running])

    asyncio.run(cancelled())
    child, process = map(int, pids.read_text().split())
    with pytest.raises(ProcessLookupError):
        os.kill(process, 0)
    # The orphan is somebody else's child now: gone, or a zombie until it is reaped.
    stat = Path(f"/proc/{child}/stat")
    assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


@pytest.mark.parametrize(
    ("where", "bent", "told"),
    [
        ("spec", {"hostAliases": [{"ip": "192.0.2.1", "hostnames": ["a"]}]}, "hostAliases"),
        ("spec", {"initContainers": [{}]}, "only one container"),
        ("spec", {"volumes": [{"name": "x", "secret": {"secretName": "x"}}]}, "emptyDir"),
        ("container", {"env": [{"name": "X", "valueFrom": {}}]}, "valueFrom"),
    ],
)
def test_what_nobody_plays_is_told(where: str, bent: dict[str, Any], told: str) -> None:
    pod = job_pod("true")
    (pod["spec"] if where == "spec" else pod["spec"]["containers"][0]).update(bent)
    assert told in (task.unplayable(pod) or "")
    assert task.unplayable(job_pod("true")) is None


def test_only_jobs_of_the_programs_own_that_have_not_ended_are_run() -> None:
    """The process is this machine's: nobody else's pod becomes one."""
    assert pods.is_task(job_pod("true"))
    assert not pods.is_task(job_pod("true", phase="Succeeded"))
    for change in ({"labels": {}}, {"labels": None}, {"ownerReferences": []}, {"ownerReferences": [{"kind": "Pod"}]}):
        pod = job_pod("true")
        pod["metadata"].update(change)
        assert not pods.is_task(pod)
