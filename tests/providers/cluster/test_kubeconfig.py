"""A kubeconfig means what it means for kubectl; what it says and this program does not obey is refused by name."""

from __future__ import annotations

import base64
import json
import os
from pathlib import Path
from typing import Any

import pytest

from providers.cluster.kubeconfig import access
from providers.cluster.problems import ClusterUnknownError
from tests.providers.cluster.contexts import CONTEXT, write

SERVER = {"server": "https://10.0.0.1:6443"}
PLUGIN = {"apiVersion": "client.authentication.k8s.io/v1", "command": "get-token", "interactiveMode": "Never"}


def refused(folder: Path, cluster: dict[str, Any], user: dict[str, Any]) -> str:
    with pytest.raises(ClusterUnknownError) as error:
        access(CONTEXT, write(folder / "kubeconfig", cluster, user))
    assert "hush" not in str(error.value), "a credential in a message"
    return str(error.value)


def test_of_several_files_the_first_to_name_an_entry_gives_all_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = write(tmp_path / "first", {"server": "https://first"}, {}, users=[])
    second = write(tmp_path / "second", {"server": "https://second", "tls-server-name": "second"}, {"token": "t"})
    files = [tmp_path / "missing", first, second]
    monkeypatch.setenv("KUBECONFIG", os.pathsep.join(map(str, files)))
    found = access(CONTEXT)
    assert (found.cluster.server, found.cluster.tls_server_name) == ("https://first", "")
    assert found.user.token == "t", "an entry that the first file lacks comes from the next"


def test_relative_paths_are_relative_to_the_file_that_has_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users, clusters = tmp_path / "users", tmp_path / "clusters"
    for folder in (users, clusters):
        folder.mkdir()
        (folder / "pem").write_text(folder.name)
    write(
        users / "config",
        {},
        {
            "client-certificate": "pem",
            "client-key": "./pem",
            "tokenFile": "token",
            "exec": {**PLUGIN, "command": "./bin/get-token"},
        },
        clusters=[],
    )
    write(clusters / "config", {**SERVER, "certificate-authority": "pem"}, {}, users=[])
    monkeypatch.setenv("KUBECONFIG", f"{users / 'config'}{os.pathsep}{clusters / 'config'}")
    monkeypatch.chdir(tmp_path)
    found = access(CONTEXT)
    assert base64.b64decode(found.cluster.certificate_authority_data) == b"clusters"
    assert base64.b64decode(found.user.client_certificate_data) == b"users"
    assert base64.b64decode(found.user.client_key_data) == b"users"
    assert found.user.token_file == str(users / "token")
    assert found.user.exec is not None
    assert Path(found.user.exec.command) == users / "bin/get-token"


def test_a_plugin_without_a_path_is_found_on_path(tmp_path: Path) -> None:
    found = access(CONTEXT, write(tmp_path / "kubeconfig", SERVER, {"exec": PLUGIN}))
    assert found.user.exec is not None
    assert found.user.exec.command == "get-token"


def test_a_context_without_a_user_calls_anonymously(tmp_path: Path) -> None:
    file = write(tmp_path / "kubeconfig", SERVER, {}, contexts=[{"name": CONTEXT, "context": {"cluster": "c"}}])
    assert access(CONTEXT, file).user.token == ""


@pytest.mark.parametrize("spelling", ["true", "True", "yes", "on"])
def test_insecure_skip_tls_verify_is_obeyed_with_a_warning(spelling: str, tmp_path: Path) -> None:
    file = tmp_path / "kubeconfig"
    file.write_text(
        f"clusters: [{{name: c, cluster: {{server: 'https://a', insecure-skip-tls-verify: {spelling}}}}}]\n"
        f"contexts: [{{name: {CONTEXT}, context: {{cluster: c}}}}]\n"
    )
    found = access(CONTEXT, file)
    assert found.cluster.insecure_skip_tls_verify
    (warning,) = found.warnings
    assert "insecure-skip-tls-verify" in warning


def test_a_secure_kubeconfig_has_no_warning(tmp_path: Path) -> None:
    assert access(CONTEXT, write(tmp_path / "kubeconfig", SERVER, {})).warnings == ()


@pytest.mark.parametrize("name", ["gcp", "azure", "oidc", "openstack"])
def test_auth_provider_is_refused_by_name_with_what_to_use_instead(name: str, tmp_path: Path) -> None:
    config = {"id-token": "hush", "refresh-token": "hush", "idp-issuer-url": "https://127.0.0.1:1"}
    problem = refused(tmp_path, SERVER, {"auth-provider": {"name": name, "config": config}})
    assert f"auth-provider {name}" in problem
    assert "exec plugin" in problem


