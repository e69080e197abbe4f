"""The Tailscale operator's chart as its publisher releases it: a small Helm repository in the cache.

The chart lies in the Go module tailscale.com without a version and without its CRD templates; the publisher's
release makes both. The same is done here, with the real Helm: version and appVersion set, each CRD a template
under `installCRDs`. Does not serve the repository (sandbox.services does). Kept by version, for ever.
"""

from __future__ import annotations

import shutil
import subprocess
import tempfile
from pathlib import Path

import yaml

from sandbox import tools

NAME = "tailscale-operator"
DEPLOY = Path("cmd/k8s-operator/deploy")
PINNED, MODULE = tools.MODULES / "chart", "tailscale.com"


def version() -> str:
    """The chart's version, for example "1.96.5": that of the module, without its v."""
    return tools.pinned_version(PINNED, MODULE).removeprefix("v")


def repository(helm: Path) -> Path:
    """The folder with index.yaml and the chart's .tgz, made on the first call."""
    folder = tools.cache_folder() / "charts" / f"{NAME}-{version()}"
    if not (folder / "index.yaml").exists():
        folder.parent.mkdir(parents=True, exist_ok=True)
        source = tools.module_folder(PINNED, MODULE) / DEPLOY
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}-") as unfinished:
            chart, packed = Path(unfinished) / NAME, Path(unfinished) / "repository"
            # Files of a Go module are read-only; their contents are copied, not their modes.
            shutil.copytree(source / "chart", chart, copy_function=shutil.copyfile)
            _add_crds(source / "crds", chart / "templates")
            _helm(
                helm,
                "package",
                chart,
                "--version",
                version(),
                "--app-version",
                f"v{version()}",
                "--destination",
                packed,
            )
            _helm(helm, "repo", "index", packed)
            shutil.rmtree(folder, ignore_errors=True)
            packed.rename(folder)
    return folder


def _add_crds(crds: Path, templates: Path) -> None:
    """Each CRD becomes templates/<kind>.yaml, rendered unless `installCRDs` is false."""
    templates.chmod(0o700)
    for file in sorted(crds.glob("*.yaml")):
        text = file.read_text()
        kind = yaml.safe_load(text)["spec"]["names"]["singular"]
        (templates / f"{kind}.yaml").write_text("{{ if .Values.installCRDs -}}\n" + text + "{{- end -}}")


def _helm(helm: Path, *arguments: str | Path) -> None:
    done = subprocess.run([helm, *arguments], capture_output=True, text=True, check=False)
    if done.returncode:
        raise tools.ToolError(
            f"`helm {arguments[0]}` could not package the chart {NAME} {version()}:\n{done.stderr.strip()}"
        )
