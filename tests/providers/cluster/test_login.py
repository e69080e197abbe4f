"""A login plugin is run as kubectl runs it, and its time is the call's: one that hangs is ended with its children."""

from __future__ import annotations

import base64
import json
import ssl
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterUnknownError
from sandbox.certificates import Authority
from tests.providers.cluster.api_server import Server, serving
from tests.providers.cluster.contexts import CONTEXT, write
from tests.providers.processes import ended

V1 = "client.authentication.k8s.io/v1"
NAMESPACE = "/api/v1/namespaces/tailscale"


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path, "cluster")


@contextmanager
def secure(authority: Authority, *, status: int = 200) -> Iterator[tuple[Server, dict[str, Any]]]:
    """An API server with TLS that accepts client certificates, and the cluster entry that leads to it."""
    pair = authority.server("api")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(pair.certificate, pair.key)
    context.load_verify_locations(authority.certificate)
    context.verify_mode = ssl.CERT_OPTIONAL
    body = {"kind": "Namespace", "metadata": {"name": "tailscale"}}
    with serving(lambda path, query: (status, body), tls=context) as server:
        data = base64.b64encode(authority.certificate.read_bytes()).decode()
        yield server, {"server": server.url, "certificate-authority-data": data}


def plugin(folder: Path, program: str, **more: Any) -> dict[str, Any]:
    """A user whose plugin is this Python program; it prints `status` as an ExecCredential, if it sets it."""
    file = folder / "plugin.py"
    file.write_text(
        "import json, os, sys, time, subprocess\nstatus = None\n"
        f"open({str(folder / 'runs')!r}, 'a').write('.')\n{program}\n"
        f"print(json.dumps({{'kind': 'ExecCredential', 'apiVersion': {V1!r}, 'status': status}}))\n"
    )
    entry = {"apiVersion": V1, "command": sys.executable, "args": [str(file)], "interactiveMode": "Never", **more}
    return {"exec": entry}


def runs(folder: Path) -> int:
    return len((folder / "runs").read_text())


def look(folder: Path, cluster: dict[str, Any], user: dict[str, Any], *, seconds: float = 30) -> ClusterLook:
    return ClusterLook(CONTEXT, write(folder / "kubeconfig", cluster, user), seconds=seconds)


def called_with(folder: Path, authority: Authority, user: dict[str, Any]) -> tuple[dict[str, list[str]], str | None]:
    """Headers of a call, and the common name of its client certificate."""
    with secure(authority) as (server, cluster):
        assert look(folder, cluster, user).one(NAMESPACE) == {"name": "tailscale"}
    return server.headers[0], server.clients[0]


def test_a_token_is_sent(tmp_path: Path, authority: Authority) -> None:
    assert called_with(tmp_path, authority, {"token": "t"})[0]["authorization"] == ["Bearer t"]


def test_username_and_password_are_sent(tmp_path: Path, authority: Authority) -> None:
    headers, _ = called_with(tmp_path, authority, {"username": "ada", "password": "p:q"})
    assert headers["authorization"] == [f"Basic {base64.b64encode(b'ada:p:q').decode()}"]


def test_a_token_file_is_read_at_every_call_and_wins_over_a_token(tmp_path: Path, authority: Authority) -> None:
    file = tmp_path / "token"
    with secure(authority) as (server, cluster):
        cluster_look = look(tmp_path, cluster, {"tokenFile": "token", "token": "fallback"})
        for contents in ("one\n", "two\n", ""):
            file.write_text(contents)
            cluster_look.one(NAMESPACE)
        file.unlink()
        cluster_look.one(NAMESPACE)
    sent = [headers["authorization"] for headers in server.headers]
    assert sent == [["Bearer one"], ["Bearer two"], ["Bearer fallback"], ["Bearer fallback"]]


