"""A job logs in to the clouds that its stack needs, and to no others."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from supportctl.ci.clouds import clouds
from supportctl.commands import app
from supportctl.stack import StackError


def project(folder: Path, stack: str, whole: str = "name: x\n") -> Path:
    (folder / "stacks").mkdir()
    (folder / "Pulumi.yaml").write_text(whole)
    (folder / "stacks" / "Pulumi.acme-prod.yaml").write_text(stack)
    return folder


def needed(folder: Path, backend: str | None = None) -> list[str]:
    found = clouds("acme-prod", folder, {} if backend is None else {"PULUMI_BACKEND_URL": backend})
    return [name for name, wanted in found.items() if wanted]


@pytest.mark.parametrize(
    ("stack", "backend", "wanted"),
    [
        ("config: {}", None, ["pulumi"]),
        ("config: {}", "https://pulumi.example.com", ["pulumi"]),
        ("config: {}", "s3://state?region=eu-central-1", ["aws"]),
        ("config: {}", "gs://state", ["gcp"]),
        ("config: {}", "azblob://state?storage_account=x", ["azure"]),
        ("config: {}", "file:///state", []),
        ("secretsprovider: gcpkms://projects/x", "s3://state", ["aws", "gcp"]),
        ("secretsprovider: azurekeyvault://x.vault.azure.net/keys/y", None, ["azure", "pulumi"]),
        ("secretsprovider: awskms://alias/pulumi", "file:///state", ["aws"]),
        ("config: {support-access:egress: [{target: azure-nsg}]}", "gs://state", ["gcp", "azure"]),
        (
            "config: {support-access:egress: [{target: gcp-secure-web-proxy}, {target: aws-x}]}",
            "file:///s",
            ["aws", "gcp"],
        ),
    ],
)
def test_a_cloud_is_needed_for_state_key_or_egress(tmp_path: Path, stack: str, backend: str, wanted: list[str]) -> None:
    assert needed(project(tmp_path, stack), backend) == wanted


def test_the_projects_own_backend_counts_where_the_environment_names_none(tmp_path: Path) -> None:
    made = project(tmp_path, "config: {}", "name: x\nbackend: {url: 'gs://state'}\n")
    assert needed(made) == ["gcp"]
    assert needed(made, "s3://state") == ["aws"]


def test_a_file_that_is_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(StackError):
        needed(project(tmp_path, "config: ["))


def test_the_next_steps_are_told_as_outputs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "outputs"
    monkeypatch.setenv("GITHUB_OUTPUT", str(file))
    monkeypatch.setenv("PULUMI_BACKEND_URL", "s3://state")
    made = project(tmp_path, "config: {}")
    assert CliRunner().invoke(app, ["ci", "clouds", "acme-prod", "--project", str(made)]).exit_code == 0
    assert file.read_text() == "aws=true\ngcp=false\nazure=false\npulumi=false\n"
