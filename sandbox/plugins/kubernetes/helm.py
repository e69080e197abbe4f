"""The real Helm, as a command.

Owns its command lines, its errors and the file through which values go: values are often secret, so they are never an
argument, and the file is removed as soon as the command ends. Knows nothing of Pulumi. A command that is under way at
cancellation is told to stop (SIGTERM), which Helm records in the release.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.plugins.kubernetes.values import Object
from sandbox.plugins.kubernetes.waiting import Waiting

DEFAULT_SECONDS = 300
_PREFIXES = ("Error: ", "INSTALLATION FAILED: ", "UPGRADE FAILED: ")
_POLL_SECONDS = 0.5

# Boolean inputs of a Release and the flag that each one is, by command.
_INSTALL_FLAGS = {
    "atomic": "--atomic",
    "createNamespace": "--create-namespace",
    "disableOpenapiValidation": "--disable-openapi-validation",
    "disableWebhooks": "--no-hooks",
    "renderSubchartNotes": "--render-subchart-notes",
    "replace": "--replace",
    "skipCrds": "--skip-crds",
}
_UPGRADE_FLAGS = {
    "atomic": "--atomic",
    "cleanupOnFail": "--cleanup-on-fail",
    "disableCRDHooks": "--no-hooks",
    "forceUpdate": "--force",
    "renderSubchartNotes": "--render-subchart-notes",
    "resetValues": "--reset-values",
    "reuseValues": "--reuse-values",
}


class HelmError(Exception):
    """Helm ended with an error; the text is its own, without the prefixes that only the command line adds."""

    @property
    def release_not_found(self) -> bool:
        return "release: not found" in str(self)


class Helm:
    """The command `helm` against one cluster."""

    def __init__(self, flags: list[str], environment: Mapping[str, str], waiting: Waiting) -> None:
        """`flags` name the cluster (--kubeconfig, --kube-context); HELM_* come from `environment`."""
        self._flags = flags
        self._environment = dict(environment)
        if "PULUMI_K8S_HELM_DRIVER" in environment:
            self._environment["HELM_DRIVER"] = environment["PULUMI_K8S_HELM_DRIVER"]
        self._waiting = waiting

    async def show_chart(self, release: Object) -> str:
        """The chart's Chart.yaml, once Helm has found the chart; needs no cluster."""
        return await self._run(["show", "chart", *chart_arguments(release)])

    async def template(self, release: Object) -> str:
        """The manifest that the chart renders without asking a cluster, definitions included."""
        crds = [] if release.get("skipCrds") else ["--include-crds"]
        command = ["template", release["name"], *chart_arguments(release), *_namespace(release), *crds]
        return await self._run(command, values=release["values"])

    async def install(self, release: Object) -> None:
        await self._run([*install_command(release), *self._flags], values=release["values"])

    async def upgrade(self, release: Object) -> None:
        await self._run([*upgrade_command(release), *self._flags], values=release["values"])

    async def uninstall(self, release: Object) -> str:
        """What Helm has to say about it, for instance which objects it kept."""
        return await self._run([*uninstall_command(release), *self._flags])

    async def describe(self, name: str, namespace: str) -> Object | None:
        """The release's last revision: `helm status` and `helm get metadata` in one object; None when it is gone."""
        place = ["--namespace", namespace, "--output", "json", *self._flags]
        try:
            status = json.loads(await self._run(["status", name, *place]))
            metadata = json.loads(await self._run(["get", "metadata", name, *place]))
        except HelmError as error:
            if error.release_not_found:
                return None
            raise
        return {**status, "metadata": metadata}

    async def _run(self, command: list[str], values: Any = None) -> str:
        helm = shutil.which("helm", path=self._environment.get("PATH"))
        if helm is None:
            raise HelmError(
                "the command `helm` is not on PATH: Helm releases run the real Helm 3. Install it, or build it with "
                "`make tools`"
            )
        with tempfile.TemporaryDirectory(prefix="pulumi-helm-") as folder:
            if values is not None:
                path = Path(folder) / "values.json"
                path.touch(mode=0o600)
                path.write_text(json.dumps(values))
                command = [*command, "--values", str(path)]
            process = await asyncio.create_subprocess_exec(
                helm,
                *command,
                env=self._environment,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
            )
            output, errors = await self._finish(process)
        if process.returncode != 0:
            raise HelmError(_message(errors.decode(errors="replace")))
        return output.decode()

    async def _finish(self, process: asyncio.subprocess.Process) -> tuple[bytes, bytes]:
        ending = asyncio.ensure_future(process.communicate())
        stopping = False
        while not ending.done():
            await asyncio.wait({ending}, timeout=_POLL_SECONDS)
            if not ending.done() and not stopping and self._waiting.over:
                process.terminate()
                stopping = True
        return ending.result()


