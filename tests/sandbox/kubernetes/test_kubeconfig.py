"""Choosing a cluster, a user and a namespace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from sandbox.plugins.kubernetes.kubeconfig import KubeconfigError, ambient, choose, parse


def config(name: str, server: str = "https://one.example:6443", **context: str) -> dict[str, Any]:
    return {
        "clusters": [{"name": name, "cluster": {"server": server, "certificate-authority": "ca.crt"}}],
        "users": [{"name": name, "user": {"token": "t"}}],
        "contexts": [{"name": name, "context": {"cluster": name, "user": name, **context}}],
        "current-context": name,
    }


def write(path: Path, content: dict[str, Any]) -> str:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(yaml.safe_dump(content))
    return str(path)


def test_a_kubeconfig_is_a_path_or_contents(tmp_path: Path) -> None:
    content = config("a")
    assert parse(write(tmp_path / "k", content)) == content
    assert parse(yaml.safe_dump(content)) == content
    for nonsense in (str(tmp_path / "missing"), "x" * 5000, "{", "- a list"):
        with pytest.raises(KubeconfigError):
            parse(nonsense)


def test_of_several_files_the_first_word_on_a_name_counts(tmp_path: Path) -> None:
    first = write(tmp_path / "1" / "k", config("a"))
    second = write(tmp_path / "2" / "k", {**config("a", "https://other.example"), **{}})
    third = write(tmp_path / "3" / "k", config("b", "https://b.example"))
    merged = ambient({"KUBECONFIG": f"{first}:{second}:{tmp_path / 'missing'}:{third}"})
    assert choose(merged, None, None, None).server == "https://one.example:6443"
    assert choose(merged, "b", None, None).server == "https://b.example"
    assert merged["clusters"][0]["cluster"]["certificate-authority"] == str(tmp_path / "1" / "ca.crt")


def test_without_the_variable_it_is_the_file_in_the_home_folder(tmp_path: Path) -> None:
    write(tmp_path / ".kube" / "config", config("home"))
    assert choose(ambient({"HOME": str(tmp_path)}), None, None, None).context == "home"


def test_no_configuration_at_all_means_localhost(tmp_path: Path) -> None:
    assert choose(ambient({"HOME": str(tmp_path)}), None, None, None).server == "http://localhost:8080"


def test_the_providers_own_words_go_over_the_context() -> None:
    both = config("a", namespace="theirs")
    both["clusters"] += config("b", "https://b.example")["clusters"]
    assert choose(both, None, None, None).namespace == "theirs"
    chosen = choose(both, None, "b", "ours")
    assert (chosen.server, chosen.namespace) == ("https://b.example", "ours")
    assert chosen.config["users"][0]["name"] == "a"
    assert choose(config("a"), None, None, None).namespace == "default"


@pytest.mark.parametrize(
    ("context", "cluster", "says"),
    [("nope", None, 'context "nope" does not exist'), (None, "nope", 'cluster "nope" does not exist')],
)
def test_a_name_that_is_not_there_is_named(context: str | None, cluster: str | None, says: str) -> None:
    with pytest.raises(KubeconfigError, match=says):
        choose(config("a"), context, cluster, None)
