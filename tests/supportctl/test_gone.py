"""Proof of absence at Tailscale: what is left is named, and what could not be seen is never called gone."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from components.naming import Names
from providers.tailnet.client import Client
from providers.tailnet.credentials import credentials
from providers.tailnet.document import write
from providers.tailnet.severance import Mark, severed
from providers.tailnet.tags import Environment
from sandbox.tailscale import console
from supportctl.kill.recorded import Recorded
from supportctl.kill.target import target
from supportctl.verify import gone
from supportctl.verify.absence import Answer, Line, UnseenError
from supportctl.verify.exits import FAILS, NOT_ASKED
from supportctl.verify.gone import cluster_of, verify_gone
from supportctl.verify.gone_tailnet import tailnet_lines
from tests.providers.cluster.api_server import serving
from tests.providers.cluster.contexts import CONTEXT
from tests.providers.cluster.contexts import write as write_kubeconfig
from tests.providers.policies import ACME, GLOBEX, TRAP
from tests.providers.tailnet_api import Api, put_policy
from tests.supportctl.test_kill import make_key, run, stand

DEV = Environment("acme", "dev")
WHAT = ("policy", "credentials", "devices", "services")


def answers(lines: Iterator[Line]) -> dict[str, str]:
    return {line.what: line.answer for line in lines}


def asked(api: Api, environment: Environment = ACME, *, as_it_is: bool = False) -> dict[str, Line]:
    """The lines, as a person sees them who may read everything; or with the credential that the API is used with."""
    whole = {name: value for name, value in api.environ.items() if not name.startswith("TAILSCALE_OAUTH")}
    environ = api.environ if as_it_is else {**whole, "TAILSCALE_API_KEY": api.admin_key}
    with Client(credentials(environ)) as client:
        return {line.what: line for line in tailnet_lines(client, environment)}


def test_what_stands_is_left_in_every_line_and_named(api: Api) -> None:
    clients = stand(api, ACME, TRAP)
    found = asked(api)
    assert {what: line.answer for what, line in found.items()} == dict.fromkeys(WHAT, "left")
    assert "tagOwners names tag:kube-acme-prod" in found["policy"].said
    assert "grants names tag:kube-acme-prod" in found["policy"].said
    assert [clients["acme-prod"] in line for line in found["credentials"].said] == [True]
    assert found["devices"].said[0].startswith("acme-prod-kube.")
    assert found["services"].said == ("svc:acme-prod",)
    assert not any("acme-prod-x" in said for line in found.values() for said in line.said)


def test_after_a_kill_all_is_gone_and_the_mark_is_no_leftover(api: Api) -> None:
    stand(api, ACME, GLOBEX, TRAP)
    run(api, target("acme-prod", None))
    found = asked(api)
    assert {what: line.answer for what, line in found.items()} == dict.fromkeys(WHAT, "gone")
    assert all(line.how and line.when.endswith("Z") for line in found.values())
    assert "group:killed-acme-prod" in api.text
    assert answers(iter(asked(api, GLOBEX).values())) == dict.fromkeys(WHAT, "left")


def test_an_environment_that_never_was_is_gone(api: Api) -> None:
    assert answers(iter(asked(api, Environment("nobody", "prod")).values())) == dict.fromkeys(WHAT, "gone")


@pytest.mark.parametrize(("siblings", "answer"), [((), "left"), ((DEV,), "gone")])
def test_what_the_environments_of_a_customer_share_is_left_only_after_the_last(
    api: Api, siblings: tuple[Environment, ...], answer: str
) -> None:
    stand(api, ACME, *siblings)
    shared = make_key(api, "shared", keyType="client", scopes=["auth_keys"], tags=[ACME.operator_tag])
    api.register("proxy", [ACME.proxy_tag])
    with api.client() as client:  # a person took the environment out and forgot the chain
        write(client, lambda text, _: severed(text, [ACME], Mark("", "", "")).outcome, removing=True)
        for device in client.devices(ACME.kube_tag):
            client.delete_device(device["nodeId"])
    if not siblings:
        owners = f'"tagOwners": {{ "{ACME.operator_tag}": ["autogroup:admin"],'
        put_policy(api, api.text.replace('"tagOwners": {', owners))
    found = asked(api)
    assert found["policy"].answer == answer
    assert found["devices"].answer == answer
    assert any(shared in said for said in found["credentials"].said) is (answer == "left")


@pytest.mark.parametrize(
    ("path", "what"),
    [("/acl$", "policy"), ("/keys$", "credentials"), ("/devices$", "devices"), ("/vip-services$", "services")],
)
def test_what_the_api_does_not_tell_is_unknown_and_holds_up_no_other_line(api: Api, path: str, what: str) -> None:
    api.faults({"method": "GET", "path": path, "kind": "status", "status": 403})
    found = answers(iter(asked(api).values()))
    assert found.pop(what) == "unknown"
    assert set(found.values()) == {"gone"}


def test_a_credential_that_sees_only_some_keys_proves_nothing_of_the_others(api: Api) -> None:
    """The list leaves out what the scopes do not cover, without a word."""
    client_id, secret = console.new_oauth_client(
        api.state,
        ["policy_file:read", "devices:core:read", "oauth_keys:read", "auth_keys:read", "services:read"],
        [],
        "reader",
    )
    api.environ.pop("TAILSCALE_API_KEY")
    api.environ |= {"TAILSCALE_OAUTH_CLIENT_ID": client_id, "TAILSCALE_OAUTH_CLIENT_SECRET": secret}
    found = asked(api, as_it_is=True)
    assert found["credentials"].answer == "unknown"
    assert "federated_keys" in found["credentials"].said[0]
    assert found["policy"].answer == "gone"
    make_key(api, "ours", keyType="client", scopes=["auth_keys"], tags=["tag:ci"])
    put_policy(api, api.text.replace('"tagOwners": {', f'"tagOwners": {{ "{ACME.kube_tag}": ["autogroup:admin"],'))
    make_key(api, "ours", keyType="client", scopes=["auth_keys"], tags=[ACME.kube_tag])
    assert asked(api, as_it_is=True)["credentials"].answer == "left", "what it does see counts"


@pytest.fixture
def machine(api: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """A machine with the API's credential, a kubeconfig that names nothing, and no `pulumi`."""
    for name, value in api.environ.items():
        monkeypatch.setenv(name, value)
    kubeconfig = tmp_path / "kubeconfig"
    kubeconfig.write_text("contexts: []\n")
    monkeypatch.setenv("KUBECONFIG", str(kubeconfig))
    monkeypatch.setenv("PATH", str(tmp_path))
    return tmp_path