def chart_arguments(release: Object) -> list[str]:
    """The chart and where it is: a path, an oci:// address, `repository/chart`, or a name and --repo."""
    repository = release.get("repositoryOpts") or {}
    chart, address = str(release["chart"]).strip(), str(repository.get("repo") or "")
    arguments = []
    if address and not chart.startswith("oci://"):
        if "://" in address or address.startswith("/"):
            arguments += ["--repo", address]
        elif "/" not in chart:
            chart = f"{address}/{chart}"
    version = str(release.get("version") or "").strip() or (">0.0.0-0" if release.get("devel") else "")
    arguments += ["--version", version] if version else []
    for key, flag in (("caFile", "--ca-file"), ("certFile", "--cert-file"), ("keyFile", "--key-file")):
        arguments += [flag, repository[key]] if repository.get(key) else []
    if release.get("verify"):
        arguments += ["--verify", "--keyring", release["keyring"]]
    return [chart, *arguments]


def install_command(release: Object) -> list[str]:
    """`helm install` for the inputs of a Release, without values and cluster."""
    flags = [flag for key, flag in _INSTALL_FLAGS.items() if release.get(key)]
    return ["install", release["name"], *_common(release), *flags]


def upgrade_command(release: Object) -> list[str]:
    """`helm upgrade` for the inputs of a Release, without values and cluster."""
    flags = [flag for key, flag in _UPGRADE_FLAGS.items() if release.get(key)]
    history = str(release.get("maxHistory") or 0)
    return ["upgrade", release["name"], *_common(release), *flags, "--history-max", history]


def uninstall_command(release: Object) -> list[str]:
    """`helm uninstall`, which waits for the objects to be gone unless the release skips awaiting."""
    waits = release.get("atomic") or not release.get("skipAwait")
    wait = ["--wait", "--timeout", _timeout(release)] if waits else []
    return ["uninstall", release["name"], *_namespace(release), *wait]


def _common(release: Object) -> list[str]:
    arguments = [*chart_arguments(release), *_namespace(release), "--timeout", _timeout(release)]
    if not release.get("skipAwait"):
        arguments += ["--wait", *(["--wait-for-jobs"] if release.get("waitForJobs") else [])]
    for key, flag in (("devel", "--devel"), ("dependencyUpdate", "--dependency-update")):
        arguments += [flag] if release.get(key) else []
    for key, flag in (("description", "--description"), ("postrender", "--post-renderer")):
        arguments += [flag, os.fspath(release[key])] if release.get(key) else []
    return arguments


def _namespace(release: Object) -> list[str]:
    return ["--namespace", release["namespace"]]


def _timeout(release: Object) -> str:
    return f"{int(release.get('timeout') or DEFAULT_SECONDS)}s"


def _message(errors: str) -> str:
    """Helm's error in what it wrote to standard error, warnings before it left out."""
    lines = errors.strip().splitlines()
    start = next((index for index, line in enumerate(lines) if line.startswith("Error: ")), 0)
    text = "\n".join(lines[start:])
    for prefix in _PREFIXES:
        text = text.removeprefix(prefix)
    return text
