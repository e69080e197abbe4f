"""How Helm is called, with a Helm that records its calls."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path
from typing import Any

import pytest

from sandbox.plugins.kubernetes.helm import (
    Helm,
    HelmError,
    chart_arguments,
    install_command,
    uninstall_command,
    upgrade_command,
)
from sandbox.plugins.kubernetes.manifest import resource_names
from sandbox.plugins.kubernetes.waiting import Waiting

RELEASE: dict[str, Any] = {
    "name": "r",
    "namespace": "n",
    "chart": "c",
    "version": "1.2.3",
    "skipAwait": True,
    "values": {},
}
RECORDING = """#!/bin/sh
printf '%s\\n' "$@" > {folder}/arguments
for argument; do last=$argument; done
case $last in *values.json)
  cp "$last" {folder}/values; stat -c %a "$last" > {folder}/mode; echo "$last" > {folder}/path;;
esac
{then}
"""


class Recorder:
    """A fake `helm` on a PATH of its own."""

    def __init__(self, folder: Path, then: str = "exit 0") -> None:
        self.folder = folder
        script = folder / "helm"
        script.write_text(RECORDING.format(folder=folder, then=then))
        script.chmod(0o755)
        self.environment = {"PATH": f"{folder}:{os.environ['PATH']}"}

    def arguments(self) -> list[str]:
        return (self.folder / "arguments").read_text().splitlines()


def run(recorder: Recorder, method: str, *arguments: Any) -> Any:
    async def call() -> Any:
        helm = Helm(["--kube-context", "x"], recorder.environment, Waiting())
        return await getattr(helm, method)(*arguments)

    return asyncio.run(call())


def test_values_go_through_a_private_file_that_is_gone_afterwards(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path)
    run(recorder, "install", {**RELEASE, "values": {"password": "hush"}})
    assert json.loads((tmp_path / "values").read_text()) == {"password": "hush"}
    assert (tmp_path / "mode").read_text().strip() == "600"
    assert not Path((tmp_path / "path").read_text().strip()).exists()
    assert "hush" not in str(recorder.arguments())


def test_every_command_that_needs_the_cluster_names_it(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, then="echo '{}'")
    for method, arguments in (
        ("install", [RELEASE]),
        ("upgrade", [RELEASE]),
        ("uninstall", [RELEASE]),
        ("describe", ["r", "n"]),
    ):
        run(recorder, method, *arguments)
        assert "--kube-context" in recorder.arguments(), method


def test_inputs_become_the_flags_of_the_command() -> None:
    common = ["c", "--version", "1.2.3", "--namespace", "n", "--timeout", "300s"]
    assert install_command(RELEASE) == ["install", "r", *common]
    assert upgrade_command(RELEASE) == ["upgrade", "r", *common, "--history-max", "0"]
    assert uninstall_command(RELEASE) == ["uninstall", "r", "--namespace", "n"]
    awaited = {**RELEASE, "skipAwait": False, "waitForJobs": True, "timeout": 7}
    assert uninstall_command(awaited)[-3:] == ["--wait", "--timeout", "7s"]
    assert {"--wait", "--wait-for-jobs"} <= set(install_command(awaited))


@pytest.mark.parametrize(
    ("inputs", "on_install", "on_upgrade"),
    [
        ({"atomic": True}, ["--atomic"], ["--atomic"]),
        ({"createNamespace": True}, ["--create-namespace"], []),
        ({"cleanupOnFail": True}, [], ["--cleanup-on-fail"]),
        ({"skipCrds": True}, ["--skip-crds"], []),
        ({"disableWebhooks": True}, ["--no-hooks"], []),
        ({"disableCRDHooks": True}, [], ["--no-hooks"]),
        ({"forceUpdate": True}, [], ["--force"]),
        ({"postrender": "/p"}, ["--post-renderer", "/p"], ["--post-renderer", "/p"]),
        ({"description": "why"}, ["--description", "why"], ["--description", "why"]),
    ],
)
def test_each_option_reaches_the_commands_it_is_for(
    inputs: dict[str, Any], on_install: list[str], on_upgrade: list[str]
) -> None:
    added = [
        argument for argument in install_command({**RELEASE, **inputs}) if argument not in install_command(RELEASE)
    ]
    assert added == on_install
    added = [
        argument for argument in upgrade_command({**RELEASE, **inputs}) if argument not in upgrade_command(RELEASE)
    ]
    assert added == on_upgrade


@pytest.mark.parametrize(
    ("chart", "repository", "arguments"),
    [
        ("c", "https://charts.example", ["c", "--repo", "https://charts.example"]),
        ("c", "stable", ["stable/c"]),
        ("oci://registry.example/c", "https://ignored.example", ["oci://registry.example/c"]),
        ("./chart", None, ["./chart"]),
    ],
)
def test_a_chart_is_found_where_the_inputs_say(chart: str, repository: str | None, arguments: list[str]) -> None:
    options = {"repositoryOpts": {"repo": repository}} if repository else {}
    assert chart_arguments({"chart": chart, **options}) == arguments


def test_helms_error_is_told_without_warnings_and_prefixes(tmp_path: Path) -> None:
    complaint = "echo 'WARNING: readable' >&2; echo 'Error: INSTALLATION FAILED: no' >&2; echo more >&2; exit 1"
    with pytest.raises(HelmError, match=r"^no\nmore$"):
        run(Recorder(tmp_path, then=complaint), "install", RELEASE)


def test_a_release_that_is_not_there_is_described_as_nothing(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, then="echo 'Error: release: not found' >&2; exit 1")
    assert run(recorder, "describe", "r", "n") is None


def test_a_missing_helm_says_where_to_get_one(tmp_path: Path) -> None:
    async def call() -> None:
        await Helm([], {"PATH": str(tmp_path)}, Waiting()).show_chart(RELEASE)

    with pytest.raises(HelmError, match=r"`helm` is not on PATH.*`make tools`"):
        asyncio.run(call())


def test_cancelling_tells_a_running_helm_to_stop(tmp_path: Path) -> None:
    recorder = Recorder(tmp_path, then="trap 'kill $!; echo Error: cancelled >&2; exit 1' TERM; sleep 30 & wait $!")

    async def call() -> None:
        waiting = Waiting()
        asyncio.get_running_loop().call_later(0.3, waiting.cancel)
        await Helm([], recorder.environment, waiting).upgrade(RELEASE)

    began = time.monotonic()
    with pytest.raises(HelmError, match="cancelled"):
        asyncio.run(call())
    assert time.monotonic() - began < 10


def test_the_names_in_a_manifest_are_grouped_by_kind() -> None:
    manifest = """
---
# a comment and nothing else
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: b, namespace: n}
---
apiVersion: apps/v1
kind: Deployment
metadata: {name: a, namespace: n}
---
apiVersion: v1
kind: Secret
metadata: {name: s}
"""
    assert resource_names(manifest) == {"Deployment.apps/apps/v1": ["n/a", "n/b"], "Secret/v1": ["s"]}
