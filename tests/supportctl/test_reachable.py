"""`verify STACK --reachable`: what keeps engineers from an operator that runs is a failed check, with its fix."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from providers.tailnet.document import write
from providers.tailnet.slice import applied
from supportctl.stack import StackError
from supportctl.verify import reachable
from supportctl.verify.command import run_verify
from supportctl.verify.exits import FAILS, HOLDS, NOT_ASKED
from supportctl.verify.options import VerifyOptions
from tests.providers.policies import ACME, identity
from tests.providers.tailnet_api import Api
from tests.supportctl.handing_over import declared

OPTIONS = VerifyOptions(
    stack="acme-prod",
    egress=False,
    gone=False,
    reachable=True,
    manifest=False,
    results=None,
    needed=(),
    shut=(),
    map_url="",
    map_file=None,
    limit=10.0,
    project=Path(),
)

Verify = Callable[..., tuple[int, str]]


@pytest.fixture
def verify(api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Verify:
    """Exit code and what a person reads; the tailnet has HTTPS, and its policy the environment's tags."""
    wanted = identity(ACME)
    wanted.sections["tagOwners"][ACME.api_tag] = [ACME.kube_tag]
    write(api.client(), lambda text, _: applied(text, wanted))
    api.state.data["settings"]["httpsEnabled"] = True
    monkeypatch.setattr("os.environ", dict(api.environ))

    def run(**bent: Any) -> tuple[int, str]:
        monkeypatch.setattr(reachable, "settings_of", lambda *_: declared(**bent))
        code = run_verify(OPTIONS)
        shown = capsys.readouterr()
        return code, shown.out + shown.err

    return run


def operator(api: Api) -> dict[str, Any]:
    node = api.register("acme-prod-kube", [ACME.operator_tag, ACME.kube_tag])
    return api.state.data["devices"][node["nodeId"]]


def test_an_operator_that_can_be_reached_holds(api: Api, verify: Verify) -> None:
    operator(api)
    code, shown = verify()
    assert code == HOLDS, shown
    assert "acme-prod-kube" in shown


@pytest.mark.parametrize(
    ("change", "fix"),
    [
        ({"authorized": False}, '"authorized": true'),
        ({"tailnetLockError": "not signed"}, "tailscale lock sign"),
        ({"expiresAt": 1_700_000_000, "keyExpiryDisabled": False}, '"keyExpiryDisabled": true'),
        ({"blocksIncomingConnections": True}, "--shields-up=false"),
    ],
)
def test_an_operator_that_nobody_can_reach_fails_with_the_fix(
    api: Api, verify: Verify, change: dict[str, Any], fix: str
) -> None:
    operator(api).update(change)
    code, shown = verify()
    assert code == FAILS
    assert fix in shown


def test_an_operator_that_is_not_registered_fails(verify: Verify) -> None:
    code, shown = verify()
    assert code == FAILS
    assert "no device with tag:kube-acme-prod" in shown


def test_an_operator_that_is_offline_fails(api: Api, verify: Verify) -> None:
    operator(api)["online"] = False
    code, shown = verify()
    assert code == FAILS
    assert "registered and offline" in shown


@pytest.mark.parametrize(("section", "key", "value"), [("settings", "httpsEnabled", False), ("dns", "magicDNS", False)])
def test_a_tailnet_without_names_or_certificates_fails(
    api: Api, verify: Verify, section: str, key: str, value: bool
) -> None:
    operator(api)
    api.state.data[section][key] = value
    code, shown = verify()
    assert code == FAILS
    assert "pulumi up -s tailnet" in shown


def test_another_owner_of_the_policy_is_a_warning_and_no_failure(api: Api, verify: Verify) -> None:
    operator(api)
    api.state.data["settings"] |= {"aclsExternallyManagedOn": True, "aclsExternalLink": "https://git.example.com/p"}
    code, shown = verify()
    assert code == HOLDS
    assert "https://git.example.com/p" in shown
    assert "warning" in shown


def test_what_may_not_be_read_is_not_called_good(api: Api, verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    operator(api)
    api.use_oauth_client()
    monkeypatch.setattr("os.environ", dict(api.environ))
    code, shown = verify()
    assert code == NOT_ASKED
    assert "networking_settings:read" in shown


def test_a_failure_counts_before_what_may_not_be_read(
    api: Api, verify: Verify, monkeypatch: pytest.MonkeyPatch
) -> None:
    operator(api)["authorized"] = False
    api.use_oauth_client()
    monkeypatch.setattr("os.environ", dict(api.environ))
    assert verify()[0] == FAILS


def test_devices_that_cannot_be_listed_are_unknown(api: Api, verify: Verify) -> None:
    operator(api)
    api.faults({"kind": "status", "method": "GET", "path": "/api/v2/tailnet/-/devices", "status": 403})
    code, shown = verify()
    assert code == NOT_ASKED
    assert "unknown" in shown


def test_a_stack_that_cannot_be_read_is_not_asked(verify: Verify, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreadable(*_: object) -> None:
        raise StackError("no stack named acme-prod")

    verify()
    monkeypatch.setattr(reachable, "settings_of", unreadable)
    assert run_verify(OPTIONS) == NOT_ASKED
