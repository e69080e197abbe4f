"""The credential is where it was asked for, and nowhere else."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pyrage
import pytest
import yaml

from supportctl.handoff.command import NOT_WRITTEN, WRITTEN
from supportctl.handoff.credential import CredentialError, credential_text, encrypt
from tests.supportctl.handing_over import OUTPUTS, SECRET, contents, declared


def test_no_file_holds_the_credential_even_when_it_is_printed(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert handoff(print_credential=True) == WRITTEN
    printed = capsys.readouterr()
    (secret,) = yaml.safe_load_all(printed.out)
    assert secret["stringData"] == {"client_id": "kMadeUpCNTRL", "client_secret": SECRET}
    assert SECRET not in printed.err
    assert all(SECRET.encode() not in text for text in contents(tmp_path).values())


def test_it_is_not_printed_unasked(handoff: Callable[..., int], capsys: pytest.CaptureFixture[str]) -> None:
    assert handoff() == WRITTEN
    printed = capsys.readouterr()
    assert printed.out == ""
    assert SECRET not in printed.err
    assert "pending: The operator has not come online" in printed.err


def test_only_the_recipient_reads_the_encrypted_credential(handoff: Callable[..., int], tmp_path: Path) -> None:
    customer, other = pyrage.x25519.Identity.generate(), pyrage.x25519.Identity.generate()
    file = tmp_path / "acme.age"
    file.write_text("an older one, open to all")
    file.chmod(0o644)
    assert handoff(age=(str(customer.to_public()),), credential=file) == WRITTEN
    assert file.stat().st_mode & 0o777 == 0o600
    (secret,) = yaml.safe_load_all(pyrage.decrypt(file.read_bytes(), [customer]))
    assert secret["metadata"]["name"] == "operator-oauth-1"
    with pytest.raises(pyrage.DecryptError):
        pyrage.decrypt(file.read_bytes(), [other])


def test_the_credential_does_not_go_into_the_folder_even_encrypted(
    handoff: Callable[..., int], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    recipient = str(pyrage.x25519.Identity.generate().to_public())
    assert handoff(age=(recipient,), credential=tmp_path / "out" / "acme.age") == NOT_WRITTEN
    assert "The credential goes on another way" in capsys.readouterr().err
    assert contents(tmp_path) == {}


def test_a_credential_can_go_to_an_ssh_key_too() -> None:
    text = credential_text(declared(), OUTPUTS)
    with pytest.raises(CredentialError, match="ssh-ed25519"):
        encrypt(text, ["ssh-ed25519 nonsense"])