def test_a_token_file_without_a_token_is_an_error_by_its_name(tmp_path: Path, authority: Authority) -> None:
    with secure(authority) as (_, cluster), pytest.raises(ClusterUnknownError, match="tokenFile"):
        look(tmp_path, cluster, {"tokenFile": "none"}).one(NAMESPACE)


@pytest.mark.parametrize("as_data", [True, False], ids=["data", "files"])
def test_a_client_certificate_is_presented(as_data: bool, tmp_path: Path, authority: Authority) -> None:
    pair = authority.client("ada")
    user: dict[str, Any] = {"client-certificate": str(pair.certificate), "client-key": str(pair.key)}
    if as_data:
        user = {f"{key}-data": base64.b64encode(Path(file).read_bytes()).decode() for key, file in user.items()}
    headers, name = called_with(tmp_path, authority, user)
    assert name == "ada"
    assert "authorization" not in headers


def test_impersonation_is_sent_as_kubectl_sends_it(tmp_path: Path, authority: Authority) -> None:
    user = {
        "token": "t",
        "as": "jürgen@example.com",
        "as-uid": "7",
        "as-groups": ["one", "two"],
        "as-user-extra": {"example.com/reason": ["drift", "night"]},
    }
    headers, _ = called_with(tmp_path, authority, user)
    assert headers["authorization"] == ["Bearer t"]
    assert headers["impersonate-user"] == ["jürgen@example.com".encode().decode("latin-1")], "UTF-8 on the wire"
    assert headers["impersonate-uid"] == ["7"]
    assert headers["impersonate-group"] == ["one", "two"]
    assert headers["impersonate-extra-example.com%2freason"] == ["drift", "night"]


def test_no_credential_is_sent_without_tls(tmp_path: Path) -> None:
    body = {"kind": "Namespace", "metadata": {"name": "tailscale"}}
    with serving(lambda path, query: (200, body)) as server:
        look(tmp_path, {"server": server.url}, {"token": "t", "as": "ci"}).one(NAMESPACE)
    assert "authorization" not in server.headers[0]
    assert server.headers[0]["impersonate-user"] == ["ci"]


def test_a_plugin_gets_its_environment_and_no_terminal(tmp_path: Path, authority: Authority) -> None:
    program = (
        "info = json.loads(os.environ['KUBERNETES_EXEC_INFO'])\n"
        "words = [os.environ['GIVEN'], info['apiVersion'], str(info['spec']), sys.stdin.read()]\n"
        "status = {'token': '|'.join(words)}"
    )
    headers, _ = called_with(tmp_path, authority, plugin(tmp_path, program, env=[{"name": "GIVEN", "value": "v"}]))
    assert headers["authorization"] == [f"Bearer v|{V1}|{{'interactive': False}}|"]


def test_a_plugin_that_wants_the_cluster_is_given_it(tmp_path: Path, authority: Authority) -> None:
    program = (
        f"open({str(tmp_path / 'info')!r}, 'w').write(os.environ['KUBERNETES_EXEC_INFO'])\nstatus = {{'token': 't'}}"
    )
    with secure(authority) as (_, cluster):
        extension = {"audience": "a", "force": True, "count": 7}
        cluster["extensions"] = [{"name": "client.authentication.k8s.io/exec", "extension": extension}]
        look(tmp_path, cluster, plugin(tmp_path, program, provideClusterInfo=True)).one(NAMESPACE)
    given = json.loads((tmp_path / "info").read_text())["spec"]["cluster"]
    assert given == {
        "server": cluster["server"],
        "certificate-authority-data": cluster["certificate-authority-data"],
        "config": extension,
    }


def test_a_plugin_may_give_a_certificate(tmp_path: Path, authority: Authority) -> None:
    pair = authority.client("plugged")
    status = {"clientCertificateData": pair.certificate.read_text(), "clientKeyData": pair.key.read_text()}
    assert called_with(tmp_path, authority, plugin(tmp_path, f"status = {status!r}"))[1] == "plugged"