@pytest.mark.parametrize(
    ("cluster", "user", "named"),
    [
        ({}, {}, "server"),
        ({**SERVER, "proxyUrl": "http://hush"}, {}, "proxyUrl"),
        ({**SERVER, "proxy-url": "socks4://hush:1"}, {}, "proxy-url"),
        ({**SERVER, "proxy-url": "hush"}, {}, "proxy-url"),
        ({**SERVER, "certificate-authority-data": "?hush?"}, {}, "certificate-authority-data"),
        ({**SERVER, "certificate-authority": "none.pem"}, {}, "certificate-authority"),
        ({**SERVER, "certificate-authority": "a", "certificate-authority-data": "YQ=="}, {}, "certificate-authority"),
        ({**SERVER, "insecure-skip-tls-verify": True, "certificate-authority-data": "YQ=="}, {}, "insecure"),
        ({**SERVER, "insecure-skip-tls-verify": "perhaps"}, {}, "insecure-skip-tls-verify"),
        (SERVER, {"token": "hush", "password": "hush"}, "token"),
        (SERVER, {"client-certificate-data": "YQ=="}, "client-key"),
        (SERVER, {"client-certificate-data": "?hush?", "client-key-data": "YQ=="}, "client-certificate-data"),
        (SERVER, {"client-certificate": "none.pem"}, "client-certificate"),
        (SERVER, {"as-groups": ["system:masters"]}, "as-groups"),
        (SERVER, {"as-uid": "1"}, "as-uid"),
        (SERVER, {"impersonate": "hush"}, "impersonate"),
        (SERVER, {"exec": {**PLUGIN, "apiVersion": "client.authentication.k8s.io/v1alpha1"}}, "apiVersion"),
        (SERVER, {"exec": {**PLUGIN, "interactiveMode": "Always"}}, "interactiveMode"),
        (SERVER, {"exec": {**PLUGIN, "interactiveMode": ""}}, "interactiveMode"),
        (SERVER, {"exec": {**PLUGIN, "timeout": "5s"}}, "exec.timeout"),
        (SERVER, {"exec": {"apiVersion": PLUGIN["apiVersion"], "interactiveMode": "Never"}}, "exec.command"),
        (SERVER, {"exec": {**PLUGIN, "env": [{"value": "hush"}]}}, "exec.env.0.name"),
        (SERVER, {"token": ["hush"]}, "token"),
    ],
    ids=lambda value: json.dumps(value)[:60],
)
def test_what_is_contradictory_or_unknown_is_refused_by_the_name_of_its_key(
    cluster: dict[str, Any], user: dict[str, Any], named: str, tmp_path: Path
) -> None:
    assert named in refused(tmp_path, cluster, user)


def test_an_entry_that_the_context_does_not_use_may_say_anything(tmp_path: Path) -> None:
    users = [{"name": "u", "user": {"token": "t"}}, {"name": "old", "user": {"auth-provider": {"name": "gcp"}}}]
    assert access(CONTEXT, write(tmp_path / "kubeconfig", SERVER, {}, users=users)).user.token == "t"


@pytest.mark.parametrize("section", ["clusters", "users", "contexts"])
def test_two_entries_of_one_name_in_one_file_are_refused(section: str, tmp_path: Path) -> None:
    file = write(tmp_path / "kubeconfig", SERVER, {"token": "t"})
    document = json.loads(file.read_text())
    document[section] *= 2
    file.write_text(json.dumps(document))
    with pytest.raises(ClusterUnknownError, match="more than one"):
        access(CONTEXT, file)


@pytest.mark.parametrize("missing", ["clusters", "users", "contexts"])
def test_an_entry_that_is_named_and_missing_is_refused(missing: str, tmp_path: Path) -> None:
    with pytest.raises(ClusterUnknownError, match=f"has no {missing[:-1]} called"):
        access(CONTEXT, write(tmp_path / "kubeconfig", SERVER, {}, **{missing: []}))


def test_a_file_that_exists_and_cannot_be_read_is_an_error_and_not_a_missing_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = write(tmp_path / "good", SERVER, {})
    (tmp_path / "broken").write_text("{")
    monkeypatch.setenv("KUBECONFIG", f"{tmp_path / 'broken'}{os.pathsep}{good}")
    with pytest.raises(ClusterUnknownError, match="broken is not YAML"):
        access(CONTEXT)


def test_no_credential_is_in_a_representation(tmp_path: Path) -> None:
    user = {"token": "hush", "password": "", "exec": {**PLUGIN, "env": [{"name": "KEY", "value": "hush"}]}}
    assert "hush" not in repr(
        access(CONTEXT, write(tmp_path / "kubeconfig", {**SERVER, "proxy-url": "http://a:hush@b"}, user))
    )


@pytest.mark.parametrize("url", ["http://user:s3/cret@proxy:3128", "http://user:s3cret@[::1"])
def test_a_proxy_url_with_a_password_that_breaks_it_is_refused_without_the_password(url: str, tmp_path: Path) -> None:
    path = write(tmp_path / "kubeconfig", {"server": "https://127.0.0.1:1", "proxy-url": url}, {"token": "t"})
    with pytest.raises(ClusterUnknownError, match="has a proxy-url that is not a URL") as refused:
        access(CONTEXT, path)
    assert "s3" not in str(refused.value)