def test_without_state_file_and_cluster_the_rest_is_asked_and_nothing_is_claimed(
    machine: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert verify_gone("acme-prod", project=machine) == NOT_ASKED
    said = capsys.readouterr().out
    assert [line.split()[0] for line in said.splitlines() if not line.startswith(" ")] == [
        *["gone"] * 4,
        *["unknown"] * 7,
        "Nothing",
    ]
    assert "no cluster is known here" in said
    assert "unknown is not gone" in said


def test_what_is_left_outweighs_what_is_unknown(api: Api, machine: Path) -> None:
    api.register("acme-prod-kube", [])
    stand(api, ACME)
    assert verify_gone("acme-prod", project=machine) == FAILS


def test_without_a_credential_nothing_at_tailscale_is_gone(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("TAILSCALE_API_KEY")
    assert verify_gone("acme-prod", project=machine) == NOT_ASKED
    assert "gone  " not in capsys.readouterr().out


@pytest.mark.parametrize("stack", ["tailnet", "acme", "Acme-prod", ""])
def test_what_is_no_environments_stack_is_refused(stack: str, tmp_path: Path) -> None:
    assert verify_gone(stack, project=tmp_path) == NOT_ASKED


def test_another_cluster_than_the_recorded_one_proves_nothing(tmp_path: Path) -> None:
    other = {"kind": "Namespace", "metadata": {"name": "kube-system", "uid": "2"}}
    names = Names("acme", "prod")
    with serving(lambda path, query: (200, other)) as server:
        file = write_kubeconfig(tmp_path / "kubeconfig", {"server": server.url}, {})
        with pytest.raises(UnseenError, match="leads to another cluster"):
            cluster_of(names, tmp_path, Recorded(CONTEXT, file, "1"))
        assert cluster_of(names, tmp_path, Recorded(CONTEXT, file, "2")).one("/api/v1/namespaces/kube-system")


@pytest.mark.parametrize(
    ("answers", "code"),
    [
        (["gone"], 0),
        (["gone", "deleting"], 0),
        (["deleting", "unknown"], 2),
        (["deleting", "unknown", "left"], 1),
    ],
)
def test_what_kubernetes_is_deleting_decides_no_exit_code(
    answers: list[Answer],
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    found = [Line(what="namespace", answer=answer, said=(), how="", when="") for answer in answers]
    monkeypatch.setattr(gone, "lines", lambda *_: found)
    assert verify_gone("acme-prod", project=tmp_path) == code
    assert "deleting namespace" in capsys.readouterr().out or "deleting" not in answers
