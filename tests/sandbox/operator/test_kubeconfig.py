"""A kubeconfig leads to one cluster and its administrator, or says what is missing in it."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from sandbox import kubeconfig as writer
from sandbox.certificates import Authority
from sandbox.operator.kubeconfig import KubeconfigError, read


@pytest.fixture
def file(tmp_path: Path) -> Path:
    authority = Authority(tmp_path, "test")
    entry = writer.Entry("https://127.0.0.1:1", authority.certificate, authority.client("admin", "system:masters"))
    writer.write(tmp_path / "kubeconfig", {"acme-prod": entry})
    return tmp_path / "kubeconfig"


def test_both_trusts_verify_the_server_with_the_clusters_authority(file: Path) -> None:
    endpoint = read(file, "acme-prod")
    assert endpoint.server == "https://127.0.0.1:1"
    assert endpoint.token is None
    for trust in (endpoint.administrator, endpoint.anonymous):
        assert trust.check_hostname
        assert len(trust.get_ca_certs()) == 1  # and none of the machine's own


def test_a_context_that_is_missing_is_named_with_those_that_are_there(file: Path) -> None:
    with pytest.raises(KubeconfigError, match="no context 'globex-prod'; it has: acme-prod"):
        read(file, "globex-prod")


def test_a_file_that_is_missing_or_no_yaml_is_said(tmp_path: Path) -> None:
    with pytest.raises(KubeconfigError, match="cannot read"):
        read(tmp_path / "none", "acme-prod")
    (tmp_path / "broken").write_text("{")
    with pytest.raises(KubeconfigError, match="not YAML"):
        read(tmp_path / "broken", "acme-prod")


def test_a_client_certificate_without_its_key_is_said(file: Path) -> None:
    document = yaml.safe_load(file.read_text())
    del document["users"][0]["user"]["client-key-data"]
    file.write_text(yaml.safe_dump(document))
    with pytest.raises(KubeconfigError, match="neither client-key nor client-key-data"):
        read(file, "acme-prod")
