"""A stack whose secrets a passphrase keeps is run in the sandbox and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from supportctl.ci import engine
from supportctl.ci.encryption import in_sandbox, refuse_passphrase
from supportctl.stack import StackError

CONFIG = "config:\n  support-access:customer: acme\n"
SALT = "encryptionsalt: v1:abc=:v1:def:ghi==\n"
KMS = "secretsprovider: awskms://alias/pulumi?region=eu-central-1\nencryptedkey: AQI=\n"
LOOPBACK = {"TAILSCALE_BASE_URL": "http://127.0.0.1:4711"}


def project(folder: Path, text: str) -> Path:
    (folder / "stacks").mkdir()
    (folder / "stacks" / "Pulumi.acme-prod.yaml").write_text(text)
    return folder


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (CONFIG + SALT, {}),
        (CONFIG + SALT, {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}),
        (CONFIG + SALT, {"TAILSCALE_BASE_URL": "https://api.tailscale.com"}),
        (CONFIG + SALT, {"TAILSCALE_BASE_URL": "https://127.0.0.1.example.com"}),
        ("secretsprovider: passphrase\n" + CONFIG, {}),
        (KMS + SALT + CONFIG, {}),
        (CONFIG, {"PULUMI_BACKEND_URL": "s3://state"}),
        (CONFIG, {"PULUMI_BACKEND_URL": "file://~"}),
    ],
)
def test_a_passphrase_is_refused_with_the_way_out(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    with pytest.raises(StackError, match="change-secrets-provider -s acme-prod"):
        refuse_passphrase("acme-prod", project(tmp_path, text), environ)


@pytest.mark.parametrize(
    ("text", "environ"),
    [
        (CONFIG + SALT, LOOPBACK),
        (KMS + CONFIG, {"PULUMI_BACKEND_URL": "s3://state"}),
        (KMS + CONFIG, {}),
        (CONFIG, {}),
        (CONFIG, {"PULUMI_BACKEND_URL": ""}),
        (CONFIG, {"PULUMI_BACKEND_URL": "https://api.pulumi.com"}),
    ],
)
def test_a_key_of_a_cloud_and_the_sandbox_are_not(tmp_path: Path, text: str, environ: dict[str, str]) -> None:
    refuse_passphrase("acme-prod", project(tmp_path, text), environ)


@pytest.mark.parametrize("url", ["http://127.0.0.1:1", "http://localhost:1", "http://[::1]:1"])
def test_the_sandbox_is_known_by_its_api_on_loopback(url: str) -> None:
    assert in_sandbox({"TAILSCALE_BASE_URL": url})


@pytest.mark.parametrize("url", ["", "https://api.tailscale.com", "http://10.0.0.1", "http://localhost.example.com"])
def test_nothing_else_is_the_sandbox(url: str) -> None:
    assert not in_sandbox({"TAILSCALE_BASE_URL": url})


def test_preview_update_and_refresh_run_nothing_of_such_a_stack(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("TAILSCALE_BASE_URL", raising=False)
    monkeypatch.setenv("PATH", str(tmp_path))  # whatever is run is not there, and would say so
    at = project(tmp_path, CONFIG + SALT)
    said = engine.preview("acme-prod", at)
    assert not said.succeeded
    assert "refused outside of the sandbox" in said.remarks[0].text
    for run in (engine.deploy, engine.refresh):
        with pytest.raises(StackError, match="refused outside of the sandbox"):
            run("acme-prod", at)
