"""A managed delivery is refused unless a kubeconfig is there and holds its context."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from components.settings.kubeconfig import check_kubeconfig
from providers.cluster.kubeconfig import servers


def kubeconfig(file: Path, **contexts: str) -> Path:
    """A file with these contexts, each of the API server given."""
    document = {
        "contexts": [{"name": name, "context": {"cluster": f"c-{name}"}} for name in contexts],
        "clusters": [{"name": f"c-{name}", "cluster": {"server": url}} for name, url in contexts.items()],
        "users": [{"name": "u", "user": {"token": "hush"}}],
    }
    file.write_text(json.dumps(document))
    return file


def problems(**cluster: Any) -> dict[str, str]:
    found = list(check_kubeconfig("acme-prod", {"cluster": cluster}))
    assert "hush" not in str(found)
    return {problem.key.removeprefix("support-access:"): problem.what for problem in found}


def test_the_named_file_wins_over_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig(tmp_path / "env", elsewhere="https://a")))
    named = kubeconfig(tmp_path / "named", here="https://b")
    assert not problems(context="here", kubeconfig=str(named))
    assert "elsewhere" in problems(context="elsewhere", kubeconfig=str(named))["cluster.context"]


def test_a_list_of_files_is_read_as_kubectl_reads_it(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    one = kubeconfig(tmp_path / "one", first="https://one")
    two = kubeconfig(tmp_path / "two", first="https://two", second="https://two")
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join([str(tmp_path / "absent"), str(one), "", str(two)]))
    assert servers(None) == {"first": "https://one", "second": "https://two"}
    assert not problems(context="second")


def test_without_a_setting_it_is_the_file_in_the_home_folder(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("KUBECONFIG", "")
    monkeypatch.setenv("HOME", str(tmp_path))
    assert str(tmp_path / ".kube/config") in problems(context="here")["cluster.kubeconfig"]
    (tmp_path / ".kube").mkdir()
    kubeconfig(tmp_path / ".kube/config", here="https://a")
    assert not problems(context="here")
    assert not problems(context="here", kubeconfig="~/.kube/config")


def test_a_context_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    file = kubeconfig(tmp_path / "k", **{"acme-prod": "https://a", "globex": "https://b"})
    (problem,) = check_kubeconfig("s", {"cluster": {"context": "acme_prod", "kubeconfig": str(file)}})
    assert problem.what.endswith("there: acme-prod, globex.")
    assert problem.mend.endswith("cluster.context acme-prod")


@pytest.mark.parametrize(
    "contents",
    [
        b"",
        b"\xff\xfe",
        b"token: [hush",
        b"- hush",
        b"a: &a [*a]",
        b"[" * 5000,
        b"contexts: 7",
        b"contexts: [7, {}]",
        b"? {a: b}\n: c",
    ],
)
def test_a_file_that_is_no_kubeconfig_is_refused(tmp_path: Path, contents: bytes) -> None:
    file = tmp_path / "k"
    file.write_bytes(contents)
    assert problems(context="here", kubeconfig=str(file))


def test_a_folder_is_no_kubeconfig(tmp_path: Path) -> None:
    assert "cannot be read" in problems(context="here", kubeconfig=str(tmp_path))["cluster.kubeconfig"]


def test_a_path_that_no_file_can_have_is_refused() -> None:
    assert "cannot be read" in problems(context="here", kubeconfig="/" + "x" * 5000)["cluster.kubeconfig"]


def test_a_user_without_a_home_folder_has_no_kubeconfig_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("KUBECONFIG", raising=False)
    monkeypatch.delenv("HOME")
    monkeypatch.setattr("pwd.getpwuid", lambda uid: {}[uid])
    assert "~/.kube/config" in problems(context="here")["cluster.kubeconfig"]


def test_context_names_that_yaml_would_take_for_something_else(tmp_path: Path) -> None:
    file = tmp_path / "k"
    file.write_text("contexts: [{name: on, context: {cluster: x}}, {name: 2024-01-01, context: {cluster: x}}]")
    assert not problems(context="on", kubeconfig=str(file))
    assert not problems(context="2024-01-01", kubeconfig=str(file))
