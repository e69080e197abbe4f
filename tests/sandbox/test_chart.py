"""The packaged chart renders what the published one renders."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox import chart, tools

CRDS = {"Connector", "DNSConfig", "ProxyClass", "ProxyGroup", "ProxyGroupPolicy", "Recorder", "Tailnet"}


@pytest.fixture(scope="module")
def helm() -> Path:
    return tools.locate()["helm"]


def render(helm: Path, *options: str) -> list[dict[str, Any]]:
    packed = chart.repository(helm) / f"{chart.NAME}-{chart.version()}.tgz"
    command = [helm, "template", "tailscale-operator", packed, "--namespace", "tailscale", *options]
    output = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return [document for document in yaml.safe_load_all(output) if document]


def kinds(documents: list[dict[str, Any]]) -> set[str]:
    return {d["spec"]["names"]["kind"] for d in documents if d["kind"] == "CustomResourceDefinition"}


def test_the_repository_offers_the_release_and_its_versions(helm: Path) -> None:
    index = yaml.safe_load((chart.repository(helm) / "index.yaml").read_text())
    (release,) = index["entries"]["tailscale-operator"]
    assert (release["version"], release["appVersion"]) == ("1.96.5", "v1.96.5")
    assert release["urls"] == ["tailscale-operator-1.96.5.tgz"]


def test_it_renders_its_deployment_and_its_crds(helm: Path) -> None:
    documents = render(helm)
    (deployment,) = [d for d in documents if d["kind"] == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    assert container["image"].endswith(":v1.96.5")
    assert kinds(documents) == CRDS


def test_crds_can_be_left_out(helm: Path) -> None:
    assert kinds(render(helm, "--set", "installCRDs=false")) == set()


def test_an_interrupted_packaging_leaves_no_repository(
    helm: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SUPPORT_ACCESS_CACHE", str(tmp_path))
    with pytest.raises(tools.ToolError, match="could not package"):
        chart.repository(Path("/bin/false"))
    assert list((tmp_path / "charts").iterdir()) == []
    assert (chart.repository(helm) / "index.yaml").exists()
