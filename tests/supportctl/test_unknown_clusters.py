"""Whatever keeps a cluster from answering, from its kubeconfig to its API server, is one error with its reason: a
preview names it and does nothing in the cluster, `verify --gone` says unknown, and the proxy drain's delete goes on."""

from __future__ import annotations

import base64
import json
import socket
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import pytest

from components.cluster import survey
from components.naming import Names
from components.settings.environment import Cluster, EnvironmentSettings
from providers.cluster.look import ClusterLook
from providers.cluster.problems import ClusterUnknownError
from providers.tailnet.withdrawal import Withdrawal
from supportctl.verify.gone import cluster_of
from supportctl.verify.gone_cluster import cluster_lines
from tests.providers.cluster.api_server import serving
from tests.providers.cluster.contexts import CONTEXT, write
from tests.providers.cluster.proxies import socks_proxy
from tests.providers.test_resources import Recorder
from tests.providers.test_withdrawal import STATE, Time

LIMIT = 1.0
CLOSED = "http://127.0.0.1:1"
SECURE = "https://127.0.0.1:1"
TOKEN = ".".join(
    base64.b64encode(json.dumps(part).encode()).decode().rstrip("=") for part in ({"alg": "none"}, {"exp": 1}, {})
)
EXPIRED = {"id-token": TOKEN, "idp-issuer-url": "https://127.0.0.1:1", "client-id": "c", "refresh-token": "r"}


def plugin(program: str) -> dict[str, Any]:
    version = "client.authentication.k8s.io/v1"
    return {"apiVersion": version, "command": sys.executable, "args": ["-c", program], "interactiveMode": "Never"}


FAULTS: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "an auth-provider whose issuer is away": (
        {"server": SECURE},
        {"auth-provider": {"name": "oidc", "config": EXPIRED}},
        "auth-provider oidc",
    ),
    "an auth-provider that is gone": ({"server": SECURE}, {"auth-provider": {"name": "gcp", "config": {}}}, "gcp"),
    "an auth-provider that is no mapping": ({"server": SECURE}, {"auth-provider": "gcp"}, "auth-provider"),
    "a login that hangs": ({"server": SECURE}, {"exec": plugin("import time; time.sleep(20)")}, "was ended"),
    "a login that fails": ({"server": SECURE}, {"exec": plugin("raise SystemExit('no session')")}, "no session"),
    "a login that prints rubbish": ({"server": SECURE}, {"exec": plugin("print([])")}, "no ExecCredential"),
    "a login that is not installed": ({"server": SECURE}, {"exec": {**plugin(""), "command": "none"}}, "started"),
    "a proxy that is away": ({"server": SECURE, "proxy-url": CLOSED}, {}, "does not answer"),
    "a proxy of another kind": ({"server": SECURE, "proxy-url": "ftp://a"}, {}, "proxy-url"),
    "impersonated groups without a user": ({"server": SECURE}, {"as-groups": ["g"]}, "as-groups"),
    "a key that nobody knows": ({"server": SECURE}, {"tokens": "t"}, "tokens"),
    "a token's file that is missing": ({"server": SECURE}, {"tokenFile": "none"}, "tokenFile"),
    "a certificate that is none": (
        {"server": SECURE},
        {"client-certificate-data": "YQ==", "client-key-data": "YQ=="},
        "certificates",
    ),
    "an authority that is none": ({"server": SECURE, "certificate-authority-data": "YQ=="}, {}, "certificates"),
    "no server": ({}, {}, "server"),
    "a server that is away": ({"server": CLOSED}, {}, "does not answer"),
    "a server that is no URL": ({"server": "https://a:b"}, {}, "URL"),
}
"""Cluster and user entry of the kubeconfig, and what the reason names."""


@contextmanager
def frozen() -> Iterator[str]:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"


@contextmanager
def answering(status: int, body: Any) -> Iterator[str]:
    with serving(lambda path, query: (status, body)) as server:
        yield server.url


@contextmanager
def behind_socks() -> Iterator[str]:
    """A proxy that leads to nothing."""
    with socks_proxy(1) as (url, _):
        yield url


SERVERS = {
    "a frozen API server": (frozen, "within 1 s"),
    "a refused credential": (lambda: answering(401, {"kind": "Status", "message": "Unauthorized"}), "401"),
    "a store that is away": (
        lambda: answering(500, {"kind": "Status", "message": "etcdserver: timeout"}),
        "etcdserver",
    ),
    "a page of something else": (lambda: answering(200, b"<html>"), "no Kubernetes API server"),
    "a redirect to a login": (lambda: answering(302, b""), "302"),
    "a 404 of something else": (lambda: answering(404, {"message": "no such cluster"}), "no Kubernetes API server"),
}


@pytest.fixture(params=[*FAULTS, *SERVERS, "no file", "no YAML", "a proxy that leads nowhere"])
def faulty(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Path, str]]:
    """A kubeconfig, and what the reason must name."""
    file, fault = tmp_path / "kubeconfig", request.param
    with ExitStack() as opened:
        if fault in FAULTS:
            cluster, user, named = FAULTS[fault]
            write(file, cluster, user)
        elif fault in SERVERS:
            start, named = SERVERS[fault]
            write(file, {"server": opened.enter_context(start())}, {})
        elif fault == "no file":
            named = "there is no kubeconfig"
        elif fault == "no YAML":
            file.write_text("{")
            named = "not YAML"
        else:
            write(file, {"server": SECURE, "proxy-url": opened.enter_context(behind_socks())}, {})
            named = "the API server"
        yield file, named


def test_the_preflight_raises_the_error_that_a_preview_reports(
    faulty: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    file, named = faulty
    monkeypatch.setattr(survey, "SECONDS", LIMIT)
    settings = EnvironmentSettings.model_validate(
        {
            "customer": "acme",
            "environment": "prod",
            "delivery": "managed",
            "cluster": {"context": CONTEXT, "kubeconfig": str(file)},
            "access": [{"from": "group:highflame-sre", "role": "read-only"}],
        }
    )
    assert settings.cluster is not None
    with pytest.raises(ClusterUnknownError, match=named):
        survey.survey(survey._connected(settings.cluster), settings, ())


def test_verify_gone_says_unknown(faulty: tuple[Path, str]) -> None:
    file, named = faulty
    lines = list(cluster_lines(lambda: ClusterLook(CONTEXT, file, seconds=LIMIT), Names("acme", "prod")))
    assert {line.answer for line in lines} == {"unknown"}
    assert all(named in line.said[0] for line in lines)


def test_the_drain_goes_on(faulty: tuple[Path, str]) -> None:
    file, named = faulty
    log = Recorder()
    state = {**STATE, "context": CONTEXT, "kubeconfig": str(file)}
    drain = Withdrawal(Time(), log, lambda context, path: ClusterLook(context, path, seconds=LIMIT))  # type: ignore[arg-type]
    drain.delete(state)
    assert any(named in warning for warning in log.warnings), json.dumps(log.warnings)


def test_a_preview_and_verify_warn_of_a_server_that_is_not_verified(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    file = write(tmp_path / "kubeconfig", {"server": SECURE, "insecure-skip-tls-verify": True}, {})
    told: list[str] = []
    monkeypatch.setattr(survey.pulumi.log, "warn", told.append)
    survey._connected(Cluster.model_validate({"context": CONTEXT, "kubeconfig": str(file)}))
    assert "insecure-skip-tls-verify" in told[0]
    monkeypatch.setenv("KUBECONFIG", str(file))
    cluster_of(Names("acme", "prod"), tmp_path)
    assert "insecure-skip-tls-verify" in " ".join(capsys.readouterr().err.split())