@pytest.mark.parametrize(
    ("expiry", "times"), [(None, 1), ("2999-01-01T00:00:00Z", 1), ("2001-01-01T00:00:00Z", 3)], ids=str
)
def test_a_credential_of_a_plugin_is_kept_until_it_expires(
    expiry: str | None, times: int, tmp_path: Path, authority: Authority
) -> None:
    program = f"status = {{'token': 't', **({{'expirationTimestamp': {expiry!r}}} if {expiry!r} else {{}})}}"
    with secure(authority) as (_, cluster):
        cluster_look = look(tmp_path, cluster, plugin(tmp_path, program))
        for _ in range(3):
            cluster_look.one(NAMESPACE)
    assert runs(tmp_path) == times


def test_a_credential_that_was_refused_is_made_anew(tmp_path: Path, authority: Authority) -> None:
    with secure(authority, status=401) as (_, cluster):
        cluster_look = look(tmp_path, cluster, plugin(tmp_path, "status = {'token': 't'}"))
        for _ in range(2):
            with pytest.raises(ClusterUnknownError, match="401"):
                cluster_look.one(NAMESPACE)
    assert runs(tmp_path) == 2


def test_a_plugin_is_not_run_where_there_is_another_credential(tmp_path: Path, authority: Authority) -> None:
    user = {"token": "t", **plugin(tmp_path, "status = {'token': 'of the plugin'}")}
    assert called_with(tmp_path, authority, user)[0]["authorization"] == ["Bearer t"]
    assert not (tmp_path / "runs").exists()


def test_a_plugin_that_hangs_is_ended_with_its_children(tmp_path: Path, authority: Authority) -> None:
    program = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); signal.signal(signal.SIGTERM, signal.SIG_IGN)\n"
        "child = subprocess.Popen(['sleep', '600'])\n"
        f"open({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{child.pid}}')\n"
        "time.sleep(600)"
    )
    with secure(authority) as (server, cluster):
        cluster_look = look(tmp_path, cluster, plugin(tmp_path, program), seconds=3)
        with pytest.raises(ClusterUnknownError, match="gave no credential within 3 s and was ended"):
            cluster_look.one(NAMESPACE)
    assert server.asked == []
    for pid in map(int, (tmp_path / "pids").read_text().split()):
        assert ended(pid), f"process {pid} still runs"


@pytest.mark.parametrize(
    ("program", "told"),
    [
        ("sys.exit('please log in')", "ended with code 1: please log in"),
        ("status = {}", "neither a token nor a certificate"),
        ("status = {'clientCertificateData': 'hush'}", "neither a token nor a certificate"),
        ("status = {'clientCertificateData': 'hush', 'clientKeyData': 'hush'}", "cannot be used"),
        ("status = {'token': 'hush', 'expirationTimestamp': 'soon'}", "expirationTimestamp"),
        ("status = {'token': 'hush\\n'}", "header Authorization cannot hold"),
        ("print('hush')", "printed no ExecCredential"),
        ("pass", "printed an ExecCredential that is not of"),
    ],
)
def test_a_plugin_that_gives_no_credential_is_an_error_that_shows_none(
    program: str, told: str, tmp_path: Path, authority: Authority
) -> None:
    with secure(authority) as (server, cluster), pytest.raises(ClusterUnknownError, match=told) as error:
        look(tmp_path, cluster, plugin(tmp_path, program)).one(NAMESPACE)
    assert "hush" not in str(error.value)
    assert server.asked == []


def test_a_plugin_that_is_not_installed_gives_its_hint(tmp_path: Path, authority: Authority) -> None:
    user = plugin(tmp_path, "", command="no-such-plugin", installHint="Install it with\x1b[31m brew.")
    with secure(authority) as (_, cluster), pytest.raises(ClusterUnknownError, match="Install it with") as error:
        look(tmp_path, cluster, user).one(NAMESPACE)
    assert "no-such-plugin" in str(error.value)
    assert "\x1b" not in str(error.value)
